// Tasks that hand things to each other.
#include <plait/plait.hpp>

#include <chrono>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;

int price_in(const std::string& shop) {
  std::this_thread::sleep_for(5ms);
  return 100 * static_cast<int>(shop.size());
}

plait::task<void> asks(plait::queue<std::string>& shops, plait::semaphore& lines, std::vector<int>& prices) {
  while (true) {
    const auto shop = co_await shops.get();
    {
      const auto line = co_await lines.scoped();  // at most two ask at a time
      const int price = co_await plait::to_thread(price_in, shop);
      prices.push_back(price);  // no mutex: all tasks run on one thread
    }
    shops.task_done();
  }
}

plait::task<void> async_main() {
  auto& loop = plait::get_running_loop();
  plait::queue<std::string> shops(2);  // a third put waits
  plait::semaphore lines(2);
  std::vector<int> prices;
  std::vector<plait::task_handle<void>> askers;
  for (int i = 0; i < 4; ++i) askers.push_back(loop.create_task(asks(shops, lines, prices)));

  for (const std::string shop : {"north", "harbour", "old town", "mill"}) co_await shops.put(shop);
  co_await shops.join();  // until each was marked with task_done
  for (const auto& asker : askers) asker.cancel();
  static_cast<void>(co_await plait::wait(askers));
  fmt::print("{} prices, {} in all\n", prices.size(), std::accumulate(prices.begin(), prices.end(), 0));
}

int main() { plait::run(async_main()); }

// Output:
// 4 prices, 2400 in all
