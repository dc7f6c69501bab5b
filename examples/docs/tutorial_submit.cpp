// Calls in a pool of threads, without a loop.
#include <plait/plait.hpp>

#include <chrono>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;

int price_in(const std::string& shop) {  // stands for a client library that blocks
  std::this_thread::sleep_for(20ms);
  return 100 * static_cast<int>(shop.size());
}

int main() {
  plait::thread_pool_executor pool{{.max_workers = 2}};
  std::vector<plait::future<int>> prices;
  for (const std::string shop : {"north", "harbour", "old town"}) prices.push_back(pool.submit(price_in, shop));
  for (auto& price : prices) fmt::print("{}\n", price.result());
}

// Output:
// 500
// 700
// 800
