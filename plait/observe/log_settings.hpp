// How the log was set up, for a process that is to log as this one does.
#pragma once

#include <plait/core/config.hpp>

#include <string>

namespace plait::inline PLAIT_ABI::detail {

struct log_settings {
  bool configured = false;  // basic_config was called
  std::string pattern;
  int level = 0;  // spdlog's
};

[[nodiscard]] PLAIT_API log_settings current_log_settings();
/// As basic_config, where that was called there.
PLAIT_API void apply_log_settings(const log_settings& settings);
/// Lines go to this descriptor from now on; it stays the caller's.
PLAIT_API void set_log_descriptor(int descriptor) noexcept;

}  // namespace plait::inline PLAIT_ABI::detail
