// Several things at a time: futures of calls, and tasks.
#include <plait/plait.hpp>

#include <chrono>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;

int price_in(const std::string& shop) {
  std::this_thread::sleep_for(20ms);
  return 100 * static_cast<int>(shop.size());
}

plait::task<int> price_with_tax(std::string shop) {
  const int price = co_await plait::to_thread(price_in, shop);
  co_return price + price / 5;
}

plait::task<void> two_calls() {
  auto north = plait::to_thread(price_in, std::string("north"));  // starts here
  auto harbour = plait::to_thread(price_in, std::string("harbour"));
  const int difference = co_await harbour - co_await north;
  fmt::print("difference {}\n", difference);
}

plait::task<void> many_tasks() {
  auto& loop = plait::get_running_loop();
  std::vector<plait::task_handle<int>> running;
  for (const std::string shop : {"north", "harbour", "old town"})
    running.push_back(loop.create_task(price_with_tax(shop), shop));
  const auto [done, pending] = co_await plait::wait(running);
  for (const auto& task : done) fmt::print("{} {}\n", task.name(), task.result());
}

plait::task<void> async_main() {
  co_await two_calls();
  co_await many_tasks();
}

int main() { plait::run(async_main()); }

// Output:
// difference 200
// north 600
// harbour 840
// old town 960
