#include <plait/loop/event_loop.hpp>
#include <plait/loop/run.hpp>
#include <plait/loop/sleep.hpp>
#include <plait/loop/sync/bounded_semaphore.hpp>
#include <plait/loop/sync/semaphore.hpp>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <tests/support/expect_throw.hpp>
#include <tests/support/recorded_reports.hpp>
#include <tests/support/turns.hpp>

namespace {

using namespace std::chrono_literals;
using plait::bounded_semaphore;
using plait::event_loop;
using plait::invalid_state_error;
using plait::semaphore;
using plait::task;
using test_support::in_next_turn;
using test_support::message_of;
using test_support::pass;
using testing::ElementsAre;
using testing::HasSubstr;

using trace = std::vector<std::string>;

task<void> acquires(semaphore* wanted, trace* seen, std::string name) {
  co_await wanted->acquire();
  seen->push_back(name);
}

task<void> uses(semaphore* wanted, int* inside, int* most) {
  const auto permit = co_await wanted->scoped();
  *most = std::max(*most, ++*inside);
  co_await plait::sleep(0s);
  --*inside;
}

TEST(semaphore, lets_as_many_tasks_in_as_it_has_permits) {
  semaphore permits(3);
  int inside = 0;
  int most = 0;
  event_loop loop;
  for (int i = 0; i < 10; ++i) loop.create_task(uses(&permits, &inside, &most));
  loop.run_until_complete(loop.create_task(uses(&permits, &inside, &most)));
  EXPECT_EQ(most, 3);
  EXPECT_EQ(inside, 0);
  EXPECT_FALSE(permits.locked());
}

TEST(semaphore, serves_first_who_came_first) {
  semaphore permits(0);
  trace seen;
  event_loop loop;
  for (const auto* name : {"a", "b", "c"}) loop.create_task(acquires(&permits, &seen, name));
  pass(loop);
  in_next_turn(loop, [&] {
    permits.release();
    permits.release();
  });
  pass(loop);
  EXPECT_THAT(seen, ElementsAre("a", "b"));
  permits.release();
  pass(loop);
  EXPECT_THAT(seen, ElementsAre("a", "b", "c"));
}

TEST(semaphore, is_locked_while_tasks_wait_also_when_a_permit_is_on_its_way_to_one) {
  semaphore permits(1);
  trace seen;
  event_loop loop;
  EXPECT_FALSE(permits.locked());
  loop.create_task(acquires(&permits, &seen, "a"));
  loop.create_task(acquires(&permits, &seen, "b"));
  pass(loop);
  EXPECT_TRUE(permits.locked());
  in_next_turn(loop, [&] {
    permits.release();
    EXPECT_TRUE(permits.locked()) << "the permit is b's";
  });
  pass(loop);
  EXPECT_THAT(seen, ElementsAre("a", "b"));
}

TEST(semaphore, a_task_that_releases_and_acquires_in_a_loop_does_not_starve_the_others) {
  semaphore permits(1);
  trace seen;
  event_loop loop;
  const auto greedy = [](semaphore* permits, trace* seen) -> task<void> {
    for (int i = 0; i < 3; ++i) {
      co_await permits->acquire();
      seen->push_back("greedy");
      co_await plait::sleep(0s);
      permits->release();
    }
  };
  const auto g = loop.create_task(greedy(&permits, &seen));
  const auto other = [](semaphore* permits, trace* seen) -> task<void> {
    const auto permit = co_await permits->scoped();
    seen->push_back("other");
  };
  loop.create_task(other(&permits, &seen));
  loop.run_until_complete(g);
  EXPECT_THAT(seen, ElementsAre("greedy", "other", "greedy", "greedy"));
}

TEST(semaphore, a_waiter_that_was_handed_a_permit_and_is_cancelled_in_the_same_turn_hands_it_on) {
  semaphore permits(0);
  trace seen;
  event_loop loop;
  const auto a = loop.create_task(acquires(&permits, &seen, "a"));
  loop.create_task(acquires(&permits, &seen, "b"));
  pass(loop);
  in_next_turn(loop, [&] {
    permits.release();
    a.cancel();
  });
  pass(loop, 2);
  EXPECT_TRUE(a.cancelled());
  EXPECT_THAT(seen, ElementsAre("b"));
  EXPECT_TRUE(permits.locked());
}

TEST(semaphore, a_permit_that_was_handed_to_the_last_waiter_is_free_again_when_that_is_cancelled) {
  semaphore permits(0);
  trace seen;
  event_loop loop;
  const auto a = loop.create_task(acquires(&permits, &seen, "a"));
  pass(loop);
  in_next_turn(loop, [&] {
    permits.release();
    a.cancel();
  });
  pass(loop);
  EXPECT_TRUE(a.cancelled());
  EXPECT_FALSE(permits.locked());
}

TEST(semaphore, permit_is_moved_assigned_and_given_back_early) {
  const auto body = []() -> task<void> {
    semaphore permits(2);
    auto one = co_await permits.scoped();
    auto two = co_await permits.scoped();
    EXPECT_TRUE(permits.locked());
    one = std::move(two);
    EXPECT_FALSE(permits.locked());
    EXPECT_FALSE(two);
    one.release();
    EXPECT_FALSE(one);
    EXPECT_THAT(message_of<invalid_state_error>([&] { one.release(); }), HasSubstr("holds no permit"));
    co_await permits.acquire();
    co_await permits.acquire();
    EXPECT_TRUE(permits.locked());
  };
  plait::run(body());
}

TEST(semaphore, may_be_released_by_anybody_and_above_what_it_began_with) {
  semaphore permits(0);
  trace seen;
  permits.release();
  permits.release();
  event_loop loop;
  loop.create_task(acquires(&permits, &seen, "a"));
  loop.create_task(acquires(&permits, &seen, "b"));
  pass(loop);
  EXPECT_THAT(seen, ElementsAre("a", "b"));
}

TEST(semaphore, with_a_negative_count_is_refused) {
  EXPECT_EQ(message_of<std::invalid_argument>([] { semaphore(-1); }), "plait: permits is -1; expected 0 or more");
  EXPECT_EQ(message_of<std::invalid_argument>([] { bounded_semaphore(-2); }),
            "plait: permits is -2; expected 0 or more");
}

TEST(semaphore, destroyed_while_tasks_wait_tells_them) {
  auto permits = std::make_unique<semaphore>(0);
  trace seen;
  event_loop loop;
  const auto a = loop.create_task(acquires(permits.get(), &seen, "a"));
  const auto b = loop.create_task(acquires(permits.get(), &seen, "b"));
  pass(loop);
  in_next_turn(loop, [&] {
    permits->release();
    permits.reset();
  });
  for (const auto& each : {a, b})
    EXPECT_THAT(message_of<invalid_state_error>([&] { loop.run_until_complete(each); }),
                HasSubstr("semaphore::acquire: what the task waited for was destroyed"));
}

TEST(semaphore, that_goes_before_its_permits_leaves_them_with_nothing) {
  event_loop loop;
  int inside = 0;
  int most = 0;
  {
    semaphore permits(2);
    loop.create_task(uses(&permits, &inside, &most));
    loop.create_task(uses(&permits, &inside, &most));
    pass(loop);
  }
  loop.close();
  EXPECT_EQ(most, 2);
}

TEST(semaphore, awaited_from_another_loop_while_a_task_waits_says_so) {
  semaphore permits(0);
  trace seen;
  event_loop loop;
  event_loop other;
  const auto a = loop.create_task(acquires(&permits, &seen, "a"));
  pass(loop);
  EXPECT_THAT(message_of<invalid_state_error>([&] { other.run_until_complete(acquires(&permits, &seen, "b")); }),
              HasSubstr("awaited from the wrong loop"));
  std::string said;
  in_next_turn(other, [&] { said = message_of<invalid_state_error>([&] { permits.release(); }); });
  EXPECT_THAT(said, HasSubstr("semaphore::release: used or awaited from the wrong loop"));
  permits.release();
  loop.run_until_complete(a);
}

TEST(bounded_semaphore, released_above_its_count_names_both_counts) {
  bounded_semaphore permits(2);
  EXPECT_THAT(message_of<invalid_state_error>([&] { permits.release(); }),
              HasSubstr("it would have 2 + 1 free permits of 2"));
}

TEST(bounded_semaphore, released_by_somebody_else_reports_the_permit_that_comes_too_late) {
  bounded_semaphore permits(1);
  const test_support::recorded_reports reports;
  const auto body = [](bounded_semaphore* permits) -> task<void> {
    const auto permit = co_await permits->scoped();
    permits->release();
  };
  plait::run(body(&permits));
  EXPECT_THAT(test_support::recorded_reports::text(), HasSubstr("1 + 1 free permits of 1"));
  EXPECT_FALSE(permits.locked());
}

TEST(bounded_semaphore, counts_as_a_semaphore_does) {
  bounded_semaphore permits(2);
  int inside = 0;
  int most = 0;
  event_loop loop;
  for (int i = 0; i < 5; ++i) loop.create_task(uses(&permits, &inside, &most));
  loop.run_until_complete(loop.create_task(uses(&permits, &inside, &most)));
  EXPECT_EQ(most, 2);
}

}  // namespace
