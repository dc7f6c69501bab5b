// What completing, awaiting, resuming and timers cost on a loop.
#include <plait/plait.hpp>

#include <chrono>
#include <vector>

#include "benchmarks/hot_paths.hpp"
#include "benchmarks/measure.hpp"

namespace bench {
namespace {

using namespace std::chrono_literals;
using plait::task;

// ---- completing and awaiting ----

using promises = std::vector<plait::promise<int>>;
using futures = std::vector<plait::future<int>>;

futures futures_of(const promises& given) {
  futures fs;
  fs.reserve(given.size());
  for (const auto& p : given) fs.push_back(p.get_future());
  return fs;
}

void complete_callback(std::uint64_t n) {
  promises given(n);
  std::uint64_t sum = 0;
  for (const auto& p : given)
    p.get_future().add_done_callback([&sum](const plait::future<int>& f) { sum += f.result() == 9 ? 1 : 0; });
  counted([&] {
    for (auto& p : given) p.set_value(9);
  });
  require(sum == n, "some were not called");
}

task<void> await_each(const futures* fs, std::uint64_t* sum) {
  for (const auto& f : *fs) *sum += static_cast<std::uint64_t>(co_await f);
}
task<void> complete_each(promises* given) {
  for (auto& p : *given) {
    p.set_value(1);
    co_await plait::sleep(0s);
  }
}

// One coroutine sets a value and lets the other run, which awaits it.
void complete_awaited(std::uint64_t n) {
  promises given(n);
  const auto fs = futures_of(given);
  std::uint64_t sum = 0;
  plait::event_loop loop;
  const auto waiter = loop.create_task(await_each(&fs, &sum));
  const auto setter = loop.create_task(complete_each(&given));
  counted([&] { loop.run_until_complete(setter); });
  require(sum == n && waiter.done(), "some were not awaited");
}

void await_done(std::uint64_t n) {
  promises given(1);
  given.front().set_value(1);
  const futures fs(n, given.front().get_future());
  std::uint64_t sum = 0;
  plait::event_loop loop;
  const auto waiter = loop.create_task(await_each(&fs, &sum));
  counted([&] { loop.run_until_complete(waiter); });
  require(sum == n, "some were not awaited");
}

task<std::uint64_t> gather_all(const futures* fs) {
  const auto results = co_await plait::gather(*fs);
  co_return results.size();
}

// For each of the futures, from the gather until all are done and the coroutine runs again.
void gather(std::uint64_t n) {
  promises given(n);
  const auto fs = futures_of(given);
  plait::event_loop loop;
  const auto waiter = loop.create_task(gather_all(&fs));
  loop.call_soon([&] {
    for (auto& p : given) p.set_value(1);
  });
  std::uint64_t seen = 0;
  counted([&] { seen = loop.run_until_complete(waiter); });
  require(seen == n, "some were not seen");
}

// ---- tasks ----

// Two coroutines hand over to each other.
void resume(std::uint64_t n) {
  static constexpr auto yield = [](std::uint64_t times) -> task<void> {
    for (std::uint64_t i = 0; i < times; ++i) co_await plait::sleep(0s);
  };
  plait::event_loop loop;
  const auto one = loop.create_task(yield(n / 2));
  const auto two = loop.create_task(yield(n / 2));
  counted([&] { loop.run_until_complete(two); });
  require(one.done(), "one did not end");
}

task<std::uint64_t> give(std::uint64_t value) { co_return value; }

// A coroutine awaits another as a part of itself.
void await_task(std::uint64_t n) {
  static constexpr auto run = [](std::uint64_t times) -> task<std::uint64_t> {
    std::uint64_t sum = 0;
    for (std::uint64_t i = 0; i < times; ++i) sum += co_await give(1);
    co_return sum;
  };
  plait::event_loop loop;
  const auto runner = loop.create_task(run(n));
  std::uint64_t sum = 0;
  counted([&] { sum = loop.run_until_complete(runner); });
  require(sum == n, "some did not run");
}

// One that the loop runs on its own is made, runs, ends and is awaited.
void create_task(std::uint64_t n) {
  static constexpr auto run = [](plait::event_loop* loop, std::uint64_t times) -> task<std::uint64_t> {
    std::uint64_t sum = 0;
    for (std::uint64_t i = 0; i < times; ++i) {
      const auto started = loop->create_task(give(1));
      sum += co_await started;
    }
    co_return sum;
  };
  plait::event_loop loop;
  const auto runner = loop.create_task(run(&loop, n));
  std::uint64_t sum = 0;
  counted([&] { sum = loop.run_until_complete(runner); });
  require(sum == n, "some did not run");
}

// ---- callbacks and timers ----

constexpr std::uint64_t at_once = 1000;  // timers that wait

// Distances of timers, in an order that gives the heap something to do.
constexpr std::chrono::nanoseconds distance(std::uint64_t i) {
  return std::chrono::nanoseconds(i * 7919 % at_once);  // a prime: all of them come
}

void call_soon(std::uint64_t n) {
  std::uint64_t called = 0;
  plait::event_loop loop;
  counted([&] {
    for (std::uint64_t i = 0; i < n; ++i) loop.call_soon([&called] { ++called; });
    loop.call_soon([&loop] { loop.stop(); });
    loop.run_forever();
  });
  require(called == n, "some were not called");
}

// Set and cancelled, beside a thousand others.
void timer_cancel(std::uint64_t n) {
  plait::event_loop loop;
  const auto later = loop.time() + 1h;
  for (std::uint64_t i = 0; i < at_once; ++i) loop.call_at(later + distance(i), [] {});
  loop.call_soon([&] {
    counted([&] {
      for (std::uint64_t i = 0; i < n; ++i) loop.call_at(later + distance(i), [] {}).cancel();
    });
    loop.stop();
  });
  loop.run_forever();
}

// Set and called, a thousand at a time: N is so many thousands.
void timer_fire(std::uint64_t n) {
  static constexpr auto run = [](plait::event_loop* loop, std::uint64_t times) -> task<void> {
    const auto past = loop->time() - 1h;
    std::uint64_t fired = 0;
    for (std::uint64_t set = 0; set < times; set += at_once) {
      for (std::uint64_t i = 0; i < at_once; ++i) loop->call_at(past + distance(i), [&fired] { ++fired; });
      while (fired < set + at_once) co_await plait::sleep(0s);
    }
    require(fired == times, "some were not called");
  };
  plait::event_loop loop;
  const auto runner = loop.create_task(run(&loop, n));
  counted([&] { loop.run_until_complete(runner); });
}

// ---- locks and queues ----

// From one task to the next that waits for it.
void lock_hand_over(std::uint64_t n) {
  static constexpr auto take = [](plait::lock* shared, std::uint64_t times) -> task<void> {
    for (std::uint64_t i = 0; i < times; ++i) {
      const auto held = co_await shared->scoped();
      co_await plait::sleep(0s);
    }
  };
  plait::lock shared;
  plait::event_loop loop;
  const auto one = loop.create_task(take(&shared, n / 2));
  const auto two = loop.create_task(take(&shared, n / 2));
  counted([&] { loop.run_until_complete(two); });
  require(one.done(), "one did not end");
}

// An item from a task to another, where there is room for one.
void queue_hand_over(std::uint64_t n) {
  static constexpr auto put = [](plait::queue<std::uint64_t>* to, std::uint64_t times) -> task<void> {
    for (std::uint64_t i = 0; i < times; ++i) co_await to->put(1);
  };
  static constexpr auto get = [](plait::queue<std::uint64_t>* from, std::uint64_t times) -> task<std::uint64_t> {
    std::uint64_t sum = 0;
    for (std::uint64_t i = 0; i < times; ++i) sum += co_await from->get();
    co_return sum;
  };
  plait::queue<std::uint64_t> between(1);
  plait::event_loop loop;
  const auto putter = loop.create_task(put(&between, n));
  const auto getter = loop.create_task(get(&between, n));
  std::uint64_t sum = 0;
  counted([&] { sum = loop.run_until_complete(getter); });
  require(sum == n && putter.done(), "some did not come");
}

constexpr path paths[] = {
    {"complete_callback", complete_callback},
    {"complete_awaited", complete_awaited},
    {"await_done", await_done},
    {"gather", gather},
    {"resume", resume},
    {"await_task", await_task},
    {"create_task", create_task},
    {"call_soon", call_soon},
    {"timer_cancel", timer_cancel},
    {"timer_fire", timer_fire},
    {"lock_hand_over", lock_hand_over},
    {"queue_hand_over", queue_hand_over},
};

}  // namespace

std::span<const path> paths_of_tasks() { return paths; }

}  // namespace bench
