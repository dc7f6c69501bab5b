#pragma once

#include <plait/core/config.hpp>

namespace plait::inline PLAIT_ABI::detail {

/// How many processors this process may really use: what affinity allows, and no more than the quota of its cgroup
/// (v2 or v1), rounded up. At least 1.
[[nodiscard]] PLAIT_API int usable_cpus() noexcept;

}  // namespace plait::inline PLAIT_ABI::detail
