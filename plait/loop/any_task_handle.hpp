// any_task_handle: a running task of whatever type; current_task, all_tasks.
#pragma once

#include <plait/core/any_future.hpp>
#include <plait/loop/task_handle.hpp>

#include <vector>

namespace plait::inline PLAIT_ABI {

class event_loop;

/// A handle to a task of any type: asks, names, cancels, waits; does not give the value. A mix of tasks can be kept
/// in one container, and waited for (plait::wait). The same guarantees as task_handle<T>.
class PLAIT_API any_task_handle : public detail::future_base {
 public:
  any_task_handle() noexcept = default;
  template <class T> any_task_handle(const task_handle<T>& other) noexcept : future_base(other.handle()) {}

  /// How many cancel requests there are that nobody took back. On the loop's thread.
  [[nodiscard]] int cancelling() const { return task().cancelling(); }
  /// Takes one back; as task_handle<T>::uncancel.
  int uncancel() const { return task().uncancel(); }

  /// How it ends, as a future. Cancelling that cancels the task.
  [[nodiscard]] any_future future() const noexcept { return detail::future_access::make<void>(state_); }
  operator any_future() const noexcept { return future(); }

  /// Suspends until the task is done; throws what it threw. Cancelling the task that awaits cancels this one, and
  /// goes on waiting for what it makes of that.
  auto operator co_await() const {
    const task_handle<void> same(checked_handle());
    return same.operator co_await();
  }

 private:
  friend any_task_handle current_task() noexcept;
  friend std::vector<any_task_handle> all_tasks();
  explicit any_task_handle(detail::task_state& task) noexcept
      : future_base((task.add_handle(), detail::state_handle(&task))) {}
  [[nodiscard]] detail::task_state& task() const { return static_cast<detail::task_state&>(checked()); }
};

/// The task whose coroutine runs on this thread now. Outside of a task (in a callback of the loop, in a coroutine of
/// another library, where no loop runs) a handle that is not valid(). Costs a look at a thread-local.
/// A handle that is kept makes its task's result be copied rather than moved, as any other handle does.
[[nodiscard]] PLAIT_API any_task_handle current_task() noexcept;

/// The tasks of the loop that runs on this thread that are not done, in the order of their creation. Throws
/// no_running_loop_error. Costs linear time.
[[nodiscard]] PLAIT_API std::vector<any_task_handle> all_tasks();

}  // namespace plait::inline PLAIT_ABI
