// What the kernel tells of a process: its memory, its processor time.
#pragma once

#include <plait/core/sync.hpp>
#include <plait/processes/internal/unique_fd.hpp>

#include <cstddef>
#include <optional>

#include <sys/types.h>

namespace plait::inline PLAIT_ABI::detail {

/// In which the kernel counts memory.
[[nodiscard]] std::size_t page_size() noexcept;

/// /proc/PID/statm, or this process's own for 0. Empty where it can't be opened; errno says why.
[[nodiscard]] unique_fd open_statm(pid_t process) noexcept;

/// Pages in memory that are a process's own: heap, stacks, what it changed. What files and shared memory give it (the
/// program's code, blocks of large arguments) is not counted: ending the process would free none of that. From what
/// open_statm opened; empty where it can't be read, or the process has ended.
[[nodiscard]] std::optional<std::size_t> own_pages(int statm) noexcept;

struct process_figures {
  std::optional<nanoseconds> cpu_time;
  std::optional<std::size_t> resident_bytes;
  std::optional<std::size_t> peak_resident_bytes;
};

/// What can be read. A number may be another's by now: only where the process has not ended after it.
[[nodiscard]] process_figures figures_of(pid_t process) noexcept;

/// By its pidfd.
[[nodiscard]] bool has_ended(int pidfd) noexcept;

}  // namespace plait::inline PLAIT_ABI::detail
