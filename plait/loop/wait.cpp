#include <plait/core/errors.hpp>
#include <plait/loop/wait.hpp>

#include <unordered_set>

namespace plait::inline PLAIT_ABI::detail {

// The waiters of one wait, in memory of their own: a state may be firing its waiter while the coroutine goes on
// without it. The block lives until the coroutine and each waiter have let go: a waiter does when it was fired or
// removed.
class wait_block {
 public:
  wait_block(const std::vector<state_handle>& states, return_when when)
      : when_(when), unfinished_(states.size()), holders_(1), states_(states.begin(), states.end()) {
    waiters_.reserve(states_.size());
  }

  /// Already as `when` wants it.
  [[nodiscard]] bool satisfied() const noexcept {
    std::size_t done = 0;
    for (const auto& state : states_) {
      if (!state->done()) continue;
      ++done;
      if (when_ == return_when::first_completed || (when_ == return_when::first_exception && state->error()))
        return true;
    }
    return done == states_.size();
  }

  [[nodiscard]] bool was_awaited() const noexcept { return owner_; }
  void add_waiters(set_awaiter& owner) noexcept {
    owner_ = &owner;
    for (const auto& state : states_) {
      auto& added = waiters_.emplace_back(*this, *state.get());
      added.waits = true;
      holders_.fetch_add(1, std::memory_order_relaxed);
      if (state->add(added)) continue;
      added.waits = false;
      let_go();
      one_done(*state.get());
    }
  }
  void remove_waiters() noexcept {
    for (auto& w : waiters_) {
      if (w.waits && w.whose.remove(w)) let_go();
    }
  }

  void describe(wait_listener& to) const {
    for (const auto& state : states_)
      if (!state->done()) to.waits_for(*state.get());
  }
  [[nodiscard]] bool needs_each() const noexcept {
    return when_ == return_when::all_completed || states_.size() == 1;
  }
  [[nodiscard]] const std::vector<state_keeper>& states() const noexcept { return states_; }

  /// True for who may wake (or stop waiting for) the coroutine: the first that asks.
  [[nodiscard]] bool win() noexcept { return !decided_.exchange(true, std::memory_order_acq_rel); }
  void let_go() noexcept {
    if (holders_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
  }

 private:
  struct one : waiter {
    one(wait_block& block, state& whose) noexcept : waiter(&fired), block(block), whose(whose) {}
    static void fired(waiter& w) noexcept {
      auto& self = static_cast<one&>(w);
      auto& block = self.block;
      block.one_done(self.whose);
      block.let_go();
    }
    wait_block& block;
    state& whose;
    bool waits = false;  // was added; only the coroutine's thread looks at it
  };

  void one_done(const state& finished) noexcept {
    const bool last = unfinished_.fetch_sub(1, std::memory_order_acq_rel) == 1;
    const bool enough =
        last || when_ == return_when::first_completed || (when_ == return_when::first_exception && finished.error());
    if (enough && win()) wake(owner_->where(), *owner_);
  }

  const return_when when_;
  sync::atomic<std::size_t> unfinished_;
  sync::atomic<std::uint32_t> holders_;
  sync::atomic<bool> decided_{false};
  set_awaiter* owner_ = nullptr;
  std::vector<state_keeper> states_;  // the awaiter has the handles
  std::vector<one> waiters_;
};

const state_handle& checked_state(const state_handle& state) {
  if (!state)
    throw_invalid_state("plait: wait: one of the futures holds nothing: it was moved from or never given a call");
  return state;
}

void throw_nothing_to_wait_for() { throw_invalid_argument("futures", "empty", "at least one future"); }

void check_wait_options(const wait_options& options) {
  if (options.timeout) static_cast<void>(to_nanoseconds(*options.timeout, "timeout"));
}

std::vector<bool> first_of_its_kind(const std::vector<state_handle>& states) {
  std::unordered_set<const state*> seen;
  seen.reserve(states.size());
  std::vector<bool> first;
  first.reserve(states.size());
  for (const auto& state : states) first.push_back(seen.insert(state.get()).second);
  return first;
}

namespace {

[[noreturn]] void throw_awaited_before() {
  throw_invalid_state("plait: co_await wait: this wait has been awaited before; call plait::wait again");
}

}  // namespace

set_awaiter::set_awaiter(const std::vector<state_handle>& states, const wait_options& options)
    : block_(nullptr), timeout_(options.timeout), alarm_(*this) {
  check_wait_options(options);
  block_ = new wait_block(states, options.return_when);
}

set_awaiter::set_awaiter(set_awaiter&& other) noexcept
    : suspension(), block_(std::exchange(other.block_, nullptr)), timeout_(other.timeout_), alarm_(*this) {}

set_awaiter::~set_awaiter() {
  if (block_) block_->let_go();
}

bool set_awaiter::await_ready() const noexcept { return block_->satisfied(); }

bool set_awaiter::start() {
  if (block_->was_awaited()) {
    not_suspended();
    throw_awaited_before();
  }
  if (!timeout_ && block_->needs_each())
    for (const auto& state : block_->states()) check_no_cycle(*state.get());
  if (timeout_) {
    try {
      where().start(alarm_, from_now(*timeout_));
    } catch (...) {
      not_suspended();
      throw;
    }
  }
  block_->add_waiters(*this);
  return true;
}

void set_awaiter::finish() {
  if (alarm_.timer_place != timed::nowhere) where().stop(alarm_);
  block_->remove_waiters();
  resumed();
  if (std::exchange(taken_, true)) throw_awaited_before();
}

void set_awaiter::tell_needs(need_listener& to) const noexcept {
  if (timeout_ || !block_->needs_each()) return;
  for (const auto& state : block_->states())
    if (!state->done()) to.needs(*state.get());
}

void set_awaiter::ring() noexcept {
  if (block_->win()) where().push(*this);
}

void set_awaiter::describe_wait(wait_listener& to) const { block_->describe(to); }

withdrawal set_awaiter::withdraw() noexcept { return block_->win() ? withdrawal::withdrawn : withdrawal::under_way; }

}  // namespace plait::inline PLAIT_ABI::detail
