// Landlock: a process gives up files for good, by where they lie. glibc has no functions for it.
#pragma once

#include <plait/core/config.hpp>

#include <span>
#include <string>

namespace plait::inline PLAIT_ABI::detail {

/// The version of the kernel's interface; 0: it has none, or has it switched off.
[[nodiscard]] int landlock_version() noexcept;

/// From now on this thread, and those that it starts, can open nothing but these files and what lies in these
/// folders, for reading; and what else the kernel's version can take away of files, TCP, abstract sockets and signals
/// to others is taken. Open descriptors stay as they are. Requires no_new_privs. Throws std::system_error naming call
/// and path.
void restrict_to_reading(std::span<const std::string> paths);

}  // namespace plait::inline PLAIT_ABI::detail
