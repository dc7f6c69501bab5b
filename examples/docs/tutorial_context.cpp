// Which customer a line of the log is about, without a parameter for it.
#include <plait/plait.hpp>

#include <string>
#include <vector>

static const plait::portable_context_var<std::string> customer("customer", "nobody");

std::string labelled(const std::string& text) { return customer.get() + ": " + text; }

int price_in(const std::string& shop) {
  fmt::print("{}\n", labelled("asks " + shop));  // in a thread of the pool
  return 100 * static_cast<int>(shop.size());
}

plait::task<void> serve(std::string name) {
  customer.set(name);
  const int price = co_await plait::to_thread(price_in, std::string("north"));
  fmt::print("{}\n", labelled("pays " + std::to_string(price)));
  const auto in_a_process = co_await plait::to_process(labelled, std::string("gets a receipt"));
  fmt::print("{}\n", in_a_process);
}

plait::task<void> async_main() {
  auto& loop = plait::get_running_loop();
  for (const std::string name : {"Ada", "Grace"}) co_await loop.create_task(serve(name));
  fmt::print("{}\n", labelled("closes the shop"));
}

int main() { plait::run(async_main()); }

// Output:
// Ada: asks north
// Ada: pays 500
// Ada: gets a receipt
// Grace: asks north
// Grace: pays 500
// Grace: gets a receipt
// nobody: closes the shop
