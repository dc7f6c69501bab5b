// The first coroutine.
#include <plait/plait.hpp>

#include <chrono>
#include <string>
#include <thread>

using namespace std::chrono_literals;

int price_in(const std::string& shop) {
  std::this_thread::sleep_for(20ms);
  return 100 * static_cast<int>(shop.size());
}

plait::task<int> price_with_tax(std::string shop) {
  const int price = co_await plait::to_thread(price_in, shop);
  co_return price + price / 5;
}

plait::task<int> async_main() {
  const int north = co_await price_with_tax("north");
  const int harbour = co_await price_with_tax("harbour");
  fmt::print("north {}, harbour {}\n", north, harbour);
  co_return 0;
}

int main() { return plait::run(async_main()); }

// Output:
// north 600, harbour 840
