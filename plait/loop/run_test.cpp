// plait::run: what main() calls.
#include <plait/core/promise.hpp>
#include <plait/loop/event_loop.hpp>
#include <plait/loop/run.hpp>
#include <plait/loop/sleep.hpp>
#include <plait/loop/sync_wait.hpp>
#include <plait/loop/to_thread.hpp>

#include <exception>
#include <latch>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <tests/support/expect_throw.hpp>
#include <tests/support/recorded_reports.hpp>
#include <tests/support/throw_foreign.hpp>
#include <tests/support/witness.hpp>

namespace plait {
namespace {

using namespace std::chrono_literals;
using test_support::ledger;
using test_support::message_in;
using test_support::message_of;
using test_support::recorded_reports;
using test_support::throw_foreign;
using test_support::witness;

task<std::unique_ptr<int>> main_gives(int n) {
  co_await sleep(0s);
  co_return std::make_unique<int>(n);
}

task<void> main_fails() {
  co_await sleep(0s);
  throw std::runtime_error("of main");
}

task<void> cancels_itself() {
  throw cancelled_error();
  co_return;
}

task<int> fails_foreign() {
  co_await sleep(0s);
  throw_foreign();
}
task<void> fails_foreign_with_nothing() {
  co_await sleep(0s);
  throw_foreign();
}

TEST(run, an_exception_that_is_none_of_cpp_comes_out_as_bad_exception) {
  EXPECT_THROW(run(fails_foreign()), std::bad_exception);
  EXPECT_THROW(run(fails_foreign_with_nothing()), std::bad_exception);
}

TEST(run, gives_what_main_returned) { EXPECT_EQ(*run(main_gives(3)), 3); }

TEST(run, throws_what_main_threw) {
  EXPECT_EQ(message_of<std::runtime_error>([] { run(main_fails()); }), "of main");
  EXPECT_EQ(message_of<cancelled_error>([] { run(cancels_itself()); }), "cancelled");
}

task<void> stops_its_loop() {
  get_running_loop().stop();
  co_await sleep(1h);
}

TEST(run, stopped_before_main_was_done_is_an_error) {
  EXPECT_EQ(message_of<invalid_state_error>([] { run(stops_its_loop()); }),
            "plait: event loop stopped before the task completed");
}

task<void> left_over(witness, std::vector<std::string>* log) {
  try {
    co_await sleep(1h);
  } catch (const cancelled_error&) {
    log->emplace_back("told");
    throw;
  }
}

task<int> leaves_tasks(ledger* seen, std::vector<std::string>* log) {
  for (int i = 0; i < 2; ++i) static_cast<void>(get_running_loop().create_task(left_over(witness(*seen), log)));
  co_await sleep(0s);
  co_return seen->alive;
}

TEST(run, cancels_the_tasks_that_are_left_and_waits_for_them) {
  const recorded_reports reports;
  ledger seen;
  std::vector<std::string> log;
  EXPECT_EQ(run(leaves_tasks(&seen, &log)), 2);
  EXPECT_EQ(log, (std::vector<std::string>{"told", "told"}));
  EXPECT_EQ(seen.alive, 0);
  EXPECT_EQ(recorded_reports::text(), "");
}

task<void> throws_when_cancelled() {
  try {
    co_await sleep(1h);
  } catch (const cancelled_error&) {
    throw std::runtime_error("in reaction");
  }
}

task<int> leaves_one_that_throws() {
  static_cast<void>(get_running_loop().create_task(throws_when_cancelled(), "left over"));
  co_await sleep(0s);
  co_return 3;
}

TEST(run, reports_what_a_task_throws_that_is_left) {
  const recorded_reports reports;
  EXPECT_EQ(run(leaves_one_that_throws()), 3);
  EXPECT_EQ(
      recorded_reports::text(),
      "the task \"left over\" that was cancelled at the end of its loop threw std::runtime_error: in reaction\n");
}

task<void> tells_its_handler(std::vector<std::string>* log) {
  auto& loop = get_running_loop();
  loop.set_exception_handler([log](event_loop&, const exception_context& context) {
    log->push_back(std::string(context.task_name) + ": " + message_in<std::runtime_error>(context.exception));
  });
  static_cast<void>(loop.create_task(throws_when_cancelled(), "left over"));
  co_await sleep(0s);
}

TEST(run, tells_the_loops_exception_handler_what_a_task_throws_that_is_left) {
  const recorded_reports reports;
  std::vector<std::string> log;
  run(tells_its_handler(&log));
  EXPECT_EQ(log, (std::vector<std::string>{"left over: in reaction"}));
  EXPECT_EQ(recorded_reports::text(), "");
}

task<void> leaves_calls(std::atomic<int>* done) {
  for (int i = 0; i < 100; ++i) static_cast<void>(to_thread([done] { ++*done; }));
  co_return;
}

TEST(run, lets_the_default_executor_finish_its_calls) {
  std::atomic<int> done = 0;
  run(leaves_calls(&done));
  EXPECT_EQ(done, 100);
}

// The call ends only in a turn of the loop that comes after the stop.
task<void> is_stopped_while_it_leaves(std::latch* over) {
  static_cast<void>(to_thread([over] { over->wait(); }));
  auto& loop = get_running_loop();
  loop.call_soon([over, &loop] {
    loop.call_soon([over, &loop] {
      loop.stop();
      loop.call_soon([over, &loop] { loop.call_soon([over] { over->count_down(); }); });
    });
  });
  co_return;
}

TEST(run, waits_for_the_default_executor_also_where_a_callback_stops_the_loop) {
  const recorded_reports reports;
  std::latch over(1);
  run(is_stopped_while_it_leaves(&over));
  EXPECT_EQ(recorded_reports::text(), "");
}

task<std::string> runs_inside(bool* ran) {
  const auto set = [](bool* flag) -> task<void> {
    *flag = true;
    co_return;
  };
  auto what = message_of<invalid_state_error>([&] { run(set(ran)); });
  what += "|" + message_of<invalid_state_error>([&] { sync_wait(set(ran)); });
  co_await sleep(0s);  // this loop goes on
  co_return what;
}

TEST(run, inside_a_running_loop_is_an_error) {
  const recorded_reports reports;
  const std::string refused =
      "plait: another event loop is already running on this thread; co_await in its coroutines instead of running a "
      "second loop inside it";
  bool ran = false;
  EXPECT_EQ(run(runs_inside(&ran)), refused + "|" + refused);
  EXPECT_FALSE(ran);
  EXPECT_EQ(recorded_reports::text(), "");
}

}  // namespace
}  // namespace plait
