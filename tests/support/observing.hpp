// What tests look through: what a call throws, what plait reports, which objects live and where they die.
#pragma once

#include <plait/core/errors.hpp>
#include <plait/core/report.hpp>

#include <atomic>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace test_support {

/// what() of the Error that `f()` throws. Any other exception passes.
template <class Error, class F> std::string message_of(F&& f) {
  try {
    std::forward<F>(f)();
  } catch (const Error& error) {
    return error.what();
  }
  return "nothing was thrown";
}

/// True where `f()` throws cancelled_error. Any other exception passes.
template <class F> bool is_cancelled(F&& f) {
  try {
    std::forward<F>(f)();
  } catch (const plait::cancelled_error&) {
    return true;
  }
  return false;
}

/// Keeps plait's reports while it lives; they do not reach stderr. One at a time.
class captured_reports {
 public:
  captured_reports() {
    texts().clear();
    before_ = plait::set_report_function(&keep);
  }
  ~captured_reports() { plait::set_report_function(before_); }
  captured_reports(const captured_reports&) = delete;
  captured_reports& operator=(const captured_reports&) = delete;

  [[nodiscard]] std::vector<std::string> all() const {
    const std::lock_guard lock(mutex());
    return texts();
  }

 private:
  static void keep(plait::severity, std::string_view text) noexcept {
    const std::lock_guard lock(mutex());
    texts().emplace_back(text);
  }
  static std::mutex& mutex() {
    static std::mutex instance;
    return instance;
  }
  static std::vector<std::string>& texts() {
    static std::vector<std::string> instance;
    return instance;
  }

  plait::report_function before_;
};

/// Of the witnesses of one test: how many live, and whether one died elsewhere than on its home thread.
struct ledger {
  std::atomic<int> made{0};
  std::atomic<int> alive{0};
  std::atomic<int> died_elsewhere{0};
  std::thread::id home = std::this_thread::get_id();
};

/// Can be moved. A moved-from one counts no more; one that is destroyed twice is seen by `alive` going below 0.
class witness {
 public:
  explicit witness(ledger& where) noexcept : ledger_(&where) {
    ++where.made;
    ++where.alive;
  }
  witness(witness&& other) noexcept : ledger_(std::exchange(other.ledger_, nullptr)) {}
  witness& operator=(witness&&) = delete;
  ~witness() {
    if (!ledger_) return;
    --ledger_->alive;
    if (std::this_thread::get_id() != ledger_->home) ++ledger_->died_elsewhere;
  }

 private:
  ledger* ledger_;
};

}  // namespace test_support
