// lock: one task at a time.
//
//    free ── acquire ──► held ── release, nobody waits ──► free
//                        held ── release, a task waits ──► promised to the first ── it resumes ──► held
//
// A lock is handed over: between the release and the moment the first waiter resumes nobody else can take it.
#pragma once

#include <plait/core/home.hpp>
#include <plait/loop/sync/holding.hpp>
#include <plait/loop/sync/wait_line.hpp>

#include <coroutine>
#include <cstdint>

namespace plait::inline PLAIT_ABI {

class lock;
class condition;

namespace detail {

class condition_waiter;
class lock_scoper;

/// co_await lock.acquire()
class PLAIT_API lock_acquirer : public line_waiter {
 public:
  lock_acquirer(lock& wanted, const char* what) noexcept;
  [[nodiscard]] bool await_ready();
  void await_resume() { take(); }

 protected:
  void take();
  [[nodiscard]] lock& wanted() const noexcept { return *lock_; }

 private:
  void pass_on() noexcept override;
  lock* lock_;
};

}  // namespace detail

/// Holds a lock and releases it at its end. Can be moved, to another task too, whose end then releases it; but for a
/// condition the task that acquired stays the holder, and the guard must not end while that task waits for the
/// condition: the lock may be another's then. Outliving the lock is harmless.
class PLAIT_API lock_guard {
 public:
  lock_guard() noexcept = default;
  lock_guard(lock_guard&&) noexcept = default;
  lock_guard& operator=(lock_guard&& other) noexcept;
  ~lock_guard();

  /// Releases it before its end. invalid_state_error where it holds nothing.
  void unlock();
  [[nodiscard]] explicit operator bool() const noexcept { return held_.of() != nullptr; }

 private:
  friend class lock;
  lock_guard(lock& of, detail::holdings<lock>& list) noexcept : held_(of, list) {}
  void end() noexcept;
  detail::holding<lock> held_;
};

/// Mutual exclusion for the tasks of one loop, held across their awaits; asyncio.Lock.
///
///     auto held = co_await lock.scoped();     // released where `held` ends
///
/// Fair: first come first served, and a task that releases and acquires in a loop goes to the end of the line each
/// time. Waiting allocates nothing.
/// Thread safety: none. Used on another loop or thread while a task waits: invalid_state_error.
/// Cancellation: at once; one that was handed the lock and is cancelled before it resumes hands it on.
/// Destroyed while tasks wait: they get invalid_state_error.
class PLAIT_API lock {
 public:
  lock() noexcept = default;
  lock(const lock&) = delete;
  lock& operator=(const lock&) = delete;

  /// Awaited: takes the lock; does not suspend where it is free. Release it in the same task. invalid_state_error
  /// where this task took it by acquire before: it would wait for itself.
  [[nodiscard]] detail::lock_acquirer acquire() noexcept { return {*this, "lock::acquire"}; }
  /// The same; gives a guard that releases it.
  [[nodiscard]] auto scoped() noexcept;
  /// Hands it to the first that waits. invalid_state_error where it is not locked, where another task holds it, or
  /// where a guard does.
  void release();
  /// Somebody holds it, or is about to.
  [[nodiscard]] bool locked() const noexcept { return state_ != state::free; }

 private:
  friend class lock_guard;
  friend class condition;
  friend class detail::lock_acquirer;
  friend class detail::lock_scoper;
  friend class detail::condition_waiter;
  enum class state : std::uint8_t { free, promised, held };
  enum class holder : std::uint8_t { task, guard };

  void check_loop(const char* what) const;
  /// Throws where the task that runs now does not hold it.
  void check_held(const char* what) const;
  /// Whether it could be taken at once.
  [[nodiscard]] bool try_take(const char* what);
  void take_promised() noexcept;
  void hand_over() noexcept;
  /// Puts one who waits for something else in line here.
  void admit(detail::line_waiter& w) noexcept;
  lock_guard make_guard() noexcept;
  void end_of_guard() noexcept;

  detail::wait_line line_;
  const detail::task_context* owner_ = nullptr;  // compared, never followed: that task may be gone
  detail::home* home_ = nullptr;                 // on which it is held
  detail::holdings<lock> guards_;
  state state_ = state::free;
  holder holder_ = holder::task;
};

namespace detail {

/// co_await lock.scoped()
class PLAIT_API lock_scoper final : public lock_acquirer {
 public:
  using lock_acquirer::lock_acquirer;
  [[nodiscard]] lock_guard await_resume();
};

}  // namespace detail

inline auto lock::scoped() noexcept { return detail::lock_scoper(*this, "lock::scoped"); }

}  // namespace plait::inline PLAIT_ABI
