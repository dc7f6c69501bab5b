// What the tests of queues share.
#pragma once

#include <plait/core/task.hpp>
#include <plait/loop/sync/queue.hpp>

#include <vector>

namespace queue_tests {

using plait::queue;
using plait::task;

inline task<void> gets(queue<int>* items, std::vector<int>* seen) {
  const int item = co_await items->get();
  seen->push_back(item);
}

inline task<void> puts(queue<int>* items, int item) { co_await items->put(item); }

inline task<void> joins(queue<int>* items) { co_await items->join(); }

/// Takes all that is there.
inline std::vector<int> drain(queue<int>& items) {
  std::vector<int> all;
  while (!items.empty()) all.push_back(items.get_nowait());
  return all;
}

}  // namespace queue_tests
