// The smallest tasks, which many tests run.
#pragma once

#include <plait/core/task.hpp>
#include <plait/loop/readable.hpp>
#include <plait/loop/sleep.hpp>

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>

#include <tests/support/pipe.hpp>

namespace test_support {

inline plait::task<int> number(int n) { co_return n; }
inline plait::task<int> number_later(int n) {
  co_await plait::sleep(std::chrono::seconds(0));
  co_return n;
}
inline plait::task<std::unique_ptr<int>> move_only_later(int n) {
  co_await plait::sleep(std::chrono::seconds(0));
  co_return std::make_unique<int>(n);
}
inline plait::task<void> fails() {
  co_await plait::sleep(std::chrono::seconds(0));
  throw std::runtime_error("of the task");
}
inline plait::task<std::string> reads_once(const pipe_ends& from) {
  co_await plait::readable(from.out());
  co_return from.read();
}
inline plait::task<void> sleeps() { co_await plait::sleep(std::chrono::hours(1)); }

}  // namespace test_support
