// semaphore: at most so many tasks at a time.
//
// permits that are free ── acquire ──► out ── release, nobody waits ──► free
//                                      out ── release, a task waits ──► promised to the first
//
// While somebody waits no permit is free: each is handed over.
#pragma once

#include <plait/loop/sync/holding.hpp>
#include <plait/loop/sync/wait_line.hpp>

#include <coroutine>
#include <cstddef>
#include <limits>

namespace plait::inline PLAIT_ABI {

class semaphore;

namespace detail {

class semaphore_scoper;

/// co_await semaphore.acquire()
class PLAIT_API semaphore_acquirer : public line_waiter {
 public:
  semaphore_acquirer(semaphore& wanted, const char* what) noexcept;
  [[nodiscard]] bool await_ready();
  void await_resume() { static_cast<void>(arrive()); }

 protected:
  [[nodiscard]] semaphore& wanted() const noexcept { return *semaphore_; }

 private:
  void pass_on() noexcept override;
  semaphore* semaphore_;
};

}  // namespace detail

/// One permit of a semaphore; gives it back at its end. Can be moved, to another task too. Outliving the semaphore is
/// harmless.
class PLAIT_API semaphore_permit {
 public:
  semaphore_permit() noexcept = default;
  semaphore_permit(semaphore_permit&&) noexcept = default;
  semaphore_permit& operator=(semaphore_permit&& other) noexcept;
  ~semaphore_permit();

  /// Gives it back before its end. invalid_state_error where there is none, and what semaphore::release throws.
  void release();
  [[nodiscard]] explicit operator bool() const noexcept { return held_.of() != nullptr; }

 private:
  friend class semaphore;
  semaphore_permit(semaphore& of, detail::holdings<semaphore>& list) noexcept : held_(of, list) {}
  void end() noexcept;
  detail::holding<semaphore> held_;
};

/// Permits for the tasks of one loop; asyncio.Semaphore.
///
///     auto permit = co_await semaphore.scoped();     // given back where `permit` ends
///
/// Fair: first come first served, and a task that releases and acquires in a loop goes to the end of the line each
/// time. Waiting allocates nothing.
/// Thread safety: none. Used on another loop or thread while a task waits: invalid_state_error.
/// Cancellation: at once; one that was handed a permit and is cancelled before it resumes hands it on.
/// Destroyed while tasks wait: they get invalid_state_error.
class PLAIT_API semaphore {
 public:
  /// std::invalid_argument where `permits` is negative.
  explicit semaphore(std::ptrdiff_t permits = 1) : semaphore(permits, std::numeric_limits<std::ptrdiff_t>::max()) {}
  semaphore(const semaphore&) = delete;
  semaphore& operator=(const semaphore&) = delete;

  /// Awaited: takes a permit; does not suspend where one is free.
  [[nodiscard]] detail::semaphore_acquirer acquire() noexcept { return {*this, "semaphore::acquire"}; }
  /// The same; gives a guard that gives it back.
  [[nodiscard]] auto scoped() noexcept;
  /// One more permit, for the first that waits: by any task or callback, whether it acquired one or not.
  /// invalid_state_error where that makes more free ones than a bounded_semaphore has.
  void release();
  /// acquire would have to wait.
  [[nodiscard]] bool locked() const noexcept { return free_ == 0; }

 protected:
  semaphore(std::ptrdiff_t permits, std::ptrdiff_t bound);

 private:
  friend class semaphore_permit;
  friend class detail::semaphore_acquirer;
  friend class detail::semaphore_scoper;
  void hand_over() noexcept;
  semaphore_permit make_permit() noexcept { return {*this, permits_}; }

  detail::wait_line line_;
  detail::holdings<semaphore> permits_;
  std::ptrdiff_t free_;
  const std::ptrdiff_t bound_;
};

namespace detail {

/// co_await semaphore.scoped()
class PLAIT_API semaphore_scoper final : public semaphore_acquirer {
 public:
  using semaphore_acquirer::semaphore_acquirer;
  [[nodiscard]] semaphore_permit await_resume();
};

}  // namespace detail

inline auto semaphore::scoped() noexcept { return detail::semaphore_scoper(*this, "semaphore::scoped"); }

}  // namespace plait::inline PLAIT_ABI
