#include <plait/loop/event_loop.hpp>
#include <plait/loop/run.hpp>
#include <plait/loop/sleep.hpp>
#include <plait/loop/sync/lock.hpp>
#include <plait/loop/sync/lock_fixture_test.hpp>
#include <plait/loop/sync_wait.hpp>

#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <tests/support/expect_throw.hpp>
#include <tests/support/recorded_reports.hpp>
#include <tests/support/turns.hpp>

namespace {

using namespace std::chrono_literals;
using namespace lock_tests;
using plait::event_loop;
using plait::invalid_state_error;
using plait::lock;
using plait::lock_guard;
using plait::task;
using test_support::message_of;
using test_support::pass;
using testing::ElementsAre;
using testing::HasSubstr;

TEST(lock, lets_one_task_in_at_a_time_in_the_order_in_which_they_came) {
  lock shared;
  trace seen;
  event_loop loop;
  const auto a = loop.create_task(holds(&shared, &seen, "a", 3));
  const auto b = loop.create_task(holds(&shared, &seen, "b", 2));
  loop.run_until_complete(loop.create_task(holds(&shared, &seen, "c")));
  EXPECT_THAT(seen, ElementsAre("a has it", "a lets go", "b has it", "b lets go", "c has it", "c lets go"));
  EXPECT_FALSE(shared.locked());
}

TEST(lock, that_is_free_is_taken_without_suspending) {
  lock shared;
  event_loop loop;
  bool same_turn = false;
  const auto takes = [](lock* shared, bool* same_turn) -> task<void> {
    bool turned = false;
    plait::get_running_loop().call_soon([](bool* flag) { *flag = true; }, &turned);
    co_await shared->acquire();
    *same_turn = !turned && shared->locked();
    shared->release();
    co_await plait::sleep(0s);
  };
  loop.run_until_complete(takes(&shared, &same_turn));
  EXPECT_TRUE(same_turn);
}

TEST(lock, is_handed_over_so_that_nobody_takes_it_before_the_one_who_waited) {
  lock shared;
  trace seen;
  event_loop loop;
  const auto greedy = [](lock* shared, trace* seen) -> task<void> {
    for (int i = 0; i < 3; ++i) {
      co_await shared->acquire();
      seen->push_back("greedy");
      co_await plait::sleep(0s);
      shared->release();
    }
  };
  const auto first = loop.create_task(greedy(&shared, &seen));
  const auto second = loop.create_task(greedy(&shared, &seen));
  const auto other = loop.create_task(holds(&shared, &seen, "other"));
  loop.run_until_complete(second);
  EXPECT_TRUE(first.done() && other.done());
  EXPECT_THAT(
      seen, ElementsAre("greedy", "greedy", "other has it", "other lets go", "greedy", "greedy", "greedy", "greedy"));
}

TEST(lock, scoped_releases_at_the_end_of_the_guard) {
  lock shared;
  trace seen;
  event_loop loop;
  const auto a = loop.create_task(holds_guarded(&shared, &seen, "a"));
  loop.run_until_complete(loop.create_task(holds_guarded(&shared, &seen, "b")));
  EXPECT_THAT(seen, ElementsAre("a has it", "b has it"));
  EXPECT_FALSE(shared.locked());
}

TEST(lock, scoped_releases_when_an_exception_passes) {
  lock shared;
  const auto fails = [](lock* shared) -> task<void> {
    const auto held = co_await shared->scoped();
    throw std::runtime_error("inside");
  };
  EXPECT_EQ(message_of<std::runtime_error>([&] { plait::run(fails(&shared)); }), "inside");
  EXPECT_FALSE(shared.locked());
}

TEST(lock, guard_is_moved_assigned_and_unlocked_early) {
  const auto body = []() -> task<void> {
    lock a;
    lock b;
    auto one = co_await a.scoped();
    auto two = co_await b.scoped();
    lock_guard empty;
    EXPECT_FALSE(empty);
    EXPECT_TRUE(one);
    empty = std::move(one);
    EXPECT_TRUE(empty);
    EXPECT_FALSE(one);
    EXPECT_TRUE(a.locked());
    two = std::move(empty);
    EXPECT_FALSE(b.locked());
    EXPECT_TRUE(a.locked());
    two.unlock();
    EXPECT_FALSE(a.locked());
    EXPECT_FALSE(two);
    EXPECT_THAT(message_of<invalid_state_error>([&] { two.unlock(); }), HasSubstr("holds no lock"));
  };
  plait::run(body());
}

TEST(lock, guard_that_was_moved_to_another_task_is_released_there) {
  lock shared;
  trace seen;
  event_loop loop;
  const auto keeps = [](lock_guard held, trace* seen) -> task<void> {
    const auto mine = std::move(held);
    co_await plait::sleep(0s);
    seen->push_back("the other task lets go");
  };
  const auto gives = [](lock* shared, trace* seen, decltype(keeps)* keeps) -> task<void> {
    auto held = co_await shared->scoped();
    static_cast<void>(plait::get_running_loop().create_task((*keeps)(std::move(held), seen)));
    co_await shared->acquire();
    seen->push_back("the first has it again");
    shared->release();
  };
  loop.run_until_complete(gives(&shared, &seen, &keeps));
  EXPECT_THAT(seen, ElementsAre("the other task lets go", "the first has it again"));
}

TEST(lock, cancelling_a_waiter_takes_it_out_of_the_line) {
  lock shared;
  trace seen;
  event_loop loop;
  const auto a = loop.create_task(holds(&shared, &seen, "a", 4));
  const auto b = loop.create_task(holds(&shared, &seen, "b"));
  const auto c = loop.create_task(holds(&shared, &seen, "c"));
  pass(loop);
  test_support::in_next_turn(loop, [&] { b.cancel(); });
  loop.run_until_complete(c);
  EXPECT_TRUE(b.cancelled());
  EXPECT_THAT(seen, ElementsAre("a has it", "a lets go", "c has it", "c lets go"));
}

TEST(lock, a_waiter_that_was_handed_it_and_is_cancelled_in_the_same_turn_hands_it_on) {
  lock shared;
  trace seen;
  event_loop loop;
  plait::task_handle<void> b;
  const auto body = [](lock* shared, trace* seen, plait::task_handle<void>* b) -> task<void> {
    co_await shared->acquire();
    *b = plait::get_running_loop().create_task(holds_guarded(shared, seen, "b"));
    const auto c = plait::get_running_loop().create_task(holds_guarded(shared, seen, "c"));
    co_await plait::sleep(0s);
    shared->release();
    b->cancel();
    co_await c;
  };
  loop.run_until_complete(body(&shared, &seen, &b));
  EXPECT_TRUE(b.cancelled());
  EXPECT_THAT(seen, ElementsAre("c has it"));
  EXPECT_FALSE(shared.locked());
}

TEST(lock, a_cancel_that_is_taken_back_before_it_arrives_leaves_the_lock_to_the_waiter) {
  lock shared;
  trace seen;
  event_loop loop;
  const auto body = [](lock* shared, trace* seen) -> task<void> {
    co_await shared->acquire();
    const auto b = plait::get_running_loop().create_task(holds_guarded(shared, seen, "b"));
    co_await plait::sleep(0s);
    shared->release();
    b.cancel();
    b.uncancel();
    co_await b;
  };
  loop.run_until_complete(body(&shared, &seen));
  EXPECT_THAT(seen, ElementsAre("b has it"));
}

TEST(lock, a_task_that_was_cancelled_before_it_would_wait_takes_nothing) {
  lock shared;
  trace seen;
  event_loop loop;
  const auto a = loop.create_task(holds(&shared, &seen, "a", 2));
  plait::task_handle<void> b;
  const auto body = [](lock* shared, trace* seen, plait::task_handle<void>* self) -> task<void> {
    self->cancel();
    co_await shared->acquire();
    seen->push_back("never");
  };
  b = loop.create_task(body(&shared, &seen, &b));
  loop.run_until_complete(a);
  EXPECT_TRUE(b.cancelled());
  EXPECT_THAT(seen, ElementsAre("a has it", "a lets go"));
  EXPECT_FALSE(shared.locked());
}

TEST(lock, acquire_can_be_moved_before_it_is_awaited) {
  lock shared;
  plait::sync_wait(shared.acquire());
  EXPECT_TRUE(shared.locked());
}

}  // namespace
