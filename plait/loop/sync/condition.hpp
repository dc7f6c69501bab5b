// condition: tasks that hold a lock wait until another that holds it says that something changed.
//
//    wait() ── releases the lock ──► the condition's line ── notify ──► the lock's line ── handed over ──► resumes,
//                                            └───────────── cancelled ─────┘                             holding it
//
// A notified task moves from one line to the other without being resumed: notify_all wakes no crowd that fights for
// the lock.
#pragma once

#include <plait/core/task.hpp>
#include <plait/core/temporaries.hpp>
#include <plait/loop/sync/lock.hpp>

#include <concepts>
#include <coroutine>
#include <cstddef>
#include <optional>
#include <type_traits>
#include <utility>

namespace plait::inline PLAIT_ABI {

namespace detail {

/// co_await condition.wait()
class PLAIT_API condition_waiter final : public line_waiter {
 public:
  explicit condition_waiter(condition& awaited) noexcept;
  [[nodiscard]] bool await_ready() const;
  template <class Promise> bool await_suspend(std::coroutine_handle<Promise> coroutine) {
    if (!line_waiter::await_suspend(coroutine)) return false;
    release_lock();
    return true;
  }
  void await_resume();

 private:
  friend class plait::condition;
  void release_lock() noexcept;
  [[nodiscard]] withdrawal withdraw() noexcept override;
  void forget(const void* gone) noexcept override;

  condition* condition_;  // null where it was destroyed
  lock* lock_;
  lock::holder holder_{};  // how this task held the lock
  bool notified_ = false;
  bool cancelled_ = false;
};

}  // namespace detail

/// Waiting for a change of what a lock protects; asyncio.Condition.
///
///     auto held = co_await changed.scoped();
///     co_await changed.wait([&] { return !work.empty(); });    // the lock is released meanwhile
///
/// Waiting allocates nothing, with a predicate one coroutine frame. Fair: the longest waiting is notified first, and
/// joins the end of the line for the lock.
/// Thread safety: none. Used on another loop or thread while a task waits: invalid_state_error.
/// Cancellation of a wait: when it holds the lock again, so that whoever is cancelled inside `scoped` still holds
/// what its guard releases. A notification that reached it goes on to the next.
/// Destroyed while tasks wait: they get invalid_state_error, holding the lock if that was given.
class PLAIT_API condition {
 public:
  /// With a lock of its own.
  condition() : lock_(&own_.emplace()) {}
  /// With a lock that is used elsewhere too. It must live longer than the condition.
  explicit condition(lock& given) noexcept : lock_(&given) {}
  condition(const condition&) = delete;
  condition& operator=(const condition&) = delete;
  ~condition();

  /// What the lock does.
  [[nodiscard]] auto acquire() noexcept { return lock_->acquire(); }
  [[nodiscard]] auto scoped() noexcept { return lock_->scoped(); }
  void release() { lock_->release(); }
  [[nodiscard]] bool locked() const noexcept { return lock_->locked(); }

  /// Awaited: releases the lock, suspends until it is notified, and takes the lock again. invalid_state_error where
  /// this task does not hold it. It may resume after others have changed things again: prefer the form below.
  [[nodiscard]] detail::condition_waiter wait() noexcept { return detail::condition_waiter(*this); }
  /// Waits until `until()` is true, looking at it with the lock held: at once, and after each notification. What it
  /// throws is thrown here, with the lock held.
  template <std::predicate Predicate> [[nodiscard]] task<void> wait(Predicate&& until) {
    detail::warn_about_temporaries<Predicate>();
    return wait_until<std::decay_t<Predicate>>(*this, std::forward<Predicate>(until));
  }

  /// Lets the first `n` that wait go on, when they get the lock. invalid_state_error where this task does not hold
  /// it.
  void notify(std::size_t n = 1);
  void notify_all();

 private:
  friend class detail::condition_waiter;
  template <class Predicate> static task<void> wait_until(condition& awaited, Predicate until) {
    awaited.lock_->check_held("condition::wait");
    while (!until()) co_await awaited.wait();
  }
  void check(const char* what) const;
  void pass(std::size_t n) noexcept;

  std::optional<lock> own_;
  lock* lock_;
  detail::wait_line line_;
};

}  // namespace plait::inline PLAIT_ABI
