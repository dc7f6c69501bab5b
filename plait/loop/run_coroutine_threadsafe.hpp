// From a thread without a loop to a loop on another thread.
#pragma once

#include <plait/core/future.hpp>
#include <plait/core/task.hpp>
#include <plait/loop/event_loop.hpp>
#include <plait/loop/task_handle.hpp>

#include <memory>
#include <string_view>
#include <utility>

namespace plait::inline PLAIT_ABI {

/// Starts `started` as a task of `loop`, from any thread, and gives its future: wait for it with result(timeout), or
/// await it on another loop. Cancelling the future cancels the task. The name is copied.
///
/// Thread safety: any thread. Does not block. The coroutine runs on the loop's thread, from its next turn on; where
/// the loop does not run yet, when it does. On the loop's own thread it does what create_task does; blocking for the
/// future is refused there, as for every future.
/// The task's arguments are given to another thread: nothing that they refer to may end before the task.
/// Throws invalid_state_error for a task that was moved from or awaited before; loop_closed_error. A loop that is
/// closed before it has started the task cancels it. The loop must live until this returns.
template <class T>
[[nodiscard]] future<T> run_coroutine_threadsafe(task<T> started, event_loop& loop, std::string_view name = {}) {
  detail::loop_access::check_new_task(loop, started.valid());
  auto state = std::make_unique<detail::typed_task<T>>(detail::loop_access::core(loop), started, name);
  detail::state_handle handle(state.get());
  detail::loop_access::send(loop, *state.release());
  return detail::future_access::make<T>(std::move(handle));
}

}  // namespace plait::inline PLAIT_ABI
