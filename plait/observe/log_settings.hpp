// How the log was set up, for a process that is to log as this one does. Apart from the log itself, so that a program
// that never logs needs no spdlog: each start of a worker server would load and relocate it.
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
/// What basic_config was told.
PLAIT_API void keep_log_settings(log_settings settings);

/// Does what basic_config does with them.
using log_setup = void (*)(const log_settings& settings);
/// By the log, before main, where the program has it.
PLAIT_API void set_log_setup(log_setup setup) noexcept;
/// As basic_config, where that was called there, by a program that is this one.
PLAIT_API void apply_log_settings(const log_settings& settings);

/// Lines go to this descriptor from now on; it stays the caller's.
PLAIT_API void set_log_descriptor(int descriptor) noexcept;
[[nodiscard]] PLAIT_API int log_descriptor() noexcept;

}  // namespace plait::inline PLAIT_ABI::detail
