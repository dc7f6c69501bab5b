// What a lock says to misuse, and what becomes of it when it is destroyed.
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

TEST(lock, release_of_one_that_is_not_held_says_what_to_do) {
  lock shared;
  const auto body = [](lock* shared) -> task<std::string> {
    co_return message_of<invalid_state_error>([&] { shared->release(); });
  };
  EXPECT_EQ(plait::run(body(&shared)),
            "plait: lock::release: the lock is not held; acquire it first, best by co_await lock.scoped()");
}

TEST(lock, release_by_another_task_says_what_to_do) {
  lock shared;
  trace seen;
  event_loop loop;
  const auto a = loop.create_task(holds(&shared, &seen, "a", 5));
  const auto thief = [](lock* shared) -> task<std::string> {
    co_return message_of<invalid_state_error>([&] { shared->release(); });
  };
  const auto said = loop.run_until_complete(loop.create_task(thief(&shared)));
  EXPECT_THAT(said, HasSubstr("lock released by another"));
  EXPECT_THAT(said, HasSubstr("event or a semaphore"));
  EXPECT_TRUE(shared.locked());
  loop.run_until_complete(a);
}

TEST(lock, release_by_a_callback_is_one_by_another) {
  lock shared;
  trace seen;
  event_loop loop;
  const auto a = loop.create_task(holds(&shared, &seen, "a", 5));
  pass(loop);
  std::string said;
  test_support::in_next_turn(loop, [&] { said = message_of<invalid_state_error>([&] { shared.release(); }); });
  EXPECT_THAT(said, HasSubstr("lock released by another"));
  loop.run_until_complete(a);
}

TEST(lock, release_of_one_that_is_promised_to_a_waiter_is_one_by_another) {
  lock shared;
  trace seen;
  event_loop loop;
  const auto body = [](lock* shared, trace* seen) -> task<std::string> {
    co_await shared->acquire();
    const auto b = plait::get_running_loop().create_task(holds(shared, seen, "b"));
    co_await plait::sleep(0s);
    shared->release();
    auto said = message_of<invalid_state_error>([&] { shared->release(); });
    co_await b;
    co_return said;
  };
  EXPECT_THAT(loop.run_until_complete(body(&shared, &seen)), HasSubstr("lock released by another"));
}

TEST(lock, release_of_what_a_guard_holds_names_the_guard) {
  lock shared;
  const auto body = [](lock* shared) -> task<std::string> {
    const auto held = co_await shared->scoped();
    co_return message_of<invalid_state_error>([&] { shared->release(); });
  };
  EXPECT_THAT(plait::run(body(&shared)), HasSubstr("a guard"));
}

TEST(lock, acquired_twice_by_one_task_is_refused_instead_of_waiting_for_ever) {
  lock shared;
  const auto body = [](lock* shared) -> task<std::string> {
    co_await shared->acquire();
    std::string said;
    try {
      co_await shared->acquire();
    } catch (const invalid_state_error& e) {
      said = e.what();
    }
    shared->release();
    co_return said;
  };
  EXPECT_THAT(plait::run(body(&shared)), HasSubstr("would wait for itself"));
}

TEST(lock, destroyed_while_tasks_wait_and_are_on_their_way_tells_each_of_them) {
  auto shared = std::make_unique<lock>();
  event_loop loop;
  const auto waits = [](lock* shared) -> task<std::string> {
    try {
      co_await shared->acquire();
    } catch (const invalid_state_error& e) {
      co_return e.what();
    }
    co_return "";
  };
  const auto body = [](std::unique_ptr<lock>* shared, decltype(waits)* waits) -> task<trace> {
    co_await (*shared)->acquire();
    const auto b = plait::get_running_loop().create_task((*waits)(shared->get()));
    const auto c = plait::get_running_loop().create_task((*waits)(shared->get()));
    co_await plait::sleep(0s);
    (*shared)->release();
    shared->reset();
    trace said;
    said.push_back(co_await b);
    said.push_back(co_await c);
    co_return said;
  };
  EXPECT_THAT(loop.run_until_complete(body(&shared, &waits)),
              ElementsAre(HasSubstr("destroyed while it was awaited"), HasSubstr("destroyed while it was awaited")));
}

TEST(lock, destroyed_before_its_guard_leaves_the_guard_with_nothing) {
  const auto body = []() -> task<bool> {
    auto shared = std::make_unique<lock>();
    const auto held = co_await shared->scoped();
    shared.reset();
    co_return static_cast<bool>(held);
  };
  EXPECT_FALSE(plait::run(body()));
}

TEST(lock, awaited_from_another_loop_while_it_is_held_says_so) {
  lock shared;
  event_loop loop;
  event_loop other;
  const auto takes = [](lock* shared) -> task<void> { co_await shared->acquire(); };
  loop.run_until_complete(takes(&shared));
  EXPECT_THAT(message_of<invalid_state_error>([&] { other.run_until_complete(takes(&shared)); }),
              HasSubstr("awaited from the wrong loop"));
}

TEST(lock, that_nobody_holds_may_be_used_on_one_loop_after_the_other) {
  lock shared;
  trace seen;
  plait::sync_wait(holds(&shared, &seen, "a"));
  plait::sync_wait(holds(&shared, &seen, "b"));
  EXPECT_EQ(seen.size(), 4U);
}

TEST(lock, guard_that_ends_on_another_thread_is_reported_and_stays_locked) {
  lock shared;
  trace seen;
  event_loop loop;
  const test_support::recorded_reports reports;
  const auto body = [](lock* shared, trace* seen) -> task<void> {
    auto held = co_await shared->scoped();
    const auto b = plait::get_running_loop().create_task(holds_guarded(shared, seen, "b"));
    co_await plait::sleep(0s);
    std::thread([](lock_guard guard) { static_cast<void>(guard); }, std::move(held)).join();
    EXPECT_TRUE(shared->locked());
    b.cancel();
    co_await plait::sleep(0s);
  };
  loop.run_until_complete(body(&shared, &seen));
  EXPECT_THAT(test_support::recorded_reports::text(), HasSubstr("used from the wrong thread"));
}

}  // namespace
