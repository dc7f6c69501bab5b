#include <plait/core/errors.hpp>
#include <plait/core/report.hpp>
#include <plait/loop/sync/lock.hpp>

#include <exception>
#include <string>

namespace plait::inline PLAIT_ABI {
namespace {

/// Who runs now; coroutines that belong to no task count as one.
const detail::task_context* this_task() noexcept {
  if (const auto* const task = detail::task_context::current()) return task;
  if (auto* const here = detail::home::current()) return &here->stranger();
  return nullptr;
}

[[noreturn]] void refuse(const char* what, const char* why) {
  throw invalid_state_error(std::string("plait: ") + what + ": " + why);
}

}  // namespace

// ── lock ──

void lock::check_loop(const char* what) const {
  line_.check_loop(what);
  const auto* const here = detail::home::current();
  // The holder's loop is only compared: it may be gone, where a task ended without a release.
  if (state_ == state::held && here && home_ && here != home_)
    refuse(what,
           "used or awaited from the wrong loop: a task of another event loop holds the lock. It serves the "
           "coroutines of one loop: give each loop its own");
}

void lock::check_held(const char* what) const {
  if (state_ == state::free) refuse(what, "the lock is not held; acquire it first, best by co_await lock.scoped()");
  if (state_ == state::promised || owner_ != this_task())
    refuse(what,
           "the lock is held by another task; only the task that acquired it can do this (lock released by another). "
           "To wake one task from another, use an event or a semaphore; to let another task release the lock, move a "
           "guard of co_await lock.scoped() to it");
}

bool lock::try_take(const char* what) {
  check_loop(what);
  if (state_ != state::free) {
    if (state_ == state::held && holder_ == holder::task && owner_ == this_task())
      refuse(what, "this task holds the lock already and would wait for itself; release it first");
    return false;
  }
  take_promised();
  return true;
}

void lock::take_promised() noexcept {
  state_ = state::held;
  holder_ = holder::task;
  owner_ = this_task();
  home_ = detail::home::current();
}

void lock::hand_over() noexcept {
  owner_ = nullptr;
  state_ = line_.wake_first() ? state::promised : state::free;
}

void lock::admit(detail::line_waiter& w) noexcept {
  line_.join(w);
  if (state_ == state::free) hand_over();
}

void lock::release() {
  check_loop("lock::release");
  check_held("lock::release");
  if (holder_ == holder::guard)
    refuse("lock::release", "a guard of co_await lock.scoped() holds the lock and will release it: use its unlock()");
  hand_over();
}

// ── its guard ──

lock_guard lock::make_guard() noexcept {
  holder_ = holder::guard;
  return {*this, guards_};
}

void lock::end_of_guard() noexcept {
  try {
    check_loop("~lock_guard");
  } catch (const std::exception& e) {
    detail::report(severity::error, e.what());
    return;  // to wake somebody from here would be a data race: it stays locked
  }
  hand_over();
}

lock_guard& lock_guard::operator=(lock_guard&& other) noexcept {
  if (this == &other) return *this;
  end();
  held_.take_over(other.held_);
  return *this;
}

lock_guard::~lock_guard() { end(); }

void lock_guard::end() noexcept {
  if (auto* const of = held_.leave()) of->end_of_guard();
}

void lock_guard::unlock() {
  if (!held_.of()) refuse("lock_guard::unlock", "this guard holds no lock (any more)");
  held_.of()->check_loop("lock_guard::unlock");
  end();
}

// ── who waits for it ──

namespace detail {

lock_acquirer::lock_acquirer(lock& wanted, const char* what) noexcept
    : line_waiter(wanted.line_, what), lock_(&wanted) {}

bool lock_acquirer::await_ready() { return lock_->try_take(what()); }

void lock_acquirer::take() {
  if (arrive()) lock_->take_promised();
}

void lock_acquirer::pass_on() noexcept { lock_->hand_over(); }

lock_guard lock_scoper::await_resume() {
  take();
  return wanted().make_guard();
}

}  // namespace detail
}  // namespace plait::inline PLAIT_ABI
