// Time limits.
#include <plait/plait.hpp>

#include <chrono>

using namespace std::chrono_literals;

plait::task<int> slow_price() {
  co_await plait::sleep(1h);
  co_return 500;
}

plait::task<void> one_wait() {
  try {
    const int price = co_await plait::wait_for(slow_price(), 20ms);
    fmt::print("{}\n", price);
  } catch (const plait::timeout_error&) {
    fmt::print("no answer in time\n");
  }
}

plait::task<void> asks_twice(plait::timeout_scope&) {
  static_cast<void>(co_await slow_price());
  static_cast<void>(co_await slow_price());
}

plait::task<void> a_block() {
  try {
    co_await plait::with_timeout(20ms, asks_twice);
  } catch (const plait::timeout_error&) {
    fmt::print("no two answers in time\n");
  }
}

plait::task<void> pays(plait::event& bank_answers) {
  co_await bank_answers.wait();
  fmt::print("paid\n");
}

plait::task<void> a_shielded_wait() {
  plait::event bank_answers;
  auto paying = plait::get_running_loop().create_task(pays(bank_answers));
  try {
    co_await plait::wait_for(plait::shield(paying), 1ms);
  } catch (const plait::timeout_error&) {
    fmt::print("still paying\n");
  }
  bank_answers.set();
  co_await paying;
}

plait::task<void> async_main() {
  co_await one_wait();
  co_await a_block();
  co_await a_shielded_wait();
}

int main() { plait::run(async_main()); }

// Output:
// no answer in time
// no two answers in time
// still paying
// paid
