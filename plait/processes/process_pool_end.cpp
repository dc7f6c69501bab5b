// How a pool of processes ends: shutdown, the destructor, an initializer that throws. And deadlines.
#include <plait/core/report.hpp>
#include <plait/processes/internal/pool_worker.hpp>
#include <plait/processes/internal/process_pool.hpp>

#include <algorithm>
#include <mutex>

namespace plait::inline PLAIT_ABI::detail {
namespace {

constexpr std::chrono::milliseconds a_moment{1};  // arbitrary: what is waited for takes some microseconds mostly

}  // namespace

// ── deadlines ──

void process_pool::set_deadline(work_item& item) {
  item.add_keeper();
  state_keeper alive(&item);
  alarms_.set(&item, item.extras()->deadline, [this, alive = std::move(alive), &item] { deadline_came(item); });
}

void process_pool::deadline_came(work_item& item) noexcept {
  auto got = take_out_or_stop(item, stop_for::deadline);
  if (got.outcome == cancel_outcome::too_late) return look_at_deadline_again(item);
  if (got.room) got.room->leave(got.bytes);
  item.expire(got.outcome == cancel_outcome::dropped);
  if (got.outcome != cancel_outcome::killed) return;
  const std::lock_guard lock(mutex_);
  if (const auto [w, flight] = find_flight(item); w)
    begin_ladder(*w, *flight, "it was ended, since the call was not done by its deadline");
}

// In the hands of some thread: that is completing it, or writes it down anew for another worker. In the latter case
// it would run for ever.
void process_pool::look_at_deadline_again(work_item& item) noexcept {
  if (item.done()) return;
  {
    const std::lock_guard lock(mutex_);
    if (item.to_be_cancelled) return;  // and so it ends: when its worker has answered or died
  }
  try {
    item.add_keeper();
    state_keeper alive(&item);
    alarms_.set(&item, from_now(a_moment), [this, alive = std::move(alive), &item] { deadline_came(item); });
  } catch (const std::exception& error) {
    report(severity::error, std::string("the deadline of a call could not be watched any more: ") + error.what());
  }
}

// ── the end ──

void process_pool::empty_queue(std::vector<work_item*>& items) {
  while (auto* const item = queue_.pop()) {
    drop_parcel(*item);
    leaves(*item);
    items.push_back(item);
  }
}

void process_pool::stop_idle() noexcept {
  if (queue_.size() > 0) return;
  for (auto* const w : std::vector(idle_)) stop_worker(*w);
}

bool process_pool::nothing_left() const noexcept {
  return phase_ != phase::open && workers_.empty() && queue_.size() == 0 && delivering_ == 0 &&
         outstanding_.load(std::memory_order_relaxed) == 0;
}

future<bool> process_pool::begin_shutdown(shutdown_mode mode, nanoseconds deadline) {
  std::list<promise<bool>> waiting(1);
  auto& mine = waiting.front();
  auto result = mine.get_future();
  if (is_foreign()) {  // the processes are the parent's: nothing here is to be ended
    mine.set_value(true);
    return result;
  }
  std::vector<work_item*> cancelled;
  bool all_ended = false;
  bool waits = false;
  {
    const std::lock_guard lock(mutex_);
    close_inbox();  // if what follows throws, the pool does without
    // First what can throw; then nothing is half done.
    if (mode != shutdown_mode::drain) cancelled.reserve(queue_.size());
    all_ended = over_ || !attendant_runs_;
    waits = !all_ended && deadline > nanoseconds::zero();
    if (waits && deadline != nanoseconds::max())
      alarms_.set(&mine, from_now(deadline), [this, &mine] { end_deadline_came(mine); });

    if (phase_ == phase::open) phase_ = phase::closing;
    if (mode != shutdown_mode::drain) {
      cancels_pending_ = true;
      empty_queue(cancelled);
      take_back(cancelled);
    }
    if (mode == shutdown_mode::kill) {
      for (const auto& w : workers_) {
        w->killed_on_shutdown = true;
        kill_worker(*w, "the executor was shut down");
      }
    }
    stop_idle();
    if (waits) end_waiters_.splice(end_waiters_.end(), waiting);
    if (attendant_runs_) ring_attendant();
  }
  if (settings_.room)
    settings_.room->close(std::make_exception_ptr(shut_down_error("plait: the executor was shut down")));
  for (auto* const item : cancelled) fail(*item, outcome<void>());
  if (!waits) answer_waiting(mine, all_ended);
  return result;
}

// What was sent ahead has not started.
void process_pool::take_back(std::vector<work_item*>& items) {
  for (const auto& w : workers_) {
    while (!w->dead && !w->flights.empty() && w->flights.back().item &&
           w->line.withdraw(w->flights.back().sequence)) {
      leaves(*w->flights.back().item);
      items.push_back(w->flights.back().item);
      w->flights.pop_back();
      if (w->flights.empty()) become_idle(*w);
    }
  }
}

// How calls end that come back (their worker died, they are to be run again) after the queue was emptied for good.
std::optional<outcome<void>> process_pool::turned_away() const {
  if (phase_ == phase::broken)
    return std::make_exception_ptr(broken_executor("plait: the executor is broken: " + broken_because_, broken_by_));
  if (cancels_pending_) return outcome<void>();
  return std::nullopt;
}

void process_pool::end_deadline_came(const promise<bool>& whose) noexcept {
  std::list<promise<bool>> late;
  {
    const std::lock_guard lock(mutex_);
    const auto found = std::ranges::find_if(end_waiters_, [&](const auto& waiter) { return &waiter == &whose; });
    if (found != end_waiters_.end()) late.splice(late.end(), end_waiters_, found);
  }
  for (auto& waiter : late) answer_waiting(waiter, false);
}

// Asked by the attendant, whose last act it is.
bool process_pool::attendant_may_go() noexcept {
  std::list<promise<bool>> informed;
  {
    const std::lock_guard lock(mutex_);
    if (!nothing_left()) return false;
    session_.close();
    over_ = true;
    informed.swap(end_waiters_);
  }
  for (auto& waiter : informed) {
    alarms_.clear(&waiter);
    answer_waiting(waiter, true);
  }
  return true;
}

bool process_pool::ended() noexcept {
  if (is_foreign()) return true;
  const std::lock_guard lock(mutex_);
  return phase_ != phase::open && (over_ || !attendant_runs_);
}

void process_pool::break_with(const std::exception_ptr& cause, const std::string& what) noexcept {
  report(severity::error, "the executor " + settings_.prefix + " is broken: " + what);
  const auto error = std::make_exception_ptr(broken_executor("plait: the executor is broken: " + what, cause));
  std::vector<work_item*> lost;
  {
    const std::lock_guard lock(mutex_);
    if (phase_ != phase::broken) {
      broken_by_ = cause;
      broken_because_ = what;
    }
    phase_ = phase::broken;
    close_inbox();
    empty_queue(lost);
    take_back(lost);
    for (const auto& w : workers_) {
      if (!w->ready) kill_worker(*w, "the executor is broken");
    }
    stop_idle();
    ring_attendant();
  }
  if (settings_.room) settings_.room->close(error);
  for (auto* const item : lost) fail(*item, error);
}

void process_pool::join() noexcept {
  sync::thread ended;
  {
    const std::lock_guard lock(mutex_);
    if (!over_ || !attendant_.joinable()) return;
    ended = std::move(attendant_);
  }
  if (ended.get_id() == std::this_thread::get_id())
    ended.detach();  // it has told of the end, and was told to destroy the executor
  else
    ended.join();
}

void process_pool::abandon() noexcept {
  std::string busy;  // collected first: what is killed is soon gone
  {
    const std::lock_guard lock(mutex_);
    for (const auto& w : workers_) {
      // Behind its first words, whose answer nobody may have taken yet.
      const auto first = std::ranges::find_if(w->flights, [](const auto& flight) { return flight.item != nullptr; });
      if (first == w->flights.end()) continue;
      busy.append(busy.empty() ? " " : ", ").append(w->name);
      if (const auto name = first->item->name(); !name.empty()) busy.append(" (\"").append(name).append("\")");
    }
    if (attendant_.joinable()) attendant_.detach();
  }
  static_cast<void>(begin_shutdown(shutdown_mode::kill, nanoseconds::zero()));
  if (!busy.empty())
    report(severity::warning,
           "the executor " + settings_.prefix +
               " was destroyed where it may not wait (on a running event loop's thread, or where its "
               "replies are told), while calls were running:" +
               busy + "; what waited was cancelled, these processes were killed");
}

bool process_pool::on_own_worker() const noexcept {
  return attendant_id_.load(std::memory_order_relaxed) == std::this_thread::get_id() || alarms_.on_own_thread();
}

}  // namespace plait::inline PLAIT_ABI::detail
