// Ends a test that hangs, and says where it hangs: its name and the stacks of all threads, then abort().
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

namespace test_support {

/// How long one test may take: PLAIT_TEST_TIMEOUT in seconds; by default 60, under a sanitizer or not optimised 180.
/// 0: none.
std::chrono::seconds watchdog_limit();

class watchdog {
 public:
  explicit watchdog(std::chrono::seconds limit);
  ~watchdog();
  watchdog(const watchdog&) = delete;
  watchdog& operator=(const watchdog&) = delete;

  void start(std::string test);
  void stop();

 private:
  using clock = std::chrono::steady_clock;

  void watch();

  const std::chrono::seconds limit_;
  std::mutex mutex_;  // guards all below but the thread
  std::condition_variable changed_;
  std::string test_;
  clock::time_point deadline_ = clock::time_point::max();
  bool ends_ = false;
  std::thread thread_;
};

}  // namespace test_support
