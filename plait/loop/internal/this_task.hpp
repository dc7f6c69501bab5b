// The task whose coroutine runs now, for what works on tasks alone.
#pragma once

#include <plait/loop/task_handle.hpp>

#include <string_view>

namespace plait::inline PLAIT_ABI::detail {

/// Throws invalid_state_error, naming `what`, where the coroutine that runs belongs to no task.
[[nodiscard]] task_state& this_task(std::string_view what);

}  // namespace plait::inline PLAIT_ABI::detail
