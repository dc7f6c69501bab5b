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
using test_support::message_of;
using test_support::pass;
using testing::ElementsAre;
using testing::HasSubstr;

TEST(condition, notify_wakes_the_longest_waiting_and_notify_all_the_rest) {
  condition changed;
  trace seen;
  event_loop loop;
  for (const auto* name : {"a", "b", "c", "d", "e"}) loop.create_task(waits(&changed, &seen, name));
  pass(loop);
  EXPECT_FALSE(changed.locked());
  loop.run_until_complete(notifies(&changed, 1));
  pass(loop, 3);
  EXPECT_THAT(seen, ElementsAre("a"));
  loop.run_until_complete(notifies(&changed, 2));
  pass(loop, 3);
  EXPECT_THAT(seen, ElementsAre("a", "b", "c"));
  const auto all = [](condition* changed) -> task<void> {
    const auto held = co_await changed->scoped();
    changed->notify_all();
  };
  loop.run_until_complete(all(&changed));
  pass(loop, 3);
  EXPECT_THAT(seen, ElementsAre("a", "b", "c", "d", "e"));
  EXPECT_FALSE(changed.locked());
}

TEST(condition, a_notified_task_resumes_when_the_notifier_has_released_the_lock) {
  condition changed;
  trace seen;
  event_loop loop;
  const auto a = loop.create_task(waits(&changed, &seen, "a"));
  pass(loop);
  const auto notifier = [](condition* changed, trace* seen) -> task<void> {
    const auto held = co_await changed->scoped();
    changed->notify();
    for (int i = 0; i < 3; ++i) co_await plait::sleep(0s);
    seen->push_back("notifier");
  };
  loop.run_until_complete(notifier(&changed, &seen));
  loop.run_until_complete(a);
  EXPECT_THAT(seen, ElementsAre("notifier", "a"));
}

TEST(condition, waits_until_its_predicate_is_true) {
  condition changed;
  int value = 0;
  int looks = 0;
  event_loop loop;
  const auto body = [](condition* changed, int* value, int* looks) -> task<int> {
    const auto held = co_await changed->scoped();
    co_await changed->wait([=] { return ++*looks, *value == 3; });
    co_return *value;
  };
  const auto waiting = loop.create_task(body(&changed, &value, &looks));
  const auto increments = [](condition* changed, int* value) -> task<void> {
    const auto held = co_await changed->scoped();
    ++*value;
    changed->notify_all();
  };
  for (int i = 0; i < 3; ++i) {
    pass(loop, 2);
    EXPECT_FALSE(waiting.done());
    loop.run_until_complete(increments(&changed, &value));
  }
  EXPECT_EQ(loop.run_until_complete(waiting), 3);
  EXPECT_EQ(looks, 4);
}

TEST(condition, whose_predicate_is_true_does_not_wait) {
  condition changed;
  const auto body = [](condition* changed) -> task<bool> {
    const auto held = co_await changed->scoped();
    co_await changed->wait([] { return true; });
    co_return changed->locked();
  };
  EXPECT_TRUE(plait::run(body(&changed)));
}

TEST(condition, predicate_that_throws_throws_from_the_wait_with_the_lock_held) {
  condition changed;
  const auto body = [](condition* changed) -> task<std::string> {
    co_await changed->acquire();
    std::string said;
    try {
      co_await changed->wait([]() -> bool { throw std::runtime_error("no idea"); });
    } catch (const std::runtime_error& e) {
      said = e.what();
    }
    changed->release();
    co_return said;
  };
  EXPECT_EQ(plait::run(body(&changed)), "no idea");
}

TEST(condition, wait_and_notify_without_the_lock_say_what_to_do) {
  condition changed;
  const auto body = [](condition* changed, int form) -> task<void> {
    if (form == 0) co_await changed->wait();
    if (form == 1) co_await changed->wait([] { return true; });
    if (form == 2) changed->notify();
    if (form == 3) changed->notify_all();
    if (form == 4) changed->release();
  };
  const auto said = [&](int form) {
    return message_of<invalid_state_error>([&] { plait::run(body(&changed, form)); });
  };
  EXPECT_EQ(said(0),
            "plait: condition::wait: the lock is not held; acquire it first, best by co_await lock.scoped()");
  EXPECT_THAT(said(1), HasSubstr("condition::wait: the lock is not held"));
  EXPECT_THAT(said(2), HasSubstr("condition::notify: the lock is not held"));
  EXPECT_THAT(said(3), HasSubstr("condition::notify_all: the lock is not held"));
  EXPECT_THAT(said(4), HasSubstr("lock::release: the lock is not held"));
}

TEST(condition, notify_by_a_task_that_does_not_hold_the_lock_is_refused) {
  condition changed;
  event_loop loop;
  const auto holder = [](condition* changed) -> task<void> {
    const auto held = co_await changed->scoped();
    co_await plait::sleep(0s);
    co_await plait::sleep(0s);
  };
  const auto notifier = [](condition* changed) -> task<void> {
    changed->notify();
    co_return;
  };
  const auto held = loop.create_task(holder(&changed));
  const auto other = loop.create_task(notifier(&changed));
  EXPECT_THAT(message_of<invalid_state_error>([&] { loop.run_until_complete(other); }),
              HasSubstr("condition::notify: the lock is held by another task"));
  loop.run_until_complete(held);
}

TEST(condition, keeps_the_lock_with_its_guard_through_a_wait) {
  condition changed;
  const auto body = [](condition* changed) -> task<std::string> {
    const auto held = co_await changed->scoped();
    static_cast<void>(plait::get_running_loop().create_task(notifies(changed, 1)));
    co_await changed->wait();
    co_return message_of<invalid_state_error>([&] { changed->release(); });
  };
  EXPECT_THAT(plait::run(body(&changed)), HasSubstr("a guard"));
  EXPECT_FALSE(changed.locked());
}

TEST(condition, shares_a_given_lock_with_others) {
  lock shared;
  condition not_empty(shared);
  condition not_full(shared);
  trace seen;
  event_loop loop;
  const auto a = loop.create_task(waits(&not_empty, &seen, "a"));
  const auto b = loop.create_task(waits(&not_full, &seen, "b"));
  pass(loop);
  loop.run_until_complete(notifies(&not_full, 1));
  loop.run_until_complete(b);
  EXPECT_FALSE(a.done());
  loop.run_until_complete(notifies(&not_empty, 1));
  loop.run_until_complete(a);
  EXPECT_THAT(seen, ElementsAre("b", "a"));
  EXPECT_FALSE(shared.locked());
}

TEST(condition, used_from_another_loop_while_a_task_waits_says_so) {
  condition changed;
  trace seen;
  event_loop loop;
  event_loop other;
  const auto a = loop.create_task(waits(&changed, &seen, "a"));
  pass(loop);
  EXPECT_THAT(message_of<invalid_state_error>([&] { other.run_until_complete(notifies(&changed, 1)); }),
              HasSubstr("condition::notify: used or awaited from the wrong loop"));
  loop.run_until_complete(notifies(&changed, 1));
  loop.run_until_complete(a);
}

}  // namespace
