// What the tests of conditions share.
#pragma once

#include <plait/core/task.hpp>
#include <plait/loop/sync/condition.hpp>

#include <cstddef>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace condition_tests {

using plait::condition;
using plait::task;

using trace = std::vector<std::string>;

inline task<void> waits(condition* changed, trace* seen, std::string name) {
  const auto held = co_await changed->scoped();
  co_await changed->wait();
  EXPECT_TRUE(changed->locked());
  seen->push_back(name);
}

inline task<void> notifies(condition* changed, std::size_t n) {
  const auto held = co_await changed->scoped();
  changed->notify(n);
}

}  // namespace condition_tests
