// Sleeping in a coroutine.
#pragma once

#include <plait/core/home.hpp>
#include <plait/core/time.hpp>

#include <chrono>
#include <coroutine>

namespace plait::inline PLAIT_ABI {

namespace detail {

class PLAIT_API sleep_awaiter final : public suspension {
 public:
  explicit sleep_awaiter(nanoseconds delay) noexcept : delay_(delay) {}
  sleep_awaiter(sleep_awaiter&& other) noexcept : suspension(), delay_(other.delay_) {}
  ~sleep_awaiter() = default;

  [[nodiscard]] bool await_ready() const noexcept { return false; }
  template <class Promise> bool await_suspend(std::coroutine_handle<Promise> coroutine) {
    if (this->begin(coroutine, "co_await sleep")) return false;
    start();
    return true;
  }
  void await_resume() const { resumed(); }
  void describe_wait(wait_listener& to) const override { to.waits_in("sleep"); }

 private:
  void start();
  [[nodiscard]] withdrawal withdraw() noexcept override;

  nanoseconds delay_;
};

}  // namespace detail

/// Suspends the coroutine for at least `delay`; 0 lets all else that is ready run first, once.
/// std::invalid_argument where it is negative or NaN; no_running_loop_error when awaited where no loop runs.
/// Cancellation: at once.
template <class Rep, class Period> [[nodiscard]] auto sleep(std::chrono::duration<Rep, Period> delay) {
  return detail::sleep_awaiter(detail::to_nanoseconds(delay, "delay"));
}

}  // namespace plait::inline PLAIT_ABI
