// What all queues share is shown with queue<T>; priority_queue_test.cpp shows what the others do differently.
#include <plait/loop/event_loop.hpp>
#include <plait/loop/run.hpp>
#include <plait/loop/sleep.hpp>
#include <plait/loop/sync/queue.hpp>
#include <plait/loop/sync/queue_fixture_test.hpp>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <tests/support/expect_throw.hpp>
#include <tests/support/turns.hpp>
#include <tests/support/witness.hpp>

namespace {

using namespace std::chrono_literals;
using namespace queue_tests;
using plait::event_loop;
using plait::invalid_state_error;
using plait::queue;
using plait::queue_empty;
using plait::queue_full;
using plait::task;
using test_support::in_next_turn;
using test_support::message_of;
using test_support::pass;
using testing::ElementsAre;
using testing::HasSubstr;

TEST(queue, gives_first_what_was_put_first) {
  queue<int> items;
  const auto body = [](queue<int>* items) -> task<std::vector<int>> {
    for (int i = 0; i < 3; ++i) co_await items->put(i);
    EXPECT_EQ(items->size(), 3U);
    EXPECT_FALSE(items->full());
    std::vector<int> got;
    for (int i = 0; i < 3; ++i) {
      const int item = co_await items->get();
      got.push_back(item);
    }
    co_return got;
  };
  EXPECT_THAT(plait::run(body(&items)), ElementsAre(0, 1, 2));
  EXPECT_TRUE(items.empty());
  EXPECT_EQ(items.max_size(), 0U);
}

TEST(queue, that_is_empty_makes_getters_wait_and_serves_them_in_order) {
  queue<int> items;
  std::vector<int> a;
  std::vector<int> b;
  event_loop loop;
  loop.create_task(gets(&items, &a));
  loop.create_task(gets(&items, &b));
  pass(loop, 2);
  in_next_turn(loop, [&] {
    items.put_nowait(1);
    items.put_nowait(2);
    items.put_nowait(3);
    EXPECT_EQ(items.size(), 1U) << "two are promised";
  });
  pass(loop);
  EXPECT_THAT(a, ElementsAre(1));
  EXPECT_THAT(b, ElementsAre(2));
  EXPECT_THAT(drain(items), ElementsAre(3));
}

TEST(queue, that_is_full_makes_putters_wait_and_serves_them_in_order) {
  queue<int> items(2);
  event_loop loop;
  for (int i = 0; i < 5; ++i) loop.create_task(puts(&items, i));
  pass(loop);
  EXPECT_TRUE(items.full());
  EXPECT_EQ(items.size(), 2U);
  std::vector<int> got;
  for (int i = 0; i < 5; ++i) {
    got.push_back(items.get_nowait());
    pass(loop);
  }
  EXPECT_THAT(got, ElementsAre(0, 1, 2, 3, 4));
}

TEST(queue, nowait_on_a_full_or_empty_one_says_what_to_do) {
  queue<int> items(1);
  EXPECT_EQ(message_of<queue_empty>([&] { return items.get_nowait(); }),
            "plait: queue::get_nowait: the queue is empty; co_await get() waits for an item");
  items.put_nowait(1);
  EXPECT_EQ(message_of<queue_full>([&] { items.put_nowait(2); }),
            "plait: queue::put_nowait: the queue holds 1 of 1 items; co_await put() waits for room");
  EXPECT_THAT(drain(items), ElementsAre(1));
}

TEST(queue, nowait_does_not_overtake_who_waits) {
  queue<int> items(1);
  std::vector<int> seen;
  event_loop loop;
  const auto getter = loop.create_task(gets(&items, &seen));
  pass(loop);
  in_next_turn(loop, [&] {
    items.put_nowait(1);
    EXPECT_TRUE(items.empty());
    EXPECT_TRUE(items.full());
    EXPECT_THAT(message_of<queue_empty>([&] { return items.get_nowait(); }), HasSubstr("promised to who waits"));
  });
  pass(loop);
  EXPECT_THAT(seen, ElementsAre(1));

  items.put_nowait(2);
  const auto putter = loop.create_task(puts(&items, 3));
  pass(loop);
  in_next_turn(loop, [&] {
    EXPECT_EQ(items.get_nowait(), 2);
    EXPECT_THAT(message_of<queue_full>([&] { items.put_nowait(4); }), HasSubstr("room is promised to who waits"));
  });
  pass(loop);
  EXPECT_THAT(drain(items), ElementsAre(3));
}

TEST(queue, a_getter_that_gets_in_a_loop_does_not_starve_the_others) {
  queue<int> items;
  std::vector<int> greedy;
  std::vector<int> other;
  event_loop loop;
  const auto takes_all = [](queue<int>* items, std::vector<int>* seen) -> task<void> {
    for (;;) {
      const int item = co_await items->get();
      seen->push_back(item);
    }
  };
  loop.create_task(takes_all(&items, &greedy));
  loop.create_task(gets(&items, &other));
  pass(loop);
  for (const int i : {0, 1}) items.put_nowait(i);
  pass(loop);
  EXPECT_THAT(greedy, ElementsAre(0));
  EXPECT_THAT(other, ElementsAre(1));
}

TEST(queue, takes_what_can_only_be_moved) {
  queue<std::unique_ptr<int>> items(1);
  const auto body = [](queue<std::unique_ptr<int>>* items) -> task<int> {
    auto item = std::make_unique<int>(7);
    co_await items->put(std::move(item));
    const auto got = co_await items->get();
    co_return *got;
  };
  EXPECT_EQ(plait::run(body(&items)), 7);
}

TEST(queue, a_cancelled_getter_takes_nothing) {
  queue<int> items;
  std::vector<int> seen;
  event_loop loop;
  const auto a = loop.create_task(gets(&items, &seen));
  pass(loop);
  in_next_turn(loop, [&] { a.cancel(); });
  pass(loop);
  EXPECT_TRUE(a.cancelled());
  items.put_nowait(1);
  EXPECT_THAT(drain(items), ElementsAre(1));
}

TEST(queue, an_item_that_was_promised_to_a_getter_that_is_cancelled_goes_to_the_next_in_order) {
  queue<int> items;
  std::vector<int> seen;
  event_loop loop;
  const auto a = loop.create_task(gets(&items, &seen));
  loop.create_task(gets(&items, &seen));
  loop.create_task(gets(&items, &seen));
  pass(loop);
  in_next_turn(loop, [&] {
    items.put_nowait(1);
    items.put_nowait(2);
    a.cancel();
  });
  pass(loop, 2);
  EXPECT_TRUE(a.cancelled());
  EXPECT_THAT(seen, ElementsAre(1, 2));
}

TEST(queue, an_item_that_was_promised_to_the_last_getter_stays_in_its_place_when_that_is_cancelled) {
  queue<int> items(2);
  std::vector<int> seen;
  event_loop loop;
  const auto a = loop.create_task(gets(&items, &seen));
  pass(loop);
  in_next_turn(loop, [&] {
    items.put_nowait(1);
    items.put_nowait(2);
    a.cancel();
  });
  EXPECT_TRUE(seen.empty());
  pass(loop);
  EXPECT_EQ(items.size(), 2U);
  EXPECT_THAT(drain(items), ElementsAre(1, 2));
}

TEST(queue, a_cancelled_put_queues_nothing_and_destroys_its_item) {
  test_support::ledger items_made;
  queue<test_support::witness> items(1);
  items.put_nowait(test_support::witness(items_made));
  event_loop loop;
  const auto puts_one = [](queue<test_support::witness>* items, test_support::witness item) -> task<void> {
    co_await items->put(std::move(item));
  };
  const auto waiting = loop.create_task(puts_one(&items, test_support::witness(items_made)));
  const auto promised = loop.create_task(puts_one(&items, test_support::witness(items_made)));
  const auto last = loop.create_task(puts_one(&items, test_support::witness(items_made)));
  pass(loop);
  in_next_turn(loop, [&] { waiting.cancel(); });
  pass(loop);
  EXPECT_TRUE(waiting.cancelled());
  EXPECT_EQ(items_made.alive, 3);
  in_next_turn(loop, [&] {
    static_cast<void>(items.get_nowait());
    promised.cancel();
  });
  pass(loop, 2);
  EXPECT_TRUE(promised.cancelled());
  EXPECT_TRUE(last.done()) << "the room that was promised went on to the next";
  EXPECT_EQ(items_made.alive, 1);
  EXPECT_EQ(items.size(), 1U);
}

TEST(queue, join_waits_until_all_that_was_put_is_done) {
  queue<int> items;
  event_loop loop;
  loop.run_until_complete(joins(&items));
  items.put_nowait(1);
  items.put_nowait(2);
  const auto joining = loop.create_task(joins(&items));
  pass(loop);
  static_cast<void>(drain(items));
  pass(loop);
  items.task_done();
  pass(loop);
  EXPECT_FALSE(joining.done());
  items.task_done();
  pass(loop);
  EXPECT_TRUE(joining.done());
}

TEST(queue, task_done_too_often_is_refused) {
  queue<int> items;
  items.put_nowait(1);
  items.task_done();
  EXPECT_THAT(message_of<invalid_state_error>([&] { items.task_done(); }),
              HasSubstr("called more often than items were put"));
}

TEST(queue, join_can_be_cancelled) {
  queue<int> items;
  items.put_nowait(1);
  event_loop loop;
  const auto joining = loop.create_task(joins(&items));
  pass(loop);
  in_next_turn(loop, [&] { joining.cancel(); });
  pass(loop);
  EXPECT_TRUE(joining.cancelled());
}

TEST(queue, used_from_another_loop_while_a_task_waits_says_so) {
  queue<int> items;
  std::vector<int> seen;
  event_loop loop;
  event_loop other;
  const auto a = loop.create_task(gets(&items, &seen));
  pass(loop);
  EXPECT_THAT(message_of<invalid_state_error>([&] { other.run_until_complete(puts(&items, 1)); }),
              HasSubstr("queue::put: used or awaited from the wrong loop"));
  EXPECT_THAT(message_of<invalid_state_error>([&] { other.run_until_complete(gets(&items, &seen)); }),
              HasSubstr("queue::get: used or awaited from the wrong loop"));
  items.put_nowait(1);
  loop.run_until_complete(a);
}

TEST(queue, a_refused_put_nowait_leaves_the_callers_item_alone) {
  queue<std::unique_ptr<int>> items(1);
  items.put_nowait(std::make_unique<int>(1));
  auto mine = std::make_unique<int>(2);
  EXPECT_THROW(items.put_nowait(std::move(mine)), queue_full);
  EXPECT_NE(mine, nullptr);  // NOLINT(bugprone-use-after-move): that is what it promises
}

}  // namespace
