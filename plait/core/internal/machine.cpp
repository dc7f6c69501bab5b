#if defined(PLAIT_SIMULATED)

#include <plait/core/internal/machine.hpp>

#include <algorithm>
#include <exception>

namespace plait::inline PLAIT_ABI::simulated {
namespace {

using namespace std::chrono_literals;

// Not zero, so that code which takes 0 for "never" is found out.
constexpr time_point start_of_time{1000s};
constexpr std::chrono::nanoseconds shortest_tick = 1us;
constexpr std::chrono::nanoseconds longest_tick = 1h;

constexpr const char* joinable_lost = "a joinable thread was destroyed";

struct body_work final : work {
  explicit body_work(const std::function<void()>& what) : body(what) {}
  void run() override { body(); }
  const std::function<void()>& body;
};

}  // namespace

machine::~machine() {
  for (carrier& each : carriers_) {
    if (!each.os.joinable()) continue;
    each.load = nullptr;
    give(each.baton);
    each.os.join();
  }
}

void machine::reset() {
  fibers_.clear();
  names_.clear();
  choices_.clear();
  runnable_ = yielded_ = 0;
  preemptions_left_ = options_.max_preemptions;
  free_point_ = doomed_ = false;
  now_ = start_of_time;
  tick_ = shortest_tick;
  steps_ = traced_ = 0;
}

bool machine::run(const std::function<void()>& body, decider& decides) {
  reset();
  decider_ = &decides;
  fiber& first = spawn(nullptr, std::make_unique<body_work>(body));
  {
    unobserved hidden;
    give(first.on->baton);
    take(over_);
  }
  if (stuck_) {
    see_stopped_fibers();
    return false;
  }
  if (!carriers_last()) {
    // In the order of their birth, so that ThreadSanitizer sees each one's `os` written before it is read.
    for (carrier& each : carriers_)
      if (!each.joined) each.os.join();
    carriers_.clear();
  }
  if (options_.failed && options_.failed()) {
    reason_ = "the test failed";
    return false;
  }
  return true;
}

// --- who goes on ---

void machine::count_step(fiber& me, operation what, const void* where) {
  me.doing = what;
  me.where = where;
  if (++steps_ > options_.max_steps) fail(me, "more than " + std::to_string(options_.max_steps) + " steps");
}

void machine::step(fiber& me, operation what, const void* where) {
  count_step(me, what, where);
  if (doomed_) return record(me, what, where);
  const bool free = std::exchange(free_point_, false);
  candidates_.clear();
  candidates_.push_back(&me);
  if (std::exchange(me.granted, false)) {
    if (preemptions_left_ > 0) list_runnable(me, std::exchange(me.born_since_grant, 0));
  } else {
    if (free || preemptions_left_ > 0) list_runnable(me, runnable_);
    list_sleepers();
  }
  if (candidates_.size() > 1) hand_over(me, *pick_listed(me, true, free));
  record(me, what, where);
}

// Those of `among` who can run and need not wait for others, in turn after `after`, without it.
void machine::list_runnable(const fiber& after, fiber_set among) {
  if ((among & ~after.bit()) == 0) return;
  for (std::size_t i = 1; i < fibers_.size(); ++i) {
    fiber& each = fibers_[(after.number + i) % fibers_.size()];
    if ((runnable_ & among & each.bit()) != 0 && (runnable_ & each.waits_for) == 0) candidates_.push_back(&each);
  }
}

// Those whose deadline is next, where it may pass early.
void machine::list_sleepers() {
  if (!options_.early_timeouts || preemptions_left_ <= 0) return;
  const time_point next = earliest_deadline();
  if (next == time_point::max()) return;
  for (fiber& each : fibers_)
    if ((runnable_ & each.bit()) == 0 && each.queue != nullptr && each.deadline == next) candidates_.push_back(&each);
}

fiber* machine::pick_listed(fiber& me, bool may_stay, bool switch_is_free) {
  fiber* next = candidates_[decide(me, candidates_.size(), may_stay)];
  const bool early = (runnable_ & next->bit()) == 0;  // a sleeper: its time comes now
  if (early || (next != &me && !switch_is_free)) --preemptions_left_;
  if (early) pass_time(next->deadline);
  for (fiber& each : fibers_) {
    each.seen_since_yield |= next->bit();
    each.waits_for &= ~next->bit();
  }
  return next;
}

std::size_t machine::decide(fiber& me, std::size_t count, bool may_stay) {
  if (count < 2) return 0;
  const std::size_t choice = decider_->decide(count, may_stay);
  if (choice >= count) fail(me, "the body took other steps than the schedule says: is it deterministic?");
  choices_.push_back(choice);
  return choice;
}

void machine::grant(fiber& me) noexcept {
  me.granted = true;
  me.born_since_grant = 0;
}

void machine::hand_over(fiber& me, fiber& next) {
  if (&me == &next) return;
  give(next.on->baton);
  take(me.on->baton);
}

// `me` cannot run: whoever can, does, until it is the turn of `me` again.
void machine::go_on_without(fiber& me) {
  if (doomed_) fail(me, joinable_lost);
  runnable_ &= ~me.bit();
  free_point_ = false;
  while (runnable_ == 0) {
    const time_point next = earliest_deadline();
    if (next == time_point::max()) {
      const bool all_over = std::all_of(fibers_.begin(), fibers_.end(), [](const fiber& each) { return each.ended; });
      if (!all_over) fail(me, "deadlock: no thread can run and none waits for a time");
      finish();
      return;
    }
    tick_ = shortest_tick;
    pass_time(next);
  }
  candidates_.clear();
  list_runnable(me, runnable_);
  if ((runnable_ & me.bit()) != 0) candidates_.push_back(&me);  // its own deadline has passed
  list_sleepers();
  fiber& next = *pick_listed(me, false, true);
  if (me.ended) return give(next.on->baton);  // and `me` may be gone from now on
  hand_over(me, next);
  grant(me);
}

void machine::yield(fiber& me) {
  count_step(me, operation::yield, nullptr);
  record(me, operation::yield, nullptr);
  if (doomed_) return;
  free_point_ = false;
  me.granted = false;
  me.waits_for |= me.runnable_at_yield & ~me.seen_since_yield & runnable_;
  me.runnable_at_yield = runnable_ & ~me.bit();
  me.seen_since_yield = 0;
  yielded_ |= me.bit();
  if ((runnable_ & ~yielded_) == 0) {  // nobody has anything better to do: time goes on
    pass_time(std::min(now_ + tick_, earliest_deadline()));
    tick_ = std::min(tick_ * 2, longest_tick);
  }
  candidates_.clear();
  list_runnable(me, runnable_);
  if (candidates_.empty()) return;
  hand_over(me, *pick_listed(me, false, true));
  grant(me);
}

// --- time ---

time_point machine::earliest_deadline() const noexcept {
  time_point earliest = time_point::max();
  for (const fiber& each : fibers_)
    if ((runnable_ & each.bit()) == 0 && each.queue != nullptr) earliest = std::min(earliest, each.deadline);
  return earliest;
}

void machine::pass_time(time_point until) noexcept {
  now_ = std::max(now_, until);
  yielded_ = 0;
  for (const fiber& each : fibers_)
    if (each.queue != nullptr && each.deadline <= now_) runnable_ |= each.bit();
}

// --- futexes ---

bool machine::wait(fiber& me, const std::atomic<std::uint32_t>& word, const void* name, std::uint32_t expected,
                   time_point deadline) {
  step(me, operation::futex_wait, name);
  if (word.load(std::memory_order_relaxed) != expected) return true;
  if (deadline <= now_) return false;
  me.queue = &word;
  me.deadline = deadline;
  me.woken = false;
  go_on_without(me);
  me.queue = nullptr;
  return me.woken;
}

void machine::wake(fiber& me, const void* word, const void* name, int count) {
  step(me, operation::futex_wake, name);
  std::vector<fiber*> sleepers;
  for (fiber& each : fibers_)
    if (each.queue == word && !each.woken) sleepers.push_back(&each);
  const std::size_t total = sleepers.size();
  const std::size_t woken = std::min(total, static_cast<std::size_t>(std::max(count, 0)));
  // Any `woken` of them, in rising order: each set is one choice.
  for (std::size_t done = 0, first = 0; done < woken; ++done) {
    const std::size_t last = total - (woken - done);
    first += decide(me, last - first + 1, false);
    sleepers[first]->woken = true;
    runnable_ |= sleepers[first]->bit();
    ++first;
  }
}

// --- threads ---

fiber& machine::spawn(fiber* parent, std::unique_ptr<work> job) {
  fiber* child = nullptr;
  bool fresh = false;
  {
    unobserved hidden;
    if (fibers_.size() == most_fibers) fail(*parent, "more than " + std::to_string(most_fibers) + " threads");
    child = &fibers_.emplace_back(fiber{.owner = this, .number = fibers_.size()});
    child->job = std::move(job);
    child->granted = true;
    runnable_ |= child->bit();
    fresh = idle_.empty();
    if (fresh) {
      carriers_.emplace_back(this);
      child->on = &carriers_.back();
    } else {
      child->on = idle_.back();
      idle_.pop_back();
    }
    child->on->load = child;
    if (parent != nullptr) {
      parent->born_since_grant |= child->bit();
      record(*parent, operation::spawn, child);
    }
  }
  if (fresh) launch(*child->on);  // in ThreadSanitizer's sight: what was before it is seen by the new thread
  return *child;
}

void machine::join(fiber& me, fiber& other) {
  {
    unobserved hidden;
    if (&me == &other) fail(me, "a thread joins itself");
    if (!other.ended) {
      me.doing = operation::join;
      me.where = &other;
      other.joiner = &me;
      go_on_without(me);
      me.granted = false;
    }
    record(me, operation::join, &other);
    other.on->joined = true;
  }
  if (!carriers_last()) other.on->os.join();  // again in its sight
}

void machine::end(fiber& me) {
  record(me, operation::end, nullptr);
  if (doomed_) fail(me, joinable_lost);
  me.ended = true;
  me.doing = operation::end;
  if (carriers_last()) idle_.push_back(me.on);
  if (me.joiner == nullptr) return go_on_without(me);
  runnable_ &= ~me.bit();
  runnable_ |= me.joiner->bit();
  free_point_ = true;
  give(me.joiner->on->baton);
}

void machine::finish() { give(over_); }

std::size_t machine::choose(fiber& me, std::size_t count) {
  record(me, operation::choose, nullptr);
  return decide(me, count, false);
}

// Where an exception destroys it, the exception is what the user wants to know of. Until it has left this thread no
// other may run: what they refer to is being destroyed.
void machine::lose_joinable(fiber& me) {
  if (std::uncaught_exceptions() == 0) fail(me, joinable_lost);
  doomed_ = true;
}

void machine::fail(fiber& me, std::string reason) {
  reason_ = std::move(reason);
  stuck_ = true;
  finish();
  for (;;) take(me.on->baton);
}

}  // namespace plait::inline PLAIT_ABI::simulated

#endif
