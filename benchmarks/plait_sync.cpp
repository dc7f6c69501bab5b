// What plait's tasks share: a lock that is handed over, queues whose items are.
#include <plait/plait.hpp>

#include <chrono>

#include "benchmarks/measure_loop.hpp"
#include "benchmarks/plait_loop.hpp"

namespace bench {
namespace {

// Each keeps the lock until the other waits for it; from then on a release hands it over.
plait::task<void> take_turns(plait::lock& shared, turns& taken, int who, std::uint64_t n) {
  for (std::uint64_t i = 0; i < n; ++i) {
    co_await shared.acquire();
    if (i == 0) co_await plait::sleep(std::chrono::seconds(0));
    taken.take(who);
    shared.release();
  }
}

plait::task<void> share_lock(std::uint64_t each) {
  auto& loop = plait::get_running_loop();
  plait::lock shared;
  turns taken;
  const auto started = now_ns();
  auto one = loop.create_task(take_turns(shared, taken, 1, each));
  auto two = loop.create_task(take_turns(shared, taken, 2, each));
  co_await one;
  co_await two;
  report_each("lock", taken.count(), now_ns() - started);
  require(taken.count() == 2 * each, "the lock was taken less often");
}

using items = plait::queue<std::uint64_t>;

plait::task<void> send_back(items& from, items& to, std::uint64_t n) {
  for (std::uint64_t i = 0; i < n; ++i) {
    const auto item = co_await from.get();
    co_await to.put(item + 1);
  }
}

plait::task<void> send_and_get_back(std::uint64_t each) {
  auto& loop = plait::get_running_loop();
  items there;
  items back;
  const auto started = now_ns();
  auto other = loop.create_task(send_back(there, back, each));
  std::uint64_t item = 0;
  for (std::uint64_t i = 0; i < each; ++i) {
    co_await there.put(item + 1);
    item = co_await back.get();
  }
  co_await other;
  report_each("queue", 2 * each, now_ns() - started);
  require(item == 2 * each, "wrong item");
}

}  // namespace

void lock_hand_over(const arguments& a) {
  plait::event_loop loop;
  loop.run_until_complete(share_lock(a[0] / 2));
}

void queue_hand_over(const arguments& a) {
  plait::event_loop loop;
  loop.run_until_complete(send_and_get_back(a[0] / 2));
}

}  // namespace bench
