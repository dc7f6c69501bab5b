// The log: spdlog, with the thread's and the logger's name in each line.
#pragma once

#include <plait/core/config.hpp>

#include <memory>
#include <string>
#include <string_view>

#include <fmt/format.h>
#include <spdlog/logger.h>

namespace plait::inline PLAIT_ABI {

/// How the log looks.
struct log_config {
  /// spdlog's pattern flags, and %N for the thread's name (as plait::thread_name() gives it). %n is the logger's
  /// name, %P the process's id, %v the text; `%10N` pads on the left, `%-10N` on the right.
  std::string_view pattern = "%Y-%m-%d %H:%M:%S.%e %^%l%$ %P %N %n: %v";
  /// What is less severe is not written.
  spdlog::level::level_enum level = spdlog::level::info;
};

/// Sets up the log: whole lines to stderr. plait's own reports (an exception in a done callback, a pool that waits
/// for itself) go there too, under the name "plait". May be called again, from any thread; loggers that exist follow.
PLAIT_API void basic_config(const log_config& config = {});

/// A logger of that name, writing to what basic_config set up (stderr without it). One that the program registered
/// with spdlog under this name is given as it is. Thread-safe.
[[nodiscard]] PLAIT_API std::shared_ptr<spdlog::logger> get_logger(std::string_view name);

}  // namespace plait::inline PLAIT_ABI
