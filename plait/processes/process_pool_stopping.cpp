// The ladder: how a call is stopped that runs in a worker.
//
//    its deadline ─┐                         stop_grace                term_grace
//    a cancel that ┴─► asked ──────────────────────────► SIGTERM ───────────────────► SIGKILL
//    kills             (std::stop_token; a callable        │
//                      that takes none is not waited for)  └ from here on the worker takes no call; where there is
//                                                            work another takes its place
//
// - Rungs are climbed by the attendant, which sleeps no longer than until the next one.
// - A call that gives way while it was only asked keeps its worker.
// - Only that call is lost. What was sent ahead behind it is taken back before the first signal. Where the worker has
//   begun with the next one, it has answered the first already: then no signal is sent.
#include <plait/core/time.hpp>
#include <plait/processes/internal/pool_worker.hpp>
#include <plait/processes/internal/process_pool.hpp>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <mutex>

#include <sys/syscall.h>
#include <unistd.h>

namespace plait::inline PLAIT_ABI::detail {

bool process_pool::is_killable(const work_item& item) const noexcept {
  const auto* const more = item.extras();
  return (more && more->cancel ? *more->cancel : settings_.cancel) == cancel_mode::kill;
}

// For a call that the worker has begun with.
void process_pool::begin_ladder(worker& on, const flight& call, const char* why) noexcept {
  if (!on.killed_because.empty() || on.pushed.at > ladder::rung::asked) return;           // it ends anyway
  if (on.pushed.at != ladder::rung::none && on.pushed.sequence == call.sequence) return;  // no second grace
  const bool asked = call.item->takes_stop_token();
  if (asked) on.line.ask_to_stop(call.sequence);
  on.pushed = {ladder::rung::asked, asked ? from_now(settings_.stop_grace) : sync::now(), call.sequence, why};
  ladders_in_use_ = true;
  ring_attendant();
}

// The worker has answered: where it was not signalled yet, it lives on.
void process_pool::forget_ladder(worker& of, std::uint64_t answered) noexcept {
  if (of.pushed.at == ladder::rung::asked && of.pushed.sequence <= answered) of.pushed = {};
}

void process_pool::climb_ladders(afterwards& later) noexcept {
  const auto now = sync::now();
  for (const auto& w : workers_) {
    if (w->pushed.next > now) continue;
    if (w->has_ended) {
      w->pushed = {};
    } else if (w->pushed.at == ladder::rung::terminated) {
      kill_worker(*w, w->killed_because.empty() ? std::string(w->pushed.why) : std::move(w->killed_because));
    } else if (w->dead || !take_back_behind(*w, w->pushed.sequence, later)) {
      w->pushed = {};
    } else {
      terminate(*w, w->pushed.why);
    }
  }
}

// Under the lock.
void process_pool::terminate(worker& which, std::string why) noexcept {
  which.killed_because = std::move(why);
  std::erase(idle_, &which);
  which.pushed.at = ladder::rung::terminated;
  which.pushed.next = from_now(settings_.term_grace);
  ladders_in_use_ = true;
  if (which.flights.empty()) stop_worker(which);  // it may be deaf to SIGTERM, since a call of before
  signal_worker(which, SIGTERM);
}

// Under the lock. False where the worker has begun with one of them.
bool process_pool::take_back_behind(worker& from, std::uint64_t sequence, afterwards& later) noexcept {
  while (!from.flights.empty() && from.flights.back().item && from.flights.back().sequence > sequence) {
    if (!from.line.withdraw(from.flights.back().sequence)) return false;
    later.again.push_back(from.flights.back());
    from.flights.pop_back();
  }
  return true;
}

// Where it has not been started yet, worker_started does it.
void process_pool::signal_worker(const worker& which, int signal) noexcept {
  if (which.pidfd) ::syscall(SYS_pidfd_send_signal, which.pidfd.get(), signal, nullptr, 0);
}

// For the attendant, under the lock, before it sleeps: how many milliseconds, -1 for as long as nobody rings.
int process_pool::until_next_look() noexcept {
  constexpr auto longest = std::chrono::hours(1);
  if (some_may_be_stuck()) look_for_stuck();
  auto next = next_loop_check_;
  if (!loop_looks_out()) next = std::min(next, stuck_look_.load(std::memory_order_relaxed));
  if (ladders_in_use_) {
    auto rung = sync::forever;
    for (const auto& w : workers_) rung = std::min(rung, w->pushed.next);
    ladders_in_use_ = rung != sync::forever;
    next = std::min(next, rung);
  }
  if (watching_memory_) {
    watching_memory_ = std::ranges::any_of(workers_, [](const auto& w) { return !w->flights.empty(); });
    if (watching_memory_) next = std::min(next, next_memory_look_);
  }
  // Also where that has come since it was looked at last: then at once.
  if (queue_.size() > 0 && next_start_ != time_point() &&
      std::ranges::count_if(workers_, [](const auto& w) { return w->takes_calls(); }) < settings_.max_workers)
    next = std::min(next, next_start_);
  using std::chrono::milliseconds;
  if (look_for_room_) next = std::min(next, from_now(milliseconds(1)));
  attendant_until_ = next;
  if (next == sync::forever) return -1;
  const auto left = std::clamp<nanoseconds>(next - sync::now(), nanoseconds::zero(), longest);
  return static_cast<int>(std::chrono::ceil<milliseconds>(left).count());
}

void process_pool::terminate_workers() {
  static_cast<void>(begin_shutdown(shutdown_mode::cancel_pending, nanoseconds::zero()));
  if (is_foreign()) return;
  const std::lock_guard lock(mutex_);
  for (const auto& w : workers_) {
    w->killed_on_shutdown = true;
    if (w->killed_because.empty()) terminate(*w, "the executor's workers were terminated");
  }
  if (attendant_runs_) ring_attendant();
}

}  // namespace plait::inline PLAIT_ABI::detail
