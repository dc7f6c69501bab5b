// Waits for a condition that end otherwise: cancelled, or with the condition destroyed.
#include <plait/loop/event_loop.hpp>
#include <plait/loop/run.hpp>
#include <plait/loop/sleep.hpp>
#include <plait/loop/sync/condition.hpp>
#include <plait/loop/sync/condition_fixture_test.hpp>
#include <plait/loop/sync/event.hpp>

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <tests/support/expect_throw.hpp>
#include <tests/support/turns.hpp>

namespace {

using namespace std::chrono_literals;
using namespace condition_tests;
using plait::condition;
using plait::event_loop;
using plait::invalid_state_error;
using plait::lock;
using plait::task;
using test_support::cancel_and_finish;
using test_support::in_next_turn;
using test_support::message_of;
using test_support::pass;
using testing::ElementsAre;
using testing::HasSubstr;

task<void> waits_and_tells(condition* changed, trace* seen, std::string name) {
  co_await changed->acquire();
  try {
    co_await changed->wait();
    seen->push_back(name + " notified");
  } catch (const plait::cancelled_error&) {
    seen->push_back(name + " cancelled");
    changed->release();  // throws, where it did not get the lock back
    throw;
  }
  changed->release();
}

TEST(condition, cancelled_while_it_waits_has_the_lock_again_when_it_sees_that) {
  condition changed;
  trace seen;
  event_loop loop;
  const auto a = loop.create_task(waits_and_tells(&changed, &seen, "a"));
  pass(loop);
  const auto holder = [](condition* changed, trace* seen) -> task<void> {
    const auto held = co_await changed->scoped();
    for (int i = 0; i < 5; ++i) co_await plait::sleep(0s);
    seen->push_back("holder");
  };
  const auto h = loop.create_task(holder(&changed, &seen));
  pass(loop);
  in_next_turn(loop, [&] { a.cancel(); });
  in_next_turn(loop, [&] { a.cancel(); });
  EXPECT_FALSE(a.done()) << "it waits for the lock in spite of both";
  loop.run_until_complete(h);
  pass(loop, 2);
  EXPECT_TRUE(a.cancelled());
  EXPECT_THAT(seen, ElementsAre("holder", "a cancelled"));
  EXPECT_FALSE(changed.locked());
}

TEST(condition, cancelled_while_the_lock_is_free_takes_it_and_ends) {
  condition changed;
  trace seen;
  event_loop loop;
  const auto a = loop.create_task(waits_and_tells(&changed, &seen, "a"));
  pass(loop);
  cancel_and_finish(loop, a);
  EXPECT_TRUE(a.cancelled());
  EXPECT_FALSE(changed.locked());
}

TEST(condition, cancelled_before_it_lets_go_of_the_lock_keeps_it) {
  condition changed;
  trace seen;
  event_loop loop;
  plait::task_handle<void> a;
  const auto body = [](condition* changed, trace* seen, plait::task_handle<void>* self) -> task<void> {
    self->cancel();
    co_await waits_and_tells(changed, seen, "a");
  };
  a = loop.create_task(body(&changed, &seen, &a));
  pass(loop);
  EXPECT_TRUE(a.cancelled());
  EXPECT_THAT(seen, ElementsAre("a cancelled"));
  EXPECT_FALSE(changed.locked());
}

// A notification that reached a task which is cancelled goes on: cancelled in the same turn before and after it was
// given the lock, and while it waits for the lock.
TEST(condition, a_notification_is_not_lost_by_a_cancellation) {
  for (const int point : {0, 1, 2}) {
    condition changed;
    trace seen;
    event_loop loop;
    const auto a = loop.create_task(waits_and_tells(&changed, &seen, "a"));
    const auto b = loop.create_task(waits_and_tells(&changed, &seen, "b"));
    pass(loop);
    const auto notifier = [](condition* changed, const plait::task_handle<void>* a, int point) -> task<void> {
      co_await changed->acquire();
      changed->notify();
      if (point == 0) a->cancel();
      if (point == 1) {
        co_await plait::sleep(0s);
        a->cancel();
      }
      changed->release();
      if (point == 2) a->cancel();
    };
    loop.run_until_complete(notifier(&changed, &a, point));
    loop.run_until_complete(b);
    EXPECT_TRUE(a.cancelled()) << point;
    EXPECT_THAT(seen, ElementsAre("a cancelled", "b notified")) << point;
    EXPECT_FALSE(changed.locked()) << point;
  }
}

TEST(condition, a_cancellation_that_met_no_notification_wakes_nobody_else) {
  condition changed;
  trace seen;
  event_loop loop;
  const auto a = loop.create_task(waits_and_tells(&changed, &seen, "a"));
  const auto b = loop.create_task(waits_and_tells(&changed, &seen, "b"));
  pass(loop);
  cancel_and_finish(loop, a);
  pass(loop, 3);
  EXPECT_FALSE(b.done());
  loop.run_until_complete(notifies(&changed, 1));
  loop.run_until_complete(b);
  EXPECT_THAT(seen, ElementsAre("a cancelled", "b notified"));
}

TEST(condition, destroyed_while_a_task_waits_tells_it_and_gives_a_shared_lock_back_to_it) {
  lock shared;
  auto changed = std::make_unique<condition>(shared);
  event_loop loop;
  const auto body = [](lock* shared, condition* changed) -> task<std::string> {
    co_await shared->acquire();
    std::string said;
    try {
      co_await changed->wait();
    } catch (const invalid_state_error& e) {
      said = e.what();
    }
    shared->release();
    co_return said;
  };
  const auto a = loop.create_task(body(&shared, changed.get()));
  pass(loop);
  in_next_turn(loop, [&] { changed.reset(); });
  EXPECT_THAT(loop.run_until_complete(a), HasSubstr("condition::wait: what the task waited for was destroyed"));
  EXPECT_FALSE(shared.locked());
}

TEST(condition, destroyed_after_it_notified_lets_the_notified_task_go_on) {
  lock shared;
  auto changed = std::make_unique<condition>(shared);
  trace seen;
  event_loop loop;
  const auto body = [](lock* shared, condition* changed, trace* seen) -> task<void> {
    const auto held = co_await shared->scoped();
    co_await changed->wait();
    seen->push_back("notified");
  };
  const auto a = loop.create_task(body(&shared, changed.get(), &seen));
  const auto b = loop.create_task(body(&shared, changed.get(), &seen));
  pass(loop);
  const auto ends = [](lock* shared, std::unique_ptr<condition>* changed,
                       const plait::task_handle<void>* b) -> task<void> {
    const auto held = co_await shared->scoped();
    (*changed)->notify_all();
    changed->reset();
    b->cancel();  // its notification has nobody to go to
  };
  loop.run_until_complete(ends(&shared, &changed, &b));
  loop.run_until_complete(a);
  while (!b.done()) pass(loop);
  EXPECT_THAT(seen, ElementsAre("notified"));
  EXPECT_FALSE(shared.locked());
}

TEST(condition, destroyed_with_its_own_lock_while_a_task_waits_leaves_the_guard_with_nothing) {
  auto changed = std::make_unique<condition>();
  trace seen;
  event_loop loop;
  const auto a = loop.create_task(waits(changed.get(), &seen, "a"));
  const auto b = loop.create_task(waits(changed.get(), &seen, "b"));
  pass(loop);
  in_next_turn(loop, [&] { changed.reset(); });
  for (const auto& each : {a, b})
    EXPECT_THAT(message_of<invalid_state_error>([&] { loop.run_until_complete(each); }), HasSubstr("was destroyed"));
}

TEST(condition, of_a_loop_that_closes_lets_its_waiters_end) {
  condition changed;
  trace seen;
  event_loop loop;
  for (const auto* name : {"a", "b", "c"}) loop.create_task(waits_and_tells(&changed, &seen, name));
  pass(loop);
  loop.close();
  EXPECT_THAT(seen, testing::UnorderedElementsAre("a cancelled", "b cancelled", "c cancelled"));
  EXPECT_FALSE(changed.locked());
}

task<void> acquires_and_waits(condition* changed) {
  co_await changed->acquire();
  co_await changed->wait();
}

TEST(condition, that_is_destroyed_under_one_that_was_cancelled_leaves_it_cancelled) {
  event_loop loop;
  auto changed = std::make_unique<condition>();
  const auto waiting = loop.create_task(acquires_and_waits(changed.get()));
  in_next_turn(loop, [] {});
  in_next_turn(loop, [&] {
    waiting.cancel();
    changed.reset();
  });
  while (!waiting.done()) pass(loop);
  EXPECT_TRUE(waiting.cancelled());
}

}  // namespace
