// What the tests of locks share.
#pragma once

#include <plait/core/task.hpp>
#include <plait/loop/sleep.hpp>
#include <plait/loop/sync/lock.hpp>

#include <chrono>
#include <string>
#include <vector>

namespace lock_tests {

using namespace std::chrono_literals;
using plait::lock;
using plait::task;

using trace = std::vector<std::string>;

inline task<void> holds(lock* wanted, trace* seen, std::string name, int turns = 1) {
  co_await wanted->acquire();
  seen->push_back(name + " has it");
  for (; turns > 0; --turns) co_await plait::sleep(0s);
  seen->push_back(name + " lets go");
  wanted->release();
}

inline task<void> holds_guarded(lock* wanted, trace* seen, std::string name) {
  const auto held = co_await wanted->scoped();
  seen->push_back(name + " has it");
  co_await plait::sleep(0s);
}

}  // namespace lock_tests
