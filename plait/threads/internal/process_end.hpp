// What pools must know of the whole process: that it leaves, that it is a forked child.
#pragma once

#include <plait/core/config.hpp>

#include <memory>

namespace plait::inline PLAIT_ABI::detail {

class thread_pool;

/// To be ended, should it still live when the program leaves.
void register_pool(const std::shared_ptr<thread_pool>& pool);
/// exit() was called or main has returned.
[[nodiscard]] bool process_is_leaving() noexcept;
/// Goes up by one in every forked child.
[[nodiscard]] unsigned fork_generation() noexcept;

}  // namespace plait::inline PLAIT_ABI::detail
