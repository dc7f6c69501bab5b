#include <plait/core/promise.hpp>
#include <plait/loop/event_loop.hpp>
#include <plait/loop/sleep.hpp>
#include <plait/loop/sync_wait.hpp>
#include <plait/loop/wait.hpp>

#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <tests/support/expect_throw.hpp>
#include <tests/support/tasks.hpp>
#include <tests/support/witness.hpp>

namespace plait {
namespace {

using namespace std::chrono_literals;
using test_support::ledger;
using test_support::message_of;
using test_support::move_only_later;
using test_support::witness;

task<void> throws_no() {
  co_await sleep(0s);
  throw std::runtime_error("no");
}

TEST(sync_wait, of_a_task) {
  EXPECT_EQ(*sync_wait(move_only_later(3)), 3);
  EXPECT_EQ(message_of<std::runtime_error>([] { sync_wait(throws_no()); }), "no");
}

TEST(sync_wait, of_a_future_blocks_until_it_is_done) {
  promise<std::unique_ptr<int>> input;
  auto result = input.get_future();
  std::thread completer([given = std::move(input)]() mutable { given.set_value(std::make_unique<int>(4)); });
  EXPECT_EQ(*sync_wait(std::move(result)), 4);
  completer.join();
}

TEST(sync_wait, of_anything_else_that_can_be_awaited) {
  promise<int> input;
  input.set_value(1);
  sync_wait(sleep(0s));
  const auto waited = sync_wait(wait(std::vector{input.get_future()}));
  EXPECT_EQ(waited.done.size(), 1U);
}

task<void> left_over(witness) { co_await sleep(1h); }

task<int> leaves_a_task(ledger* seen) {
  static_cast<void>(get_running_loop().create_task(left_over(witness(*seen))));
  co_await sleep(0s);
  co_return seen->alive;
}

TEST(sync_wait, cancels_the_tasks_that_are_left) {
  ledger seen;
  EXPECT_EQ(sync_wait(leaves_a_task(&seen)), 1);
  EXPECT_EQ(seen.alive, 0);
}

task<std::string> waits_inside(future<int> pending) {
  auto what = message_of<invalid_state_error>([] { sync_wait(sleep(0s)); });
  what += "|" + message_of<invalid_state_error>([&] { sync_wait(pending); });
  co_return what;
}

TEST(sync_wait, inside_a_running_loop_is_an_error) {
  const promise<int> input;
  EXPECT_EQ(
      sync_wait(waits_inside(input.get_future())),
      "plait: another event loop is already running on this thread; co_await in its coroutines instead of running "
      "a second loop inside it|plait: a blocking wait for a result that is not there yet, on the thread of a "
      "running event loop: it would stop the loop; co_await the future instead");
}

}  // namespace
}  // namespace plait
