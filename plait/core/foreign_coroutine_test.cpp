// Coroutines of other libraries on a loop: what plait gives can be awaited in them, and they can be awaited in tasks.
#include <plait/core/promise.hpp>
#include <plait/core/task.hpp>
#include <plait/loop/event_loop.hpp>
#include <plait/loop/sleep.hpp>
#include <plait/loop/sync_wait.hpp>
#include <plait/loop/wait.hpp>

#include <algorithm>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <tests/support/foreign_coroutine.hpp>
#include <tests/support/tasks.hpp>

namespace plait {
namespace {

using namespace std::chrono_literals;
using test_support::detached;
using test_support::foreign_task;
using test_support::number;
using test_support::number_later;

detached awaits_all_kinds(event_loop& loop, future<int> pending, int* sum, bool* on_loop) {
  const int at_once = co_await number(1);
  const int later = co_await number_later(10);
  co_await sleep(1ns);
  const int result = co_await pending;
  const auto handle = loop.create_task(number_later(1000));
  const int of_handle = co_await handle;
  const std::vector<future<int>> both{pending, handle.future()};
  const auto waited = co_await wait(both);
  *sum = at_once + later + result + of_handle + static_cast<int>(waited.done.size()) * 10'000;
  *on_loop = &get_running_loop() == &loop;
  loop.stop();
}

TEST(foreign_coroutine, awaits_tasks_futures_handles_sleep_and_wait_on_a_loop) {
  event_loop loop;
  promise<int> input;
  int sum = 0;
  bool on_loop = false;
  std::thread elsewhere;
  loop.call_soon([&] {
    awaits_all_kinds(loop, input.get_future(), &sum, &on_loop);
    elsewhere = std::thread([&input] { input.set_value(100); });
  });
  loop.run_forever();
  elsewhere.join();
  EXPECT_EQ(sum, 21'111);
  EXPECT_TRUE(on_loop);
}

task<int> throws_later() {
  co_await sleep(0s);
  throw std::runtime_error("from a task");
}

detached catches(event_loop& loop, std::string* what) {
  try {
    const int n = co_await throws_later();
    *what = std::to_string(n);
  } catch (const std::runtime_error& error) {
    *what = error.what();
  }
  loop.stop();
}

TEST(foreign_coroutine, gets_what_a_task_threw) {
  event_loop loop;
  std::string what;
  loop.call_soon([&] { catches(loop, &what); });
  loop.run_forever();
  EXPECT_EQ(what, "from a task");
}

template <class Awaitable> detached keeps_error(Awaitable awaited, std::string* what) {
  try {
    static_cast<void>(co_await std::move(awaited));
  } catch (const no_running_loop_error& error) {
    *what = error.what();
  }
}

TEST(foreign_coroutine, without_a_loop_gets_an_error_that_names_sync_wait) {
  const std::string rest =
      " needs an event loop that runs on this thread; from plain code use plait::run(task) or "
      "plait::sync_wait(awaitable)";
  std::string what;
  keeps_error(number(1), &what);
  EXPECT_EQ(what, "plait: co_await of a task" + rest);
  keeps_error(sleep(1s), &what);
  EXPECT_EQ(what, "plait: co_await sleep" + rest);
  const promise<int> pending;
  keeps_error(pending.get_future(), &what);
  EXPECT_EQ(what, "plait: co_await of a future" + rest);
  keeps_error(wait(std::vector{pending.get_future()}), &what);
  EXPECT_EQ(what, "plait: co_await wait" + rest);
}

detached takes_done(future<int> done, int* result) { *result = co_await done; }

TEST(foreign_coroutine, without_a_loop_takes_a_result_that_is_there) {
  promise<int> ready;
  ready.set_value(4);
  int result = 0;
  takes_done(ready.get_future(), &result);
  EXPECT_EQ(result, 4);
}

detached awaits_often(event_loop& loop, int times, int* sum, std::uintptr_t* stack_used) {
  std::uintptr_t lowest = UINTPTR_MAX;
  std::uintptr_t highest = 0;
  co_await sleep(0s);
  for (int i = 0; i < times; ++i) {
    *sum += co_await number(1);
    const auto here = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
    lowest = std::min(lowest, here);
    highest = std::max(highest, here);
  }
  *stack_used = highest - lowest;
  loop.stop();
}

TEST(foreign_coroutine, awaits_tasks_a_hundred_thousand_times_on_the_same_stack) {
  event_loop loop;
  int sum = 0;
  std::uintptr_t stack_used = UINTPTR_MAX;
  loop.call_soon([&] { awaits_often(loop, 100'000, &sum, &stack_used); });
  loop.run_forever();
  EXPECT_EQ(sum, 100'000);
  EXPECT_EQ(stack_used, 0U);
}

detached adds_later(std::vector<int>* to, int n) {
  const int m = co_await number(n);
  to->push_back(m);
}

detached starts_several(event_loop& loop, std::vector<int>* to) {
  co_await sleep(0s);
  for (int n : {1, 2, 3}) adds_later(to, n);
  const int last = co_await number(4);
  to->push_back(last);
  loop.stop();
}

// Each of them hands its task to the driver that resumed the first one, before that one is suspended.
TEST(foreign_coroutine, starts_others_that_await_tasks_too) {
  event_loop loop;
  std::vector<int> seen;
  loop.call_soon([&] { starts_several(loop, &seen); });
  loop.run_forever();
  std::ranges::sort(seen);
  EXPECT_EQ(seen, (std::vector<int>{1, 2, 3, 4}));
}

foreign_task add_at_once(int a, int b) {
  const int x = co_await number(a);
  const int y = co_await number(b);
  co_return x + y;
}

foreign_task add_later(int a, int b) {
  const int x = co_await number_later(a);
  co_await sleep(0s);
  co_return x + b;
}

foreign_task fails_later() {
  co_await sleep(0s);
  throw std::runtime_error("from abroad");
}

// After each foreign task this one runs in foreign hands: its own driver may have none, or one further out, on the
// stack.
task<int> awaits_foreigners() {
  const int a = co_await add_at_once(1, 2);
  const int b = co_await number(10);
  const int c = co_await add_later(100, 200);
  const int d = co_await number(1000);
  const int e = co_await number_later(10'000);
  co_return a + b + c + d + e;
}

TEST(foreign_coroutine, is_awaited_in_a_task_that_goes_on_with_tasks) {
  EXPECT_EQ(sync_wait(awaits_foreigners()), 11'313);
}

task<int> ends_in_foreign_hands(int depth) {
  if (depth == 0) {
    const int n = co_await add_later(1, 2);
    co_return n;
  }
  const int below = co_await ends_in_foreign_hands(depth - 1);
  co_return below + 1;
}

TEST(foreign_coroutine, may_be_the_last_that_a_task_awaits) { EXPECT_EQ(sync_wait(ends_in_foreign_hands(3)), 6); }

task<int> ends_at_once_in_foreign_hands() {
  const int a = co_await add_at_once(1, 2);
  const int b = co_await number(3);
  co_return a + b;
}

TEST(foreign_coroutine, that_ends_at_once_leaves_the_task_to_its_driver) {
  EXPECT_EQ(sync_wait(ends_at_once_in_foreign_hands()), 6);
}

task<std::string> catches_from_abroad() {
  std::string what;
  try {
    const int n = co_await fails_later();
    what = std::to_string(n);
  } catch (const std::runtime_error& error) {
    what = error.what();
  }
  co_return what;
}

TEST(foreign_coroutine, throws_into_the_task_that_awaits_it) {
  EXPECT_EQ(sync_wait(catches_from_abroad()), "from abroad");
}

}  // namespace
}  // namespace plait
