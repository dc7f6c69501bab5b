#include <plait/core/report.hpp>

#include <atomic>
#include <cstdio>

namespace plait::inline PLAIT_ABI {
namespace {

void to_stderr(severity level, std::string_view text) noexcept {
  std::fprintf(stderr, "plait: %s: %.*s\n", level == severity::error ? "error" : "warning",
               static_cast<int>(text.size()), text.data());
}

std::atomic<report_function> installed{to_stderr};

}  // namespace

report_function set_report_function(report_function function) noexcept {
  return installed.exchange(function ? function : to_stderr);
}

void detail::report(severity level, std::string_view text) noexcept { installed.load()(level, text); }

}  // namespace plait::inline PLAIT_ABI
