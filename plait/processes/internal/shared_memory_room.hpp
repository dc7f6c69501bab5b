// How much memory could be had.
//
// The kernel does not refuse the pages of a shared file when there are none left: it kills processes until there are,
// and since a file's pages belong to no process, that helps nobody. A worker may ask for any number of bytes. So
// whoever makes shared memory asks here first.
#pragma once

#include <plait/core/config.hpp>

#include <cstddef>

namespace plait::inline PLAIT_ABI::detail {

/// The least of what the machine has (MemAvailable) and what is left to this process's control groups, less a
/// sixteenth of the machine for everybody else. Others may take it meanwhile: a guard, not a promise. Reads a dozen
/// small files: a tenth of a millisecond or more.
[[nodiscard]] std::size_t room_for_shared_memory() noexcept;

}  // namespace plait::inline PLAIT_ABI::detail
