// Whether the kernel killed for want of memory.
#pragma once

#include <plait/core/config.hpp>

#include <cstdint>
#include <string>

namespace plait::inline PLAIT_ABI::detail {

/// How many processes the kernel has killed for want of memory, among those that this one's memory limits hold for.
/// Nobody tells which ones they were, so a SIGKILL of unknown origin while the number grew is only probably one of
/// those.
struct memory_kills {
  std::uint64_t count = 0;
  std::string file = {};  // that says so; empty where none does
};

/// The nearest cgroup's counter (memory.events; version 1: memory.oom_control), else the machine's (/proc/vmstat).
/// Reads some files; throws std::bad_alloc only.
[[nodiscard]] PLAIT_API memory_kills count_memory_kills();

}  // namespace plait::inline PLAIT_ABI::detail
