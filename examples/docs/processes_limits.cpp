// Calls that hang or are not wanted any more, and workers that are replaced.
#include <plait/plait.hpp>

#include <chrono>
#include <cstddef>
#include <stop_token>
#include <string>
#include <thread>

using namespace std::chrono_literals;

int search(std::stop_token stop, int from) {  // your own code: it looks whether it is still wanted
  while (!stop.stop_requested()) std::this_thread::sleep_for(1ms);
  return from;
}

int parse(const std::string& text) {  // stands for a library that hangs on some input
  while (text == "endless") std::this_thread::sleep_for(1h);
  return static_cast<int>(text.size());
}

plait::task<void> with_deadlines(plait::executor& pool) {
  auto gives_way = pool.submit({.timeout = 50ms}, search, 1);
  auto hangs = pool.submit({.timeout = 50ms}, parse, std::string("endless"));
  try {
    co_await gives_way;
  } catch (const plait::timeout_error&) {
    fmt::print("search: asked to stop; its worker stays\n");
  }
  try {
    co_await hangs;
  } catch (const plait::timeout_error&) {
    fmt::print("parse: too late; its worker is ended\n");
  }
}

plait::task<void> not_wanted(plait::executor& pool) {
  auto call = pool.submit({.cancel = plait::cancel_mode::kill}, parse, std::string("endless"));
  call.cancel();
  const plait::outcome<int> ended = co_await plait::settled(call);
  fmt::print("cancelled: {}\n", ended.cancelled());
}

plait::task<void> async_main(plait::executor& pool) {
  co_await with_deadlines(pool);
  co_await not_wanted(pool);
  const int length = co_await pool.submit(parse, std::string("short"));
  fmt::print("{}\n", length);
}

int main() {
  plait::process_pool_executor pool({.max_workers = 2,
                                     .idle_timeout = 30s,
                                     .max_tasks_per_child = 1'000,
                                     .worker_memory_limit = std::size_t{2} << 30,
                                     .stop_grace = 1s,
                                     .term_grace = 1s});
  plait::run(async_main(pool));
}

// Output:
// search: asked to stop; its worker stays
// parse: too late; its worker is ended
// cancelled: true
// 5
