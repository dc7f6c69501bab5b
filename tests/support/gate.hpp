// What tests wait for instead of time: events.
#pragma once

#include <atomic>

namespace test_support {

/// Holds threads until it is opened; stays open. It must outlive who waits.
class gate {
 public:
  void open() {
    opened_.store(true);
    opened_.notify_all();
  }
  void wait() const { opened_.wait(false); }
  [[nodiscard]] bool is_open() const { return opened_.load(); }

 private:
  std::atomic<bool> opened_{false};  // open (store) pairs with wait (load)
};

/// Counts events; somebody waits until there were so many.
class counter {
 public:
  void add() {
    ++count_;
    count_.notify_all();
  }
  [[nodiscard]] int value() const { return count_.load(); }
  void wait_for(int wanted) const {
    for (int seen = count_; seen < wanted; seen = count_) count_.wait(seen);
  }

 private:
  std::atomic<int> count_{0};  // add pairs with wait_for and value
};

}  // namespace test_support
