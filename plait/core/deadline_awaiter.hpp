// Waiting for a state in a coroutine, until a deadline.
#pragma once

#include <plait/core/future.hpp>

#include <coroutine>

namespace plait::inline PLAIT_ABI::detail {

/// co_await gives true when the state is done, false when the deadline came first. Cancelling the task that awaits
/// leaves the state alone.
class PLAIT_API deadline_awaiter final : public state_awaiter {
 public:
  deadline_awaiter(state_handle state, time_point deadline) noexcept
      : state_awaiter(std::move(state)), alarm_(*this, deadline) {}
  deadline_awaiter(deadline_awaiter&& other) noexcept
      : state_awaiter(static_cast<state_awaiter&&>(other)), alarm_(*this, other.alarm_.when) {}
  ~deadline_awaiter() = default;

  [[nodiscard]] bool await_ready() const noexcept { return state_->done(); }
  template <class Promise> bool await_suspend(std::coroutine_handle<Promise> coroutine) {
    if (this->begin(coroutine, "waiting with a timeout")) return false;
    return start();
  }
  bool await_resume();

 private:
  struct alarm final : timed {
    alarm(deadline_awaiter& whose, time_point at) noexcept : owner(&whose), when(at) {}
    void run() noexcept override { owner->ring(); }
    deadline_awaiter* owner;
    time_point when;
  };
  bool start();
  void ring() noexcept;
  void stop_alarm() noexcept;
  [[nodiscard]] withdrawal withdraw() noexcept override;
  void tell_needs(need_listener& to) const noexcept override {
    if (alarm_.when == sync::forever) state_awaiter::tell_needs(to);
  }

  alarm alarm_;
  bool rung_ = false;  // the alarm has taken it off the list, and woken it
};

}  // namespace plait::inline PLAIT_ABI::detail
