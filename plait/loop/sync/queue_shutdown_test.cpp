// The end of a queue: shut down, or destroyed.
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
using plait::queue_shut_down;
using plait::queue_shutdown;
using plait::task;
using test_support::in_next_turn;
using test_support::message_of;
using test_support::pass;
using testing::ElementsAre;
using testing::HasSubstr;

TEST(queue, shut_down_refuses_items_and_gives_what_it_has) {
  queue<int> items;
  items.put_nowait(1);
  items.put_nowait(2);
  items.shutdown();
  EXPECT_TRUE(items.is_shut_down());
  event_loop loop;
  EXPECT_EQ(message_of<queue_shut_down>([&] { items.put_nowait(3); }),
            "plait: queue::put_nowait: the queue was shut down and takes no more items");
  EXPECT_THAT(message_of<queue_shut_down>([&] { loop.run_until_complete(puts(&items, 3)); }),
              HasSubstr("queue::put: the queue was shut down"));
  std::vector<int> seen;
  loop.run_until_complete(gets(&items, &seen));
  seen.push_back(items.get_nowait());
  EXPECT_THAT(seen, ElementsAre(1, 2));
  EXPECT_THAT(message_of<queue_shut_down>([&] { loop.run_until_complete(gets(&items, &seen)); }),
              HasSubstr("queue::get: the queue was shut down and has no item left"));
  EXPECT_THAT(message_of<queue_shut_down>([&] { return items.get_nowait(); }), HasSubstr("no item left"));
  items.task_done();
  items.task_done();
  loop.run_until_complete(joins(&items));
}

TEST(queue, shut_down_wakes_who_waits_to_get_or_put) {
  queue<int> items(1);
  std::vector<int> seen;
  event_loop loop;
  const auto getter = loop.create_task(gets(&items, &seen));
  pass(loop);
  items.shutdown();
  EXPECT_THAT(message_of<queue_shut_down>([&] { loop.run_until_complete(getter); }), HasSubstr("no item left"));

  queue<int> full(1);
  full.put_nowait(1);
  const auto putter = loop.create_task(puts(&full, 2));
  pass(loop);
  full.shutdown();
  full.shutdown();
  EXPECT_THAT(message_of<queue_shut_down>([&] { loop.run_until_complete(putter); }),
              HasSubstr("takes no more items"));
  EXPECT_THAT(drain(full), ElementsAre(1));
}

TEST(queue, shut_down_leaves_a_promised_item_to_its_getter) {
  queue<int> items;
  std::vector<int> seen;
  event_loop loop;
  const auto a = loop.create_task(gets(&items, &seen));
  pass(loop);
  in_next_turn(loop, [&] {
    items.put_nowait(1);
    items.shutdown();
  });
  loop.run_until_complete(a);
  EXPECT_THAT(seen, ElementsAre(1));
}

TEST(queue, shut_down_lets_another_getter_take_what_was_promised_to_one_that_is_cancelled) {
  queue<int> items;
  std::vector<int> seen;
  event_loop loop;
  const auto a = loop.create_task(gets(&items, &seen));
  const auto b = loop.create_task(gets(&items, &seen));
  pass(loop);
  in_next_turn(loop, [&] {
    items.put_nowait(1);
    items.shutdown();
    a.cancel();
  });
  loop.run_until_complete(b);
  EXPECT_THAT(seen, ElementsAre(1));
}

TEST(queue, shut_down_makes_who_comes_later_wait_for_what_becomes_of_a_promised_item) {
  for (const bool cancelled : {false, true}) {
    queue<int> items;
    std::vector<int> seen;
    std::vector<int> seen_by_last;
    event_loop loop;
    const auto a = loop.create_task(gets(&items, &seen));
    pass(loop);
    // It looks for an item in the turn in which the promise is made: before `a` resumes.
    loop.call_soon([&] { items.put_nowait(1); });
    loop.call_soon([&] { items.shutdown(); });
    const auto last = loop.create_task(gets(&items, &seen_by_last));
    if (cancelled) loop.call_soon([&] { a.cancel(); });
    pass(loop, 4);
    ASSERT_TRUE(a.done() && last.done());
    EXPECT_EQ(seen.size(), cancelled ? 0U : 1U);
    EXPECT_EQ(seen_by_last.size(), cancelled ? 1U : 0U);
    if (!cancelled) {
      EXPECT_THAT(message_of<queue_shut_down>([&] { last.result(); }), HasSubstr("no item left"));
    }
  }
}

TEST(queue, shut_down_at_once_drops_the_items_and_wakes_join) {
  test_support::ledger made;
  queue<test_support::witness> items;
  for (int i = 0; i < 3; ++i) items.put_nowait(test_support::witness(made));
  event_loop loop;
  const auto joining =
      loop.create_task([](queue<test_support::witness>* items) -> task<void> { co_await items->join(); }(&items));
  pass(loop);
  static_cast<void>(items.get_nowait());
  items.shutdown(queue_shutdown::immediate);
  EXPECT_EQ(made.alive, 0);
  pass(loop);
  EXPECT_FALSE(joining.done()) << "the one that was taken is not done";
  items.task_done();
  pass(loop);
  EXPECT_TRUE(joining.done());
  EXPECT_THAT(message_of<queue_shut_down>([&] { static_cast<void>(items.get_nowait()); }), HasSubstr("no item left"));
}

TEST(queue, shut_down_at_once_takes_a_promised_item_away) {
  queue<int> items;
  std::vector<int> seen;
  event_loop loop;
  const auto a = loop.create_task(gets(&items, &seen));
  const auto b = loop.create_task(gets(&items, &seen));
  pass(loop);
  in_next_turn(loop, [&] {
    items.put_nowait(1);
    items.shutdown(queue_shutdown::immediate);
    EXPECT_EQ(items.size(), 0U);
  });
  for (const auto& each : {a, b})
    EXPECT_THAT(message_of<queue_shut_down>([&] { loop.run_until_complete(each); }), HasSubstr("no item left"));
}

TEST(queue, destroyed_while_tasks_wait_tells_them) {
  auto items = std::make_unique<queue<int>>(1);
  std::vector<int> seen;
  event_loop loop;
  items->put_nowait(1);
  const auto putter = loop.create_task(puts(items.get(), 2));
  const auto joining = loop.create_task(joins(items.get()));
  pass(loop);
  in_next_turn(loop, [&] { items.reset(); });
  EXPECT_THAT(message_of<invalid_state_error>([&] { loop.run_until_complete(putter); }),
              HasSubstr("queue::put: what the task waited for was destroyed"));
  EXPECT_THAT(message_of<invalid_state_error>([&] { loop.run_until_complete(joining); }),
              HasSubstr("queue::join: what the task waited for was destroyed"));

  items = std::make_unique<queue<int>>();
  const auto getter = loop.create_task(gets(items.get(), &seen));
  pass(loop);
  in_next_turn(loop, [&] {
    items->put_nowait(1);
    items.reset();
  });
  EXPECT_THAT(message_of<invalid_state_error>([&] { loop.run_until_complete(getter); }),
              HasSubstr("queue::get: what the task waited for was destroyed"));
}

}  // namespace
