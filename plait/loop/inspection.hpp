// Looking into the program from outside, by its process id: `plait ps PID`, `plait pstree PID`.
#pragma once

#include <plait/core/config.hpp>

namespace plait::inline PLAIT_ABI {

/// From now on the tool `plait` may ask this program for task_table and task_tree, when the same user runs it. A
/// thread of its own listens on a socket (an abstract one: it leaves no file) and asks the loops; a loop that does
/// not answer within a second is named with the step that it is in. For that every loop notes its steps, which costs
/// some tens of nanoseconds a step. Off until it is called, or from the first loop on where the environment has
/// PLAIT_INSPECT=1. A child that is forked does not answer; it may allow it anew. May be called again. Thread-safe.
/// Throws std::system_error, naming the call, where no descriptor or thread is left or something else has the name.
PLAIT_API void allow_inspection();

/// Ends that; returns when the thread has ended. Nothing where it was not allowed.
PLAIT_API void forbid_inspection() noexcept;

}  // namespace plait::inline PLAIT_ABI
