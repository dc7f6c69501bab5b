#include <plait/core/report.hpp>
#include <plait/core/thread_name.hpp>
#include <plait/observe/log.hpp>
#include <plait/observe/log_settings.hpp>

#include <cerrno>
#include <mutex>

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

namespace plait::inline PLAIT_ABI {
namespace {

// %N. spdlog leaves the padding of custom flags to them.
class thread_name_flag final : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg&, const std::tm&, spdlog::memory_buf_t& line) override {
    const std::string& name = thread_name();
    const auto missing = padinfo_.width_ > name.size() ? padinfo_.width_ - name.size() : 0;
    const auto side = padinfo_.side_;
    using pad_side = spdlog::details::padding_info::pad_side;
    const auto before = side == pad_side::left ? missing : side == pad_side::center ? missing / 2 : 0;
    fmt::format_to(std::back_inserter(line), "{:{}}{}{:{}}", "", before, name, "", missing - before);
  }
  [[nodiscard]] std::unique_ptr<custom_flag_formatter> clone() const override {
    return std::make_unique<thread_name_flag>();
  }
};

// Each line is one write, so that lines of several processes stay whole.
class line_sink final : public spdlog::sinks::base_sink<std::mutex> {
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    const char* at = line.data();
    for (auto left = line.size(); left > 0;) {
      const auto written = ::write(detail::log_descriptor(), at, left);
      if (written < 0 && errno == EINTR) continue;
      if (written <= 0) return;  // as a closed stderr: nobody can be told
      at += written;
      left -= static_cast<std::size_t>(written);
    }
  }
  void flush_() override {}
};

// Made before main, and so destroyed after what the program's end does to pools: workers log until then.
[[maybe_unused]] const auto spdlogs_registry = spdlog::get({});

std::unique_ptr<spdlog::formatter> formatter_of(std::string_view pattern) {
  auto formatter = std::make_unique<spdlog::pattern_formatter>();
  formatter->add_flag<thread_name_flag>('N').set_pattern(std::string(pattern));
  return formatter;
}

// One sink for all loggers, so that they follow basic_config. Never destroyed: workers log while the program leaves.
const std::shared_ptr<line_sink>& sink() {
  static const auto* const instance = [] {
    auto made = std::make_shared<line_sink>();
    made->set_formatter(formatter_of(log_config().pattern));
    made->set_level(log_config().level);
    return new std::shared_ptr(std::move(made));
  }();
  return *instance;
}

// How a worker sets its log up: this file is in a program only where that uses the log (log_settings.cpp).
[[maybe_unused]] const bool settings_can_be_applied = [] {
  detail::set_log_setup([](const detail::log_settings& settings) {
    basic_config({.pattern = settings.pattern, .level = static_cast<spdlog::level::level_enum>(settings.level)});
  });
  return true;
}();

void report_to_log(severity level, std::string_view text) noexcept {
  try {
    get_logger("plait")->log(level == severity::error ? spdlog::level::err : spdlog::level::warn, text);
  } catch (...) {  // spdlog itself reports what it can't write
  }
}

}  // namespace

void basic_config(const log_config& config) {
  sink()->set_formatter(formatter_of(config.pattern));
  sink()->set_level(config.level);
  set_report_function(report_to_log);
  detail::keep_log_settings({true, std::string(config.pattern), static_cast<int>(config.level)});
}

std::shared_ptr<spdlog::logger> get_logger(std::string_view name) {
  const std::string owned(name);
  if (auto registered = spdlog::get(owned)) return registered;
  auto logger = std::make_shared<spdlog::logger>(owned, sink());
  logger->set_level(spdlog::level::trace);  // the sink decides
  return logger;
}

}  // namespace plait::inline PLAIT_ABI
