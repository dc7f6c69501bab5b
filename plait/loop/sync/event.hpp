// event: many wait until one says so.
#pragma once

#include <plait/loop/sync/wait_line.hpp>

#include <coroutine>

namespace plait::inline PLAIT_ABI {

class event;

namespace detail {

/// co_await event.wait()
class PLAIT_API event_waiter final : public line_waiter {
 public:
  explicit event_waiter(event& awaited) noexcept;
  [[nodiscard]] bool await_ready() const;
  void await_resume() { static_cast<void>(arrive()); }

 private:
  event* event_;
};

}  // namespace detail

/// A flag that tasks of one loop wait for; asyncio.Event. Waiting allocates nothing.
/// Thread safety: none. Used on another loop or thread while a task waits: invalid_state_error; from another thread
/// loop.call_soon_threadsafe([&] { event.set(); }).
/// Cancellation of a wait: at once.
/// Destroyed while tasks wait: they get invalid_state_error. It may be destroyed as soon as it is set.
class PLAIT_API event {
 public:
  event() noexcept = default;
  event(const event&) = delete;
  event& operator=(const event&) = delete;

  /// All that wait resume in the loop's next turn, in the order in which they came, also where it is cleared before.
  void set();
  /// From now on tasks wait again.
  void clear() noexcept { set_ = false; }
  [[nodiscard]] bool is_set() const noexcept { return set_; }
  /// Awaited: suspends until it is set; not at all where it is.
  [[nodiscard]] detail::event_waiter wait() noexcept { return detail::event_waiter(*this); }

 private:
  friend class detail::event_waiter;
  detail::wait_line line_;
  bool set_ = false;
};

}  // namespace plait::inline PLAIT_ABI
