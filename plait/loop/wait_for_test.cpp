// wait_for: tasks, handles, futures and other awaitables, with a time limit.
#include <plait/core/any_future.hpp>
#include <plait/core/promise.hpp>
#include <plait/loop/any_task_handle.hpp>
#include <plait/loop/event_loop.hpp>
#include <plait/loop/sleep.hpp>
#include <plait/loop/wait_for.hpp>
#include <plait/threads/thread_pool_executor.hpp>

#include <memory>
#include <stdexcept>
#include <stop_token>
#include <string>

#include <gtest/gtest.h>
#include <tests/support/expect_throw.hpp>
#include <tests/support/gate.hpp>
#include <tests/support/tasks.hpp>
#include <tests/support/turns.hpp>
#include <tests/support/witness.hpp>

namespace plait {
namespace {

using namespace std::chrono_literals;
using test_support::gate;
using test_support::ledger;
using test_support::message_of;
using test_support::number_later;
using test_support::pass;
using test_support::sleeps;
using test_support::witness;

task<int> swallows() {
  try {
    co_await sleep(1h);
  } catch (const cancelled_error&) {
  }
  co_await sleep(0s);
  co_return 5;
}

// ── in time ──

TEST(wait_for, gives_the_result_of_whatever_is_in_time) {
  event_loop loop;
  promise<int> input;
  input.set_value(3);
  EXPECT_EQ(loop.run_until_complete(wait_for(number_later(1), 1h)), 1);
  EXPECT_EQ(loop.run_until_complete(wait_for(loop.create_task(number_later(2)), 1h)), 2);
  EXPECT_EQ(loop.run_until_complete(wait_for(input.get_future(), 1h)), 3);
  loop.run_until_complete(wait_for(sleep(0s), 1h));
  loop.run_until_complete(wait_for(any_future(input.get_future()), 1h));
  loop.run_until_complete(wait_for(any_task_handle(loop.create_task(number_later(2))), 1h));
  EXPECT_EQ(loop.run_until_complete(wait_for(number_later(4), nanoseconds::max())), 4);
}

TEST(wait_for, gives_what_is_done_with_a_timeout_of_zero) {
  event_loop loop;
  promise<int> input;
  input.set_value(3);
  const auto done = loop.create_task(number_later(2));
  loop.run_until_complete(done);
  EXPECT_EQ(loop.run_until_complete(wait_for(input.get_future(), 0s)), 3);
  EXPECT_EQ(loop.run_until_complete(wait_for(done, 0s)), 2);
}

TEST(wait_for, throws_what_it_ends_with_in_time) {
  event_loop loop;
  promise<int> input;
  input.set_exception(std::make_exception_ptr(std::runtime_error("of the call")));
  EXPECT_EQ(message_of<std::runtime_error>([&] { loop.run_until_complete(wait_for(input.get_future(), 1h)); }),
            "of the call");
  const promise<int> dropped;
  dropped.get_future().cancel();
  EXPECT_THROW(loop.run_until_complete(wait_for(dropped.get_future(), 1h)), cancelled_error);
}

TEST(wait_for, moves_the_result_out_of_the_last_handle) {
  event_loop loop;
  promise<std::unique_ptr<int>> input;
  auto last = input.get_future();
  input.set_value(std::make_unique<int>(6));
  EXPECT_EQ(*loop.run_until_complete(wait_for(std::move(last), 1h)), 6);

  const auto boxed = []() -> task<std::unique_ptr<int>> {
    co_await sleep(0s);
    co_return std::make_unique<int>(7);
  };
  EXPECT_EQ(*loop.run_until_complete(wait_for(boxed(), 1h)), 7);
  EXPECT_EQ(*loop.run_until_complete(wait_for(loop.create_task(boxed()), 1h)), 7);
}

TEST(wait_for, leaves_a_named_future_its_result) {
  event_loop loop;
  promise<std::string> input;
  const auto named = input.get_future();
  input.set_value("long enough to be on the heap");
  EXPECT_EQ(loop.run_until_complete(wait_for(named, 1h)), "long enough to be on the heap");
  EXPECT_EQ(named.result(), "long enough to be on the heap");
}

// ── too late ──

TEST(wait_for, too_late_cancels_the_task_that_it_runs) {
  event_loop loop;
  ledger seen;
  const auto holds = [](witness) -> task<void> { co_await sleep(1h); };
  EXPECT_EQ(message_of<timeout_error>([&] { loop.run_until_complete(wait_for(holds(witness(seen)), 1ms)); }),
            "plait: not done within the timeout of 1 ms");
  EXPECT_EQ(seen.alive, 0);
}

TEST(wait_for, of_zero_does_not_begin_a_task) {
  event_loop loop;
  bool ran = false;
  const auto sets = [](bool* what) -> task<void> {
    *what = true;
    co_return;
  };
  EXPECT_THROW(loop.run_until_complete(wait_for(sets(&ran), 0s)), timeout_error);
  EXPECT_FALSE(ran);
}

TEST(wait_for, too_late_cancels_a_running_task_and_waits_for_its_end) {
  event_loop loop;
  const auto handle = loop.create_task(sleeps());
  EXPECT_THROW(loop.run_until_complete(wait_for(handle, 1ms)), timeout_error);
  EXPECT_TRUE(handle.cancelled());
  const auto not_begun = loop.create_task(sleeps());
  EXPECT_THROW(loop.run_until_complete(wait_for(not_begun, 0s)), timeout_error);
  EXPECT_TRUE(not_begun.cancelled());
}

TEST(wait_for, a_value_in_spite_of_the_cancel_counts) {
  event_loop loop;
  EXPECT_EQ(loop.run_until_complete(wait_for(swallows(), 1ms)), 5);
  EXPECT_EQ(loop.run_until_complete(wait_for(loop.create_task(swallows()), 1ms)), 5);
}

TEST(wait_for, an_exception_in_reaction_to_the_cancel_counts) {
  event_loop loop;
  const auto reacts = []() -> task<void> {
    try {
      co_await sleep(1h);
    } catch (const cancelled_error&) {
      throw std::runtime_error("in reaction");
    }
  };
  const auto message = [&](auto awaited) {
    return message_of<std::runtime_error>([&] { loop.run_until_complete(wait_for(std::move(awaited), 1ms)); });
  };
  EXPECT_EQ(message(reacts()), "in reaction");
  EXPECT_EQ(message(loop.create_task(reacts())), "in reaction");
}

TEST(wait_for, too_late_cancels_a_future_and_does_not_wait_for_it) {
  event_loop loop;
  const promise<int> input;
  EXPECT_THROW(loop.run_until_complete(wait_for(input.get_future(), 1ms)), timeout_error);
  EXPECT_TRUE(input.get_future().cancelled());
}

TEST(wait_for, a_future_that_is_done_in_the_turn_in_which_the_time_is_over_gives_its_result) {
  event_loop loop;
  promise<int> input;
  const auto handle = loop.create_task(wait_for(input.get_future(), 2ms));
  loop.call_later(1ms, [&] { input.set_value(8); });
  loop.call_soon([&] {  // after the first step of the task: when the turn ends, both timers are due
    const auto both_due = loop.time() + 3ms;
    while (loop.time() < both_due) {
    }
  });
  EXPECT_EQ(loop.run_until_complete(handle), 8);
}

TEST(wait_for, cancelled_from_outside_cancels_what_it_awaits) {
  event_loop loop;
  const auto inner = loop.create_task(sleeps());
  const auto outer = loop.create_task(wait_for(inner, 1h));
  pass(loop, 2);
  outer.cancel();
  EXPECT_THROW(loop.run_until_complete(outer), cancelled_error);
  EXPECT_TRUE(inner.cancelled());
}

TEST(wait_for, cancelled_from_outside_by_a_task_that_swallows_it_gives_its_value) {
  event_loop loop;
  const auto inner = loop.create_task(swallows());
  const auto outer = loop.create_task(wait_for(inner, 1h));
  pass(loop, 2);
  outer.cancel();
  EXPECT_EQ(loop.run_until_complete(outer), 5);
}

TEST(wait_for, what_it_awaits_cancelled_by_somebody_is_no_timeout) {
  event_loop loop;
  const auto inner = loop.create_task(sleeps());
  const auto outer = loop.create_task(wait_for(inner, 1h));
  pass(loop, 2);
  inner.cancel();
  EXPECT_THROW(loop.run_until_complete(outer), cancelled_error);
  EXPECT_EQ(outer.cancelling(), 0);
}

TEST(wait_for, nested_the_shorter_one_fires) {
  event_loop loop;
  EXPECT_EQ(message_of<timeout_error>([&] { loop.run_until_complete(wait_for(wait_for(sleeps(), 1h), 2ms)); }),
            "plait: not done within the timeout of 2 ms");
  EXPECT_EQ(message_of<timeout_error>([&] { loop.run_until_complete(wait_for(wait_for(sleeps(), 2ms), 1h)); }),
            "plait: not done within the timeout of 2 ms");
}

// ── calls in a pool ──

TEST(wait_for, too_late_drops_a_pending_call_and_leaves_a_running_one) {
  event_loop loop;
  gate begun;
  gate release;
  bool ran = false;
  thread_pool_executor pool({.max_workers = 1});
  const auto running = pool.submit([&] {
    begun.open();
    release.wait();
  });
  begun.wait();
  const auto pending = pool.submit([&] { ran = true; });
  EXPECT_THROW(loop.run_until_complete(wait_for(pending, 1ms)), timeout_error);
  EXPECT_TRUE(pending.cancelled());
  EXPECT_THROW(loop.run_until_complete(wait_for(running, 1ms)), timeout_error);
  EXPECT_FALSE(running.done());
  release.open();
  pool.shutdown();
  EXPECT_FALSE(running.cancelled());
  EXPECT_FALSE(ran);
}

TEST(wait_for, too_late_asks_a_running_call_that_takes_a_stop_token) {
  event_loop loop;
  gate stopped;
  gate release;  // one that is done in the turn in which its time ends gives its result
  thread_pool_executor pool({.max_workers = 1});
  const auto call = pool.submit([&](const std::stop_token& stop) {
    const std::stop_callback on_stop(stop, [&] { stopped.open(); });
    stopped.wait();
    release.wait();
  });
  while (!call.running()) pass(loop);
  EXPECT_THROW(loop.run_until_complete(wait_for(call, 1ms)), timeout_error);
  release.open();
  pool.shutdown();
  EXPECT_TRUE(stopped.is_open());
}

// ── bad input ──

TEST(wait_for, refuses_bad_times_and_empty_handles) {
  event_loop loop;
  EXPECT_EQ(message_of<std::invalid_argument>([] { static_cast<void>(wait_for(number_later(1), -1s)); }),
            "plait: timeout is -1 s; expected 0 or more");
  EXPECT_THROW(loop.run_until_complete(wait_for(future<int>(), 1h)), invalid_state_error);
  EXPECT_THROW(loop.run_until_complete(wait_for(future<int>(), 0s)), invalid_state_error);
  EXPECT_THROW(loop.run_until_complete(wait_for(task<int>(), 1h)), invalid_state_error);
}

}  // namespace
}  // namespace plait
