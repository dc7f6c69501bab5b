// What goes wrong: exceptions, and cancelling.
#include <plait/plait.hpp>

#include <chrono>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>

using namespace std::chrono_literals;

int price_in(const std::string& shop) {
  if (shop == "closed") throw std::runtime_error("no answer");
  return 100 * static_cast<int>(shop.size());
}

plait::task<void> catches() {
  try {
    const int price = co_await plait::to_thread(price_in, std::string("closed"));
    fmt::print("{}\n", price);
  } catch (const std::runtime_error& error) {
    fmt::print("closed: {}\n", error.what());
  }
}

plait::task<void> looks() {
  auto call = plait::to_thread(price_in, std::string("closed"));
  const plait::outcome<int> ended = co_await plait::settled(call);
  if (!ended.has_value()) fmt::print("no price\n");
}

int watch_prices(std::stop_token stop, int every_ms) {
  int seen = 0;
  for (; !stop.stop_requested(); ++seen) std::this_thread::sleep_for(std::chrono::milliseconds(every_ms));
  return seen;
}

plait::task<void> watches() {
  try {
    const int seen = co_await plait::to_thread(watch_prices, 1);
    fmt::print("{} looks\n", seen);
  } catch (const plait::cancelled_error&) {
    fmt::print("told to stop\n");
    throw;
  }
}

plait::task<void> cancels() {
  auto watching = plait::get_running_loop().create_task(watches());
  co_await plait::sleep(10ms);
  watching.cancel();
  const plait::outcome<void> ended = co_await plait::settled(watching);
  fmt::print("cancelled: {}\n", ended.cancelled());
}

plait::task<void> async_main() {
  co_await catches();
  co_await looks();
  co_await cancels();
}

int main() { plait::run(async_main()); }

// Output:
// closed: no answer
// no price
// told to stop
// cancelled: true
