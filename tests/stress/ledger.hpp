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
enum class ending : std::uint8_t {
  value,
  failed,       // it threw what it was to throw
  died,         // its worker did
  ran_out,      // its worker died since it had too much memory
  broke_out,    // and since it asked for what its sandbox forbids
  not_allowed,  // its sandbox gave it an error
  timed_out,
  cancelled,
  broken,  // its executor was
  wrong,
};
inline constexpr std::array<const char*, 10> names_of_endings{
    "values",    "failures", "deaths", "deaths for memory", "violations", "not allowed", "timeouts",
    "cancelled", "broken",   "wrong"};

/// What may become of one call beside what may become of any: its worker's death, a cancel, a broken executor.
struct expectation {
  bool has_value = true;            // it may return
  bool dies = false;                // its process does, by itself
  bool may_fail = false;            // it throws stress::failure
  bool may_time_out = false;        // it has a deadline
  bool may_run_out = false;         // it takes far more memory than its pool allows
  const char* forbidden = nullptr;  // the system call that it does not survive
  bool not_allowed = false;         // what it wants with shared buffers its sandbox does not allow
};

class ledger {
 public:
  /// A call's account.
  struct record {
    expectation what;
    std::uint8_t completions = 0;
    ending how = ending::wrong;  // it ended
    bool dropped = false;        // a cancel has said so
    bool killed = false;         // likewise
  };

  /// Counts the call's completions, and looks how it ended: `right(value)` where with a value. The record stays.
  template <class T, class Right> record& watch(const plait::future<T>& call, expectation what, Right right) {
    auto& its = add(what);
    call.add_done_callback([this, &its, right](const plait::future<T>& done) {
      std::string told;
      auto how = ending::value;
      try {
        if (const auto& value = done.result(); !its.what.has_value || !right(value))
          how = ending::wrong, told = "a value that can't be";
      } catch (...) {
        how = ending_of(std::current_exception(), its.what, told);
      }
      completed(its, how, told);
    });
    return its;
  }

  /// What a cancel of that call has said.
  void cancelled(record& its, plait::cancel_outcome how);
  void refused() { refused_.fetch_add(1, std::memory_order_relaxed); }
  void complain(const std::string& what);
  /// Until each call that was ever watched has completed.
  void wait_for_all();

  /// Each completed exactly once, and none wrongly, and no more died than did so by themselves and than kills from
  /// outside can have cost; else says so.
  [[nodiscard]] bool is_right(std::size_t killed_at_most);
  [[nodiscard]] std::string summary();

 private:
  [[nodiscard]] static ending ending_of(const std::exception_ptr& error, const expectation& what, std::string& told);
  [[nodiscard]] record& add(const expectation& what);
  void completed(record& its, ending how, const std::string& told);

  std::mutex mutex_;  // guards all that follows but the atomic, and what changes in the records
  std::condition_variable changed_;
  std::deque<record> calls_;
  std::size_t completed_ = 0;
  std::array<std::size_t, names_of_endings.size()> endings_{};
  std::vector<std::string> complaints_;
  std::atomic<std::size_t> refused_{0};
};

}  // namespace stress
