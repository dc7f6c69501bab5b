// wait_for: one thing, for so long.
#pragma once

#include <plait/core/errors.hpp>
#include <plait/core/time.hpp>
#include <plait/loop/timeout.hpp>
#include <plait/loop/wait.hpp>

#include <chrono>
#include <concepts>
#include <type_traits>
#include <utility>

namespace plait::inline PLAIT_ABI {

namespace detail {

template <class T, class A> task<T> run_wait_for(A awaited, nanoseconds timeout) {
  timeout_core scope({.delay = timeout});
  outcome<T> ended;
  if constexpr (is_task<A>) {
    if (scope.expired()) {  // it need not begin
      static_cast<void>(scope.leave());
      scope.throw_timeout();
    }
  }
  try {
    if constexpr (waitable<A>) {
      static_cast<void>(co_await std::as_const(awaited));  // looks: the result is taken below
    } else if constexpr (std::is_void_v<T>) {
      static_cast<void>(co_await std::move(awaited));
      ended.emplace();
    } else {
      ended.emplace(co_await std::move(awaited));
    }
  } catch (...) {
    scope.threw(caught_exception());
  }
  const bool timed_out = scope.leave();
  if constexpr (waitable<A>) {
    if (!timed_out) scope.rethrow();
    auto& state = *awaited.handle().get();
    // Done at the moment when the time was over, or in spite of the cancel.
    if (timed_out && (!state.done() || state.status() == call_status::cancelled)) scope.throw_timeout();
    co_return take_result<T>(state);
  } else {
    if (timed_out) scope.throw_timeout();
    scope.rethrow();
    co_return std::move(ended).value();
  }
}

}  // namespace detail

/// Awaits `awaited` at most `timeout` long, and gives its result: `co_await plait::wait_for(work(), 500ms)`. It may
/// be a task, which runs inside the awaiting one; a handle of a running task; a future of any executor; anything else
/// that can be awaited. When the time is over it is cancelled, and timeout_error comes out: a task is waited for
/// until it has ended, a future's call is cancelled as far as that can be done, and not waited for (see
/// cancel_outcome). What is done by then all the same, or in spite of the cancel, gives its result instead. A timeout
/// of 0 starts no task; of nanoseconds::max() is for ever. The result of a future or a handle is moved out where that
/// was the last (give it by std::move), and copied otherwise. Cancellation: cancels what is awaited, and goes on as
/// cancelled_error. Throws std::invalid_argument where the timeout is negative or NaN, at once; invalid_state_error
/// for what was moved from, and where it is awaited by a coroutine that belongs to no task.
template <class Awaitable, class Rep, class Period>
  requires detail::awaitable<std::decay_t<Awaitable>> && std::constructible_from<std::decay_t<Awaitable>, Awaitable>
auto wait_for(Awaitable&& awaited, std::chrono::duration<Rep, Period> timeout) {
  detail::warn_about_temporaries<Awaitable>();
  using kept = std::decay_t<Awaitable>;
  return detail::run_wait_for<detail::awaited_t<kept>, kept>(std::forward<Awaitable>(awaited),
                                                             detail::to_nanoseconds(timeout, "timeout"));
}

}  // namespace plait::inline PLAIT_ABI
