// any_future: a future of whatever type, for waiting on a mix of them.
#pragma once

#include <plait/core/future.hpp>

#include <functional>

namespace plait::inline PLAIT_ABI {

/// A handle to any future: asks, waits, cancels; does not give the value. The same guarantees as future<T>.
class any_future : public detail::future_base {
 public:
  any_future() noexcept = default;
  template <class T> any_future(const future<T>& other) noexcept : future_base(other.handle()) {}

  /// Blocks until done, and throws what it ended with unless that is a value.
  void result() const {
    wait();
    state_->rethrow();
  }
  template <class Rep, class Period> void result(std::chrono::duration<Rep, Period> timeout) const {
    wait_for(detail::to_nanoseconds(timeout, "timeout"));
    state_->rethrow();
  }
  /// As future<T>::add_done_callback.
  template <std::invocable<any_future> F> void add_done_callback(F&& f) const {
    detail::call_when_done((static_cast<void>(checked()), *this), std::forward<F>(f));
  }
  auto operator co_await() const { return detail::looking_awaiter<void>(checked_handle()); }
};

}  // namespace plait::inline PLAIT_ABI
