// While one lives, plait's reports are kept instead of written.
#pragma once

#include <plait/core/report.hpp>

#include <mutex>
#include <string>
#include <vector>

namespace test_support {

/// One at a time.
class recorded_reports {
 public:
  recorded_reports() {
    static_cast<void>(take());
    before_ = plait::set_report_function(&keep);
  }
  recorded_reports(const recorded_reports&) = delete;
  recorded_reports& operator=(const recorded_reports&) = delete;
  ~recorded_reports() { plait::set_report_function(before_); }

  struct entry {
    plait::severity level;
    std::string text;
  };
  /// What was reported since the last time.
  [[nodiscard]] static std::vector<entry> take() {
    const std::lock_guard lock(kept().mutex);
    return std::exchange(kept().entries, {});
  }
  /// The texts alone, a line each.
  [[nodiscard]] static std::string text() {
    std::string lines;
    for (const auto& [level, text] : take()) lines += text + "\n";
    return lines;
  }

 private:
  struct store {
    std::mutex mutex;  // guards the entries
    std::vector<entry> entries;
  };
  static store& kept() {
    static store instance;
    return instance;
  }
  static void keep(plait::severity level, std::string_view text) noexcept {
    const std::lock_guard lock(kept().mutex);
    kept().entries.push_back({level, std::string(text)});
  }

  plait::report_function before_;
};

}  // namespace test_support
