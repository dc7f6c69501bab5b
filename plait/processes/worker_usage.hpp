// What a worker process has used so far.
#pragma once

#include <plait/core/sync.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include <sys/types.h>

namespace plait::inline PLAIT_ABI {

/// One worker of a process_pool_executor at the moment of asking. What can't be read is empty: the worker is only
/// just being started or has just ended, or /proc does not show it.
struct worker_usage {
  std::string name = {};                               ///< `<prefix>_<n>`
  pid_t pid = 0;                                       ///< 0: it is being started
  std::uint64_t calls = 0;                             ///< that it has answered, with a value or an exception
  std::optional<nanoseconds> cpu_time = std::nullopt;  ///< of all its threads, in the program and in the kernel
  std::optional<std::size_t> resident_bytes =
      std::nullopt;  ///< VmRSS: memory in use, with what it shares with others
  std::optional<std::size_t> peak_resident_bytes = std::nullopt;  ///< VmHWM: the most that this has been
};

}  // namespace plait::inline PLAIT_ABI
