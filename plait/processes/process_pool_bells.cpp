// Who takes the replies: the loop, or the attendant; and whose bell a worker rings.
#include <plait/processes/internal/pool_worker.hpp>
#include <plait/processes/internal/process_pool.hpp>

#include <algorithm>
#include <mutex>

namespace plait::inline PLAIT_ABI::detail {
namespace {

using namespace std::chrono_literals;

/// A loop for which calls wait and that did not look for so long is away.
constexpr nanoseconds away_after{5ms};
constexpr nanoseconds rarest_check{100ms};

}  // namespace

bool process_pool::needed_by_others() const noexcept {
  const auto calls = outstanding_.load(std::memory_order_relaxed);
  return calls > (attached_.load(std::memory_order_relaxed) ? by_loop_ : 0) || phase_ != phase::open;
}

bool process_pool::attendant_needed() const noexcept { return loop_is_away_ || needed_by_others(); }

// Awake, and not for too long in one turn.
bool process_pool::loop_looks_out() const noexcept {
  return attached_.load(std::memory_order_relaxed) && !loop_asleep_ && !attendant_needed() &&
         next_loop_check_ != sync::forever;
}

// A reply to a loop's call that the attendant takes costs the loop a wake. So it leaves them alone, but where
// something is decided by who has answered: which calls are stuck, which worker is to be signalled or has too much
// memory.
bool process_pool::attendant_takes_replies() const noexcept {
  const std::lock_guard lock(mutex_);
  if (attendant_needed()) return true;
  const auto now = sync::now();
  if (watching_memory_ && now >= next_memory_look_) return true;
  const bool looks_for_stuck = stuck_look_is_due() && !loop_looks_out();
  return std::ranges::any_of(workers_, [&](const auto& w) {
    const bool is_stuck = looks_for_stuck && w->sent_ahead() > 0 && now - w->last_sign >= worker::stuck_after;
    return is_stuck || (ladders_in_use_ && w->pushed.next <= now);
  });
}

// In the queue, or behind a call that runs: they are sent on when replies are taken.
bool process_pool::some_wait_for_loop() const noexcept {
  return queue_.size() > 0 || std::ranges::any_of(workers_, [](const auto& w) { return w->sent_ahead() > 0; });
}

void process_pool::look_after_loop() noexcept {
  if (next_loop_check_ != sync::forever) return;
  if (!inbox_.holds_calls() && (needed_by_others() || !some_wait_for_loop())) return;
  watch_loop_from_now();
  loop_is_watched_.store(true, std::memory_order_seq_cst);
}

void process_pool::watch_loop_from_now() noexcept {
  looks_seen_ = loop_looks_.load(std::memory_order_relaxed);
  loop_check_every_ = away_after;
  next_loop_check_ = from_now(away_after);
  if (attendant_asleep_ && next_loop_check_ < attendant_until_) ring_attendant();
}

// The attendant's. More and more rarely while the loop sleeps, which a reply wakes.
void process_pool::see_whether_loop_looks() noexcept {
  const auto now = sync::now();
  if (now < next_loop_check_) return;
  next_loop_check_ = sync::forever;
  loop_is_watched_.store(false, std::memory_order_seq_cst);  // and only then is looked into the inbox
  if (!inbox_.holds_calls() && (needed_by_others() || !some_wait_for_loop())) {
    loop_is_away_ = false;
    return;
  }
  const auto looks = loop_looks_.load(std::memory_order_relaxed);
  loop_is_away_ = !loop_asleep_ && looks == looks_seen_;
  looks_seen_ = looks;
  loop_check_every_ = loop_asleep_ ? std::min(2 * loop_check_every_, rarest_check) : away_after;
  next_loop_check_ = now + loop_check_every_;
  loop_is_watched_.store(true, std::memory_order_seq_cst);
}

// As who sleeps is now; who goes to sleep looks again after it. Where no call is left only a new worker can have
// something to say, and no loop waits for that.
void process_pool::set_bells() noexcept {
  const bool no_calls = outstanding_.load(std::memory_order_relaxed) == 0;
  const bool for_loop = loop_asleep_ && !no_calls;
  const bool for_attendant = !for_loop && attendant_asleep_ && (no_calls || attendant_needed());
  bool there_is_one = false;
  for (const auto& w : workers_) {
    if (w->flights.empty() || w->dead) continue;
    if (for_loop)
      w->line.arm(bell::loop);
    else if (for_attendant)
      w->line.arm(bell::helper);
    else
      w->line.disarm();
    there_is_one |= for_attendant && !w->held && w->line.has_reply();
  }
  if (there_is_one) ring_attendant();
}

// Of the attendant, which sleeps.
void process_pool::begin_duty() noexcept {
  set_bells();
  leave_stuck_to_attendant();
}

bool process_pool::some_reply_is_there() const noexcept {
  return std::ranges::any_of(
      workers_, [](const auto& w) { return !w->flights.empty() && !w->dead && !w->held && w->line.has_reply(); });
}

bool process_pool::has_reply() const noexcept {
  if (outstanding_.load(std::memory_order_relaxed) == 0 || !mutex_.try_lock()) return false;
  const std::lock_guard lock(mutex_, std::adopt_lock);
  return some_reply_is_there();
}

// A forked child's copy of the loop has nothing to do with the parent's workers.

bool process_pool::has_news() const noexcept {
  if (is_foreign()) return false;
  loop_looks_.store(loop_looks_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  submits_of_turn_ = 0;
  return inbox_.holds_calls() || unsent_.load(std::memory_order_relaxed) || has_reply() || stuck_look_is_due();
}

void process_pool::take_news() noexcept {
  {
    const std::lock_guard lock(mutex_);
    loop_is_away_ = false;
  }
  take_replies();
}

bool process_pool::before_sleep() noexcept {
  if (is_foreign()) return true;
  const std::lock_guard lock(mutex_);
  loop_is_away_ = false;
  loop_asleep_ = true;
  set_bells();
  leave_stuck_to_attendant();
  if (inbox_.holds_calls() || unsent_.load(std::memory_order_relaxed)) return false;
  return outstanding_.load(std::memory_order_relaxed) == 0 || !some_reply_is_there();
}

void process_pool::after_sleep() noexcept {
  if (is_foreign()) return;
  empty_bell(loop_bell_);
  const std::lock_guard lock(mutex_);
  loop_asleep_ = false;
  set_bells();
  if (next_loop_check_ == sync::forever || loop_check_every_ <= away_after) return;
  watch_loop_from_now();  // it was looked at rarely meanwhile
}

void process_pool::home_leaves() noexcept {
  if (is_foreign()) return;
  hand_over();
  submits_of_turn_ = 0;  // the next loop's
  put_since_hand_over_ = 0;
  const std::lock_guard lock(mutex_);
  attached_ = nullptr;
  loop_asleep_ = false;
  loop_is_away_ = false;
  set_bells();
  leave_stuck_to_attendant();
  if (attendant_needed()) ring_attendant();
}

}  // namespace plait::inline PLAIT_ABI::detail
