// How the core tells of what it can't throw at anybody: a done callback that threw, a pool that waits for itself.
#pragma once

#include <plait/core/config.hpp>

#include <string_view>

namespace plait::inline PLAIT_ABI {

enum class severity { warning, error };

/// Gets every report, on the thread where it arises. Must not throw.
using report_function = void (*)(severity, std::string_view text) noexcept;

/// Installs `function` (null: the default, which writes a line to stderr) and returns the one before. Thread-safe.
/// basic_config installs one that writes to the log.
PLAIT_API report_function set_report_function(report_function function) noexcept;

namespace detail {
PLAIT_API void report(severity level, std::string_view text) noexcept;
}
}  // namespace plait::inline PLAIT_ABI
