// settled: how something ends, without a throw.
#pragma once

#include <plait/core/any_future.hpp>
#include <plait/core/errors.hpp>
#include <plait/core/future.hpp>
#include <plait/core/task.hpp>
#include <plait/loop/task_handle.hpp>

#include <coroutine>
#include <type_traits>
#include <utility>

namespace plait::inline PLAIT_ABI {

namespace detail {

template <class T> [[nodiscard]] outcome<T> outcome_of_state(state& s) {
  if (s.error()) return s.error();
  if (s.status() == call_status::cancelled) return {};
  if constexpr (std::is_void_v<T>)
    return std::monostate();
  else
    try {
      return take_result<T>(s);
    } catch (...) {  // copying it threw, or it can't be copied while others hold it
      return caught_exception();
    }
}

template <class T> class settled_awaiter final : public state_awaiter {
 public:
  explicit settled_awaiter(state_handle state) noexcept : state_awaiter(std::move(state)) {}
  settled_awaiter(settled_awaiter&&) noexcept = default;
  [[nodiscard]] bool await_ready() const noexcept { return state_->done(); }
  outcome<T> await_resume() {
    resumed();
    return outcome_of_state<T>(*state_.get());
  }
};

}  // namespace detail

/// Awaits a future and gives its outcome: the value (moved from the last handle, copied otherwise), the exception, or
/// cancelled. Never throws what the future ended with. Cancelling the task that awaits throws cancelled_error, as at
/// every await, and cancels what is awaited.
template <class T> [[nodiscard]] auto settled(future<T> awaited) {
  if (!awaited.valid()) detail::throw_invalid_state("plait: settled: the future holds nothing");
  auto handle = awaited.handle();
  awaited = {};
  return detail::settled_awaiter<T>(std::move(handle));
}
template <class T> [[nodiscard]] auto settled(task_handle<T> awaited) {
  return settled(std::exchange(awaited, {}).future());
}

/// The same for a task that was not started: runs it inside the awaiting one, whose cancellation is its own: while
/// that is asked for, cancelled_error out of it goes on.
template <class T> task<outcome<T>> settled(task<T> awaited) {
  const auto* const context = detail::task_context::current();
  try {
    if constexpr (std::is_void_v<T>) {
      co_await std::move(awaited);
      co_return outcome<T>(std::monostate());
    } else {
      co_return outcome<T>(co_await std::move(awaited));
    }
  } catch (const cancelled_error&) {
    if (context && context->cancel_arrived()) throw;
    co_return outcome<T>();
  } catch (...) {
    co_return outcome<T>(detail::caught_exception());
  }
}

}  // namespace plait::inline PLAIT_ABI
