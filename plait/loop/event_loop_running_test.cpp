// Running and stopping a loop, and what is refused.
#include <plait/core/promise.hpp>
#include <plait/loop/event_loop.hpp>
#include <plait/loop/sleep.hpp>
#include <plait/loop/sync_wait.hpp>

#include <chrono>
#include <cmath>
#include <stdexcept>
#include <string>
#include <thread>

#include <gtest/gtest.h>
#include <tests/support/expect_throw.hpp>
#include <tests/support/gate.hpp>
#include <tests/support/tasks.hpp>

namespace plait {
namespace {

using namespace std::chrono_literals;
using test_support::fails;
using test_support::gate;
using test_support::message_of;
using test_support::move_only_later;
using test_support::number;

task<int> awaits_future(future<int> awaited) {
  const int n = co_await awaited;
  co_return n;
}

TEST(event_loop_running, run_until_complete_gives_what_the_task_returned) {
  event_loop loop;
  EXPECT_EQ(loop.run_until_complete(number(3)), 3);
  EXPECT_EQ(*loop.run_until_complete(move_only_later(4)), 4);
}

TEST(event_loop_running, run_until_complete_throws_what_the_task_threw_and_the_loop_goes_on) {
  event_loop loop;
  EXPECT_EQ(message_of<std::runtime_error>([&] { loop.run_until_complete(fails()); }), "of the task");
  EXPECT_EQ(loop.run_until_complete(number(3)), 3);
}

TEST(event_loop_running, run_until_complete_takes_a_handle) {
  event_loop loop;
  const auto handle = loop.create_task(number(3));
  EXPECT_EQ(loop.run_until_complete(handle), 3);
  EXPECT_EQ(loop.run_until_complete(handle), 3);  // done before
  EXPECT_EQ(handle.result(), 3);
}

TEST(event_loop_running, run_until_complete_takes_a_future_that_another_thread_completes) {
  event_loop loop;
  promise<int> input;
  std::thread elsewhere([&input] { input.set_value(5); });
  EXPECT_EQ(loop.run_until_complete(input.get_future()), 5);
  elsewhere.join();
}

TEST(event_loop_running, run_until_complete_refuses_a_future_that_holds_nothing) {
  event_loop loop;
  EXPECT_EQ(message_of<invalid_state_error>([&] { loop.run_until_complete(future<int>()); }),
            "plait: run_until_complete of a future that holds nothing");
}

TEST(event_loop_running, stopped_before_the_task_completed) {
  event_loop loop;
  promise<int> input;
  auto handle = loop.create_task(awaits_future(input.get_future()));
  loop.call_soon([&] { loop.stop(); });
  EXPECT_EQ(message_of<invalid_state_error>([&] { loop.run_until_complete(handle); }),
            "plait: event loop stopped before the task completed");
  EXPECT_FALSE(handle.done());
  input.set_value(6);
  EXPECT_EQ(loop.run_until_complete(handle), 6);
}

TEST(event_loop_running, stop_ends_run_forever_after_the_pass_that_called_it) {
  event_loop loop;
  std::string seen;
  loop.call_soon([&] {
    loop.stop();
    loop.call_soon([&] { seen += "next"; });
  });
  loop.call_soon([&] { seen += "same "; });
  loop.run_forever();
  EXPECT_EQ(seen, "same ");
  loop.stop();
  loop.run_forever();  // a stop that came before: one pass
  EXPECT_EQ(seen, "same next");
}

TEST(event_loop_running, stop_from_another_thread_wakes_a_loop_that_sleeps) {
  event_loop loop;
  std::thread elsewhere([&loop] { loop.call_soon_threadsafe([&loop] { loop.stop(); }); });
  loop.run_forever();
  elsewhere.join();
  EXPECT_FALSE(loop.is_running());
}

TEST(event_loop_running, is_running_only_inside) {
  event_loop loop;
  bool inside = false;
  event_loop* here = nullptr;
  EXPECT_FALSE(loop.is_running());
  loop.call_soon([&] {
    inside = loop.is_running();
    here = &get_running_loop();
    loop.stop();
  });
  loop.run_forever();
  EXPECT_TRUE(inside);
  EXPECT_EQ(here, &loop);
  EXPECT_FALSE(loop.is_running());
}

TEST(event_loop_running, no_loop_runs_here) {
  EXPECT_EQ(message_of<no_running_loop_error>([] { static_cast<void>(get_running_loop()); }),
            "plait: get_running_loop() needs an event loop that runs on this thread; from plain code use "
            "plait::run(task) or plait::sync_wait(awaitable)");
}

task<std::string> runs_again(event_loop& loop, bool* ran) {
  const auto set = [](bool* flag) -> task<void> {
    *flag = true;
    co_return;
  };
  auto again = message_of<invalid_state_error>([&] { loop.run_forever(); });
  again += "|" + message_of<invalid_state_error>([&] { loop.run_until_complete(set(ran)); });
  co_await sleep(0s);
  co_await sleep(0s);
  co_return again;
}

TEST(event_loop_running, running_it_inside_itself_is_refused_and_starts_nothing) {
  event_loop loop;
  bool ran = false;
  EXPECT_EQ(loop.run_until_complete(runs_again(loop, &ran)),
            "plait: this event loop is already running|plait: this event loop is already running");
  EXPECT_FALSE(ran);
}

task<std::string> runs_another(event_loop& other) {
  const auto what = message_of<invalid_state_error>([&] { other.run_until_complete(number(1)); });
  co_return what;
}

TEST(event_loop_running, running_another_one_inside_is_refused) {
  event_loop outer;
  event_loop inner;
  EXPECT_EQ(outer.run_until_complete(runs_another(inner)),
            "plait: another event loop is already running on this thread; co_await in its coroutines instead of "
            "running a second loop inside it");
  EXPECT_EQ(inner.run_until_complete(number(2)), 2);
}

TEST(event_loop_running, running_on_two_threads_is_refused) {
  event_loop loop;
  gate runs;
  std::string what;
  std::thread elsewhere([&] {
    runs.wait();
    what = message_of<invalid_state_error>([&] { loop.run_forever(); });
    loop.call_soon_threadsafe([&] { loop.stop(); });
  });
  loop.call_soon([&] { runs.open(); });
  loop.run_forever();
  elsewhere.join();
  EXPECT_EQ(what, "plait: this event loop is already running on another thread");
}

TEST(event_loop_running, one_thread_after_another_may_run_it) {
  event_loop loop;
  EXPECT_EQ(loop.run_until_complete(number(1)), 1);
  int result = 0;
  std::thread elsewhere([&] { result = loop.run_until_complete(number(2)); });
  elsewhere.join();
  EXPECT_EQ(result, 2);
}

task<std::string> blocks(future<int> pending) {
  const auto what = message_of<invalid_state_error>([&] { static_cast<void>(pending.result()); });
  co_return what;
}

TEST(event_loop_running, blocking_for_a_result_on_its_thread_is_refused) {
  const promise<int> input;
  EXPECT_EQ(
      sync_wait(blocks(input.get_future())),
      "plait: a blocking wait for a result that is not there yet, on the thread of a running event loop: it would "
      "stop the loop; co_await the future instead");
}

}  // namespace
}  // namespace plait
