// Names of threads, as logs show them.
#pragma once

#include <plait/core/config.hpp>

#include <string>

namespace plait::inline PLAIT_ABI {

/// The name of this thread: as set_thread_name gave it; else `MainThread` on the program's first thread; else what
/// the kernel calls it. The reference holds until this thread is named anew.
[[nodiscard]] PLAIT_API const std::string& thread_name();

/// Names this thread, for thread_name() in full and for the kernel with the last 15 bytes: the tail tells one worker
/// from another.
PLAIT_API void set_thread_name(std::string name);

}  // namespace plait::inline PLAIT_ABI
