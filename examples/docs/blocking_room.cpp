// A pool that does not take more than it can hold.
#include <plait/plait.hpp>

#include <string>
#include <utility>
#include <vector>

int store(const std::string& record) { return static_cast<int>(record.size()); }

plait::task<void> async_main(plait::executor& disk) {
  std::vector<plait::future<int>> stored;
  for (int i = 0; i < 1000; ++i) {
    auto room = co_await disk.acquire_slot();  // suspends while 16 calls wait: the loop goes on with other tasks
    stored.push_back(disk.submit(std::move(room), store, std::string(10, 'x')));
  }
  long bytes = 0;
  for (auto& each : stored) bytes += co_await each;
  fmt::print("{}\n", bytes);
}

int main() {
  plait::thread_pool_executor disk{{.max_workers = 2, .max_pending = 16}};
  plait::run(async_main(disk));
}

// Output:
// 10000
