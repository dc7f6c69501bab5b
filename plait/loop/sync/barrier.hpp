// barrier: tasks wait for one another.
#pragma once

#include <plait/loop/sync/errors.hpp>
#include <plait/loop/sync/wait_line.hpp>

#include <coroutine>
#include <cstddef>
#include <cstdint>

namespace plait::inline PLAIT_ABI {

class barrier;

namespace detail {

/// co_await barrier.wait()
class PLAIT_API barrier_waiter final : public line_waiter {
 public:
  explicit barrier_waiter(barrier& awaited) noexcept;
  [[nodiscard]] bool await_ready();
  std::size_t await_resume();

 private:
  friend class plait::barrier;
  barrier* barrier_;
  std::size_t index_ = 0;
  bool broken_ = false;
};

}  // namespace detail

/// A meeting point for a fixed number of tasks of one loop: the last to come lets all go on; asyncio.Barrier. It may
/// be used again at once: who comes next belongs to the next round. Waiting allocates nothing.
/// Thread safety: none. Used on another loop or thread while a task waits: invalid_state_error.
/// Cancellation of a wait: at once; the task leaves the barrier, which waits for another in its place. Once all have
/// come the others go on, whoever is cancelled then.
/// Destroyed while tasks wait: they get invalid_state_error. It may be destroyed as soon as all have come.
class PLAIT_API barrier {
 public:
  /// std::invalid_argument where `parties` is less than 1.
  explicit barrier(std::ptrdiff_t parties);
  barrier(const barrier&) = delete;
  barrier& operator=(const barrier&) = delete;

  /// Awaited: suspends until `parties` tasks have come; gives each another index, in the order in which they came:
  /// 0 … parties - 1. The last one does not suspend. broken_barrier_error where the barrier is broken, or is aborted
  /// or reset meanwhile.
  [[nodiscard]] detail::barrier_waiter wait() noexcept { return detail::barrier_waiter(*this); }
  /// Breaks it: who waits, and whoever comes until reset(), gets broken_barrier_error.
  void abort();
  /// Empty and whole again: who waits gets broken_barrier_error.
  void reset();
  [[nodiscard]] std::size_t parties() const noexcept { return parties_; }
  /// How many wait for the others.
  [[nodiscard]] std::size_t n_waiting() const noexcept { return line_.size(); }
  [[nodiscard]] bool broken() const noexcept { return broken_; }

 private:
  friend class detail::barrier_waiter;
  void turn_away() noexcept;

  detail::wait_line line_;
  const std::size_t parties_;
  bool broken_ = false;
};

}  // namespace plait::inline PLAIT_ABI
