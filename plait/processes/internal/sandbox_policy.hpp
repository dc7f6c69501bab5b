// A pool's sandbox, checked, and told to its workers.
#pragma once

#include <plait/portable/bytes.hpp>
#include <plait/processes/sandbox.hpp>

namespace plait::inline PLAIT_ABI::detail {

[[nodiscard]] bool is_sandboxed(const sandbox::policy& policy) noexcept;

/// With absolute paths. Throws std::invalid_argument for paths that don't exist, broken_executor where this build or
/// this kernel has no such sandbox. Reports once in the program's life that Landlock is missing where that is no
/// error.
[[nodiscard]] sandbox::policy checked_sandbox(const sandbox::policy& wanted);

void write_policy(byte_writer& to, const sandbox::policy& policy);
[[nodiscard]] sandbox::policy read_policy(byte_reader& from);

}  // namespace plait::inline PLAIT_ABI::detail
