// Cancelling a task from what its cancellation calls; cancelling before it awaits; outcomes that can't be copied.
#include <plait/core/promise.hpp>
#include <plait/executor/executor.hpp>
#include <plait/loop/event_loop.hpp>
#include <plait/loop/settled.hpp>
#include <plait/loop/sleep.hpp>
#include <plait/threads/thread_pool_executor.hpp>

#include <chrono>
#include <memory>
#include <stop_token>
#include <string>

#include <gtest/gtest.h>
#include <tests/support/gate.hpp>

namespace {

using namespace std::chrono_literals;
using plait::event_loop;
using plait::task;
using test_support::gate;

task<int> counts_cancellations(plait::future<void> call) {
  int arrived = 0;
  try {
    co_await call;
  } catch (const plait::cancelled_error&) {
    ++arrived;
  }
  try {
    co_await plait::sleep(0s);
  } catch (const plait::cancelled_error&) {
    ++arrived;
  }
  co_return arrived;
}

TEST(cancel_again, from_the_stop_callback_that_the_cancellation_calls) {
  plait::thread_pool_executor pool({.max_workers = 1});
  event_loop loop;
  gate runs;
  plait::task_handle<int> waiting;
  int called = 0;
  auto call = pool.submit([&](const std::stop_token& stop) {
    gate stopped;
    const std::stop_callback again(stop, [&] {
      ++called;
      waiting.cancel();  // on the loop's thread, inside the cancel below
      stopped.open();
    });
    runs.open();
    stopped.wait();
  });
  runs.wait();
  waiting = loop.create_task(counts_cancellations(call));
  loop.call_soon([&] { loop.call_soon([&] { waiting.cancel(); }); });
  EXPECT_EQ(loop.run_until_complete(waiting), 1) << "both requests arrive as one";
  EXPECT_EQ(called, 1);
  EXPECT_EQ(waiting.cancelling(), 2);
}

task<int> swallows(bool* was_cancelled) {
  try {
    co_await plait::sleep(1h);
  } catch (const plait::cancelled_error&) {
    *was_cancelled = true;
  }
  co_return 5;
}

TEST(cancel_again, before_it_awaits_a_task_the_cancellation_is_that_tasks) {
  event_loop loop;
  bool was_cancelled = false;
  const auto outer = [](event_loop& loop, bool* was_cancelled, plait::task_handle<int>* self) -> task<int> {
    auto inner = loop.create_task(swallows(was_cancelled));
    co_await plait::sleep(0s);
    self->cancel();  // arrives at the next await: of a task that makes a value of it
    const int value = co_await inner;
    co_return value;
  };
  plait::task_handle<int> self;
  self = loop.create_task(outer(loop, &was_cancelled, &self));
  EXPECT_EQ(loop.run_until_complete(self), 5);
  EXPECT_TRUE(was_cancelled);
}

TEST(cancel_again, settled_gives_what_can_not_be_copied_as_an_exception) {
  event_loop loop;
  plait::promise<std::unique_ptr<int>> made;
  made.set_value(std::make_unique<int>(3));
  const auto other_handle = made.get_future();
  const auto body = [](plait::future<std::unique_ptr<int>> f) -> task<bool> {
    const auto how = co_await plait::settled(f);
    co_return how.has_value();
  };
  EXPECT_FALSE(loop.run_until_complete(body(other_handle)));
}

TEST(cancel_again, a_tasks_result_need_not_be_assignable) {
  struct fixed {
    const int value;
  };
  event_loop loop;
  const auto body = []() -> task<fixed> { co_return fixed{4}; };
  EXPECT_EQ(loop.run_until_complete(body()).value, 4);
}

}  // namespace
