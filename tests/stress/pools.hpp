// The pools of a round, each of another kind by chance.
#pragma once

#include <plait/processes/process_pool_executor.hpp>

#include <cstddef>
#include <memory>

#include "chooser.hpp"

namespace stress {

inline constexpr int most_pools = 3;    // of a round
inline constexpr int most_workers = 4;  // of a pool

/// What the pools are made for.
struct machine {
  bool has_sandbox = false;
  std::size_t memory_of_a_worker = 0;  // that has done nothing yet: a few MiB, many under a sanitizer
};
/// Has a pool, and so leaves what the program keeps once it had one.
[[nodiscard]] machine look_at_machine();

/// A pool, and what of it decides how calls may end.
struct pool {
  explicit pool(const plait::process_pool_options& options);

  const bool sandboxed;
  const std::size_t memory_limit;  // 0: none
  plait::process_pool_executor executor;
};

[[nodiscard]] std::unique_ptr<pool> make_pool(chooser& choose, const machine& here);

}  // namespace stress
