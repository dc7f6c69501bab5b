// Who was promised what, and what came of it. Thread-safe.
#pragma once

#include <plait/core/future.hpp>

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <mutex>
#include <string>
#include <vector>

namespace stress {

/// How a call may end.
enum class ending : std::uint8_t { value, failed, died, timed_out, cancelled, broken, wrong };
inline constexpr std::array<const char*, 7> names_of_endings{"values",    "failures", "deaths", "timeouts",
                                                             "cancelled", "broken",   "wrong"};

/// What may become of one call beside what may become of any: its value, its worker's death, a broken executor.
struct expectation {
  bool may_fail = false;  // it throws stress::failure
  bool has_value = true;  // it may return
  bool may_time_out = false;
};

class ledger {
 public:
  /// Counts the call's completions, and looks how it ended: `right(value)` where with a value.
  template <class T, class Right> void watch(const plait::future<T>& call, expectation what, Right right) {
    auto& completions = add();
    call.add_done_callback([this, &completions, what, right](const plait::future<T>& done) {
      std::string told;
      auto how = ending::value;
      try {
        if (!what.has_value || !right(done.result())) how = ending::wrong, told = "a value that can't be";
      } catch (...) {
        how = ending_of(std::current_exception(), what, told);
      }
      completed(completions, how, told);
    });
  }

  void refused() { refused_.fetch_add(1, std::memory_order_relaxed); }
  void complain(const std::string& what);
  /// Until each call that was ever watched has completed.
  void wait_for_all();

  /// Each completed exactly once, and none wrongly; else says so.
  [[nodiscard]] bool is_right();
  [[nodiscard]] std::string summary();

 private:
  [[nodiscard]] static ending ending_of(const std::exception_ptr& error, expectation what, std::string& told);
  [[nodiscard]] std::atomic<std::uint8_t>& add();
  void completed(std::atomic<std::uint8_t>& completions, ending how, const std::string& told);

  std::mutex mutex_;  // guards all that follows but the atomics
  std::condition_variable changed_;
  std::deque<std::atomic<std::uint8_t>> calls_;  // how often each has completed
  std::size_t completed_ = 0;
  std::array<std::size_t, names_of_endings.size()> endings_{};
  std::vector<std::string> complaints_;
  std::atomic<std::size_t> refused_{0};
};

}  // namespace stress
