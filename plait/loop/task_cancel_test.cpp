// Cancelling a task: where it arrives, what it cancels in its turn, and how it is taken back.
#include <plait/core/promise.hpp>
#include <plait/loop/event_loop.hpp>
#include <plait/loop/sleep.hpp>
#include <plait/loop/wait.hpp>

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <tests/support/expect_throw.hpp>
#include <tests/support/turns.hpp>
#include <tests/support/witness.hpp>

namespace plait {
namespace {

using namespace std::chrono_literals;
using test_support::ledger;
using test_support::message_of;
using test_support::pass;
using test_support::witness;

/// Runs it until it is suspended, cancels it on the loop, and runs it to its end.
template <class T> void cancel_while_suspended(event_loop& loop, const task_handle<T>& handle) {
  pass(loop);
  ASSERT_EQ(handle.status(), call_status::running);
  loop.call_soon([&] { EXPECT_EQ(handle.cancel(), cancel_outcome::asked); });
  while (!handle.done()) pass(loop);
}

task<void> sets(witness, bool* ran) {
  *ran = true;
  co_return;
}

TEST(task_cancel, before_it_began_its_body_never_runs) {
  ledger seen;
  bool ran = false;
  event_loop loop;
  const auto handle = loop.create_task(sets(witness(seen), &ran));
  EXPECT_EQ(handle.cancel(), cancel_outcome::asked);
  pass(loop);
  EXPECT_TRUE(handle.cancelled());
  EXPECT_FALSE(ran);
  EXPECT_EQ(seen.alive, 0);
  EXPECT_EQ(message_of<cancelled_error>([&] { handle.result(); }), "cancelled");
}

TEST(task_cancel, when_it_is_done_comes_too_late) {
  ledger seen;
  bool ran = false;
  event_loop loop;
  const auto handle = loop.create_task(sets(witness(seen), &ran));
  loop.run_until_complete(handle);
  EXPECT_EQ(handle.cancel(), cancel_outcome::too_late);
  EXPECT_FALSE(handle.cancelled());
}

template <class Awaitable> task<void> awaits(Awaitable awaited, witness local) {
  const witness moved = std::move(local);
  static_cast<void>(co_await std::move(awaited));
}

TEST(task_cancel, arrives_in_sleep) {
  ledger seen;
  event_loop loop;
  const auto handle = loop.create_task(awaits(sleep(1h), witness(seen)));
  cancel_while_suspended(loop, handle);
  EXPECT_TRUE(handle.cancelled());
  EXPECT_EQ(seen.alive, 0);
}

TEST(task_cancel, arrives_in_a_sleep_that_is_over_but_has_not_resumed) {
  ledger seen;
  event_loop loop;
  const auto handle = loop.create_task(awaits(sleep(0s), witness(seen)));
  loop.call_soon([&] { EXPECT_EQ(handle.cancel(), cancel_outcome::asked); });
  pass(loop);
  EXPECT_FALSE(handle.done());
  pass(loop);
  EXPECT_TRUE(handle.cancelled());
  EXPECT_EQ(seen.alive, 0);
}

TEST(task_cancel, arrives_at_a_future_and_cancels_it) {
  ledger seen;
  event_loop loop;
  const promise<int> input;
  const auto handle = loop.create_task(awaits(input.get_future(), witness(seen)));
  cancel_while_suspended(loop, handle);
  EXPECT_TRUE(handle.cancelled());
  EXPECT_TRUE(input.get_future().cancelled());
  EXPECT_EQ(seen.alive, 0);
}

TEST(task_cancel, arrives_at_a_wait_and_leaves_its_futures_alone) {
  ledger seen;
  event_loop loop;
  promise<int> input;
  const auto handle = loop.create_task(awaits(wait(std::vector{input.get_future()}), witness(seen)));
  cancel_while_suspended(loop, handle);
  EXPECT_TRUE(handle.cancelled());
  EXPECT_FALSE(input.get_future().done());
  input.set_value(1);
  pass(loop);
  EXPECT_EQ(seen.alive, 0);
}

TEST(task_cancel, arrives_in_a_nested_task) {
  ledger seen;
  event_loop loop;
  auto inner = awaits(sleep(1h), witness(seen));
  auto middle = awaits(std::move(inner), witness(seen));
  const auto handle = loop.create_task(awaits(std::move(middle), witness(seen)));
  EXPECT_EQ(seen.alive, 3);
  cancel_while_suspended(loop, handle);
  EXPECT_TRUE(handle.cancelled());
  EXPECT_EQ(seen.alive, 0);
}

TEST(task_cancel, goes_on_to_the_task_that_it_awaits) {
  ledger seen;
  event_loop loop;
  const auto inner = loop.create_task(awaits(sleep(1h), witness(seen)));
  const auto outer = loop.create_task(awaits(inner, witness(seen)));
  cancel_while_suspended(loop, outer);
  EXPECT_TRUE(outer.cancelled());
  EXPECT_TRUE(inner.cancelled());
}

task<int> swallows(int* cancels, int wanted) {
  while (*cancels < wanted) {
    try {
      co_await sleep(1h);
    } catch (const cancelled_error&) {
      ++*cancels;
    }
  }
  co_await sleep(0s);
  co_return 5;
}

TEST(task_cancel, swallowed_lets_the_value_come) {
  int cancels = 0;
  event_loop loop;
  const auto handle = loop.create_task(swallows(&cancels, 1));
  cancel_while_suspended(loop, handle);
  EXPECT_FALSE(handle.cancelled());
  EXPECT_EQ(handle.result(), 5);
  EXPECT_EQ(cancels, 1);
}

task<int> passes_on(task_handle<int> inner) {
  const int n = co_await inner;
  co_return n;
}

TEST(task_cancel, swallowed_by_the_task_that_it_awaits_lets_both_values_come) {
  int cancels = 0;
  event_loop loop;
  const auto inner = loop.create_task(swallows(&cancels, 1));
  const auto outer = loop.create_task(passes_on(inner));
  cancel_while_suspended(loop, outer);
  EXPECT_EQ(outer.result(), 5);
  EXPECT_EQ(cancels, 1);
}

TEST(task_cancel, twice_arrives_twice) {
  int cancels = 0;
  event_loop loop;
  const auto handle = loop.create_task(swallows(&cancels, 2));
  pass(loop);
  loop.call_soon([&] { handle.cancel(); });
  pass(loop);
  pass(loop);
  EXPECT_EQ(cancels, 1);
  EXPECT_FALSE(handle.done());
  loop.call_soon([&] { handle.cancel(); });
  EXPECT_EQ(loop.run_until_complete(handle), 5);
  EXPECT_EQ(cancels, 2);
  EXPECT_EQ(handle.cancelling(), 2);
}

TEST(task_cancel, twice_before_it_arrived_arrives_once) {
  int cancels = 0;
  event_loop loop;
  const auto handle = loop.create_task(swallows(&cancels, 1));
  pass(loop);
  loop.call_soon([&] {
    handle.cancel();
    handle.cancel();
    EXPECT_EQ(handle.cancelling(), 2);
  });
  EXPECT_EQ(loop.run_until_complete(handle), 5);
  EXPECT_EQ(cancels, 1);
}

task<std::string> cancels_itself(const task_handle<std::string>* self) {
  self->cancel();
  std::string seen = "runs on ";
  try {
    co_await sleep(1h);
  } catch (const cancelled_error&) {
    seen += "until the next await";
  }
  co_await sleep(0s);
  co_return seen;
}

TEST(task_cancel, of_the_task_that_runs_arrives_at_its_next_await) {
  event_loop loop;
  task_handle<std::string> self;
  self = loop.create_task(cancels_itself(&self));
  EXPECT_EQ(loop.run_until_complete(self), "runs on until the next await");
}

task<int> cancels_itself_and_returns(const task_handle<int>* self) {
  self->cancel();
  co_return 3;
}

TEST(task_cancel, in_the_last_step_wins_over_the_value) {
  event_loop loop;
  task_handle<int> self;
  self = loop.create_task(cancels_itself_and_returns(&self));
  EXPECT_EQ(message_of<cancelled_error>([&] { loop.run_until_complete(self); }), "cancelled");
}

TEST(task_cancel, in_the_last_step_throws_the_value_away_with_the_frame) {
  ledger seen;
  event_loop loop;
  task_handle<std::unique_ptr<witness>> self;
  self = loop.create_task([](ledger* where, const auto* own) -> task<std::unique_ptr<witness>> {
    own->cancel();
    co_return std::make_unique<witness>(*where);
  }(&seen, &self));
  pass(loop);
  EXPECT_TRUE(self.cancelled());
  EXPECT_EQ(seen.made, 1);
  EXPECT_EQ(seen.alive, 0);
}

TEST(task_cancel, in_the_last_step_does_not_win_over_an_exception) {
  event_loop loop;
  task_handle<void> self;
  self = loop.create_task([](const task_handle<void>* own) -> task<void> {
    own->cancel();
    throw std::runtime_error("of the task");
    co_return;
  }(&self));
  EXPECT_EQ(message_of<std::runtime_error>([&] { loop.run_until_complete(self); }), "of the task");
}

TEST(task_cancel, in_the_last_step_taken_back_lets_the_value_come) {
  event_loop loop;
  task_handle<int> self;
  self = loop.create_task([](const task_handle<int>* own) -> task<int> {
    own->cancel();
    own->uncancel();
    co_return 3;
  }(&self));
  EXPECT_EQ(loop.run_until_complete(self), 3);
}

task<int> cancels_who_awaits_it(const task_handle<int>* outer) {
  co_await sleep(0s);
  outer->cancel();  // comes back to this task, which is in its last step
  co_return 3;
}

TEST(task_cancel, passed_on_to_a_task_in_its_last_step_is_not_lost) {
  event_loop loop;
  task_handle<int> outer;
  const auto inner = loop.create_task(cancels_who_awaits_it(&outer));
  outer = loop.create_task(passes_on(inner));
  EXPECT_EQ(message_of<cancelled_error>([&] { loop.run_until_complete(outer); }), "cancelled");
  EXPECT_TRUE(inner.cancelled());
}

TEST(task_cancel, taken_back_before_it_arrived_is_none) {
  event_loop loop;
  task_handle<void> self;
  bool ended = false;
  self = loop.create_task([](const task_handle<void>* own, bool* reached) -> task<void> {
    own->cancel();
    const int left = own->uncancel();
    co_await sleep(0s);
    *reached = left == 0;
  }(&self, &ended));
  loop.run_until_complete(self);
  EXPECT_TRUE(ended);
}

TEST(task_cancel, is_counted_and_taken_back_one_by_one) {
  int cancels = 0;
  event_loop loop;
  const auto handle = loop.create_task(swallows(&cancels, 2));
  pass(loop);
  EXPECT_EQ(handle.cancelling(), 0);
  EXPECT_EQ(handle.uncancel(), 0);
  loop.call_soon([&] {
    handle.cancel();
    handle.cancel();
    EXPECT_EQ(handle.cancelling(), 2);
    EXPECT_EQ(handle.uncancel(), 1);
    EXPECT_EQ(handle.uncancel(), 0);
    EXPECT_EQ(handle.uncancel(), 0);
  });
  pass(loop);
  loop.call_soon([&] { handle.cancel(); });
  pass(loop);
  EXPECT_EQ(handle.cancelling(), 1);
  loop.close();
}

TEST(task_cancel, before_it_began_and_taken_back_lets_it_run) {
  ledger seen;
  bool ran = false;
  task_handle<void> handle;
  event_loop loop;
  loop.call_soon([&] {
    handle = loop.create_task(sets(witness(seen), &ran));
    handle.cancel();
    EXPECT_EQ(handle.uncancel(), 0);
  });
  pass(loop);
  loop.run_until_complete(handle);
  EXPECT_TRUE(ran);
}

TEST(task_cancel, that_one_await_has_seen_is_not_seen_again_by_the_same_awaiter) {
  event_loop loop;
  task_handle<int> self;
  const auto awaits_twice = [](const task_handle<int>* own) -> task<int> {
    auto nap = sleep(1ms);
    own->cancel();
    int cancels = 0;
    try {
      co_await nap;
    } catch (const cancelled_error&) {
      ++cancels;
    }
    own->uncancel();
    co_await nap;
    co_return cancels;
  };
  self = loop.create_task(awaits_twice(&self));
  EXPECT_EQ(loop.run_until_complete(self), 1);
}

}  // namespace
}  // namespace plait
