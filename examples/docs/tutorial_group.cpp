// Tasks that end together.
#include <plait/plait.hpp>

#include <algorithm>
#include <chrono>
#include <stdexcept>
#include <string>
#include <thread>

using namespace std::chrono_literals;

int price_in(const std::string& shop) {
  if (shop == "closed") throw std::runtime_error("no answer");
  return 100 * static_cast<int>(shop.size());
}

plait::task<int> price_with_tax(std::string shop) {
  const int price = co_await plait::to_thread(price_in, shop);
  co_return price + price / 5;
}

plait::task<void> keep_lower(std::string shop, int* lowest) {
  const int price = co_await price_with_tax(shop);
  *lowest = std::min(*lowest, price);
}

plait::task<int> cheapest() {
  int best = 1'000'000;
  co_await plait::with_task_group(
      [](plait::task_group& group, int* lowest) -> plait::task<void> {
        for (const std::string shop : {"north", "harbour", "old town"}) group.create_task(keep_lower(shop, lowest));
        co_return;
      },
      &best);
  co_return best;
}

plait::task<void> waits_for_ever() {
  try {
    co_await plait::sleep(1h);
  } catch (const plait::cancelled_error&) {
    fmt::print("its sibling failed\n");
    throw;
  }
}

plait::task<void> fails_together() {
  try {
    co_await plait::with_task_group([](plait::task_group& group) -> plait::task<void> {
      group.create_task(waits_for_ever());
      group.create_task(price_with_tax("closed"));
      co_return;
    });
  } catch (const plait::exception_group&) {
    fmt::print("one task failed, and both have ended\n");
  }
}

plait::task<void> gathers() {
  const auto [north, harbour] = co_await plait::gather(price_with_tax("north"), price_with_tax("harbour"));
  fmt::print("north {}, harbour {}\n", north, harbour);
}

plait::task<void> async_main() {
  const int lowest = co_await cheapest();
  fmt::print("cheapest: {}\n", lowest);
  co_await fails_together();
  co_await gathers();
}

int main() { plait::run(async_main()); }

// Output:
// cheapest: 600
// its sibling failed
// one task failed, and both have ended
// north 600, harbour 840
