// Children of a task group.
#pragma once

#include <plait/core/errors.hpp>
#include <plait/core/task.hpp>
#include <plait/loop/sleep.hpp>

#include <chrono>
#include <stdexcept>
#include <string>
#include <vector>

namespace task_group_test {

using log = std::vector<std::string>;

/// Until it is cancelled.
inline plait::task<void> lasts(log* seen, std::string name) {
  try {
    co_await plait::sleep(std::chrono::hours(1));
  } catch (const plait::cancelled_error&) {
    seen->push_back(name + " cancelled");
    throw;
  }
}

inline plait::task<void> fails_saying(std::string with) {
  co_await plait::sleep(std::chrono::seconds(0));
  throw std::runtime_error(with);
}

}  // namespace task_group_test
