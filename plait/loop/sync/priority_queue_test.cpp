// The order in which lifo_queue and priority_queue give their items; what they share is in queue_test.cpp.
#include <plait/loop/event_loop.hpp>
#include <plait/loop/run.hpp>
#include <plait/loop/sync/lifo_queue.hpp>
#include <plait/loop/sync/priority_queue.hpp>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <tests/support/turns.hpp>

namespace {

using plait::event_loop;
using plait::lifo_queue;
using plait::priority_queue;
using plait::task;
using test_support::in_next_turn;
using test_support::pass;
using testing::ElementsAre;

template <class Queue> auto drain_in_order(Queue& items) {
  std::vector<typename Queue::value_type> all;
  while (!items.empty()) all.push_back(items.get_nowait());
  return all;
}

template <class Queue> task<void> gets(Queue* items, std::vector<typename Queue::value_type>* seen) {
  auto item = co_await items->get();
  seen->push_back(std::move(item));
}

TEST(lifo_queue, gives_the_newest_first) {
  lifo_queue<int> items(3);
  for (const int i : {1, 2, 3}) items.put_nowait(i);
  EXPECT_TRUE(items.full());
  EXPECT_EQ(items.get_nowait(), 3);
  items.put_nowait(4);
  EXPECT_THAT(drain_in_order(items), ElementsAre(4, 2, 1));
}

TEST(lifo_queue, gives_a_waiting_getter_the_newest_of_when_it_runs) {
  lifo_queue<int> items;
  std::vector<int> seen;
  event_loop loop;
  loop.create_task(gets(&items, &seen));
  pass(loop);
  in_next_turn(loop, [&] {
    items.put_nowait(1);
    items.put_nowait(2);
  });
  pass(loop);
  EXPECT_THAT(seen, ElementsAre(2));
}

TEST(priority_queue, gives_the_smallest_first) {
  priority_queue<int> items;
  for (const int i : {5, 1, 4, 2, 3}) items.put_nowait(i);
  EXPECT_THAT(drain_in_order(items), ElementsAre(1, 2, 3, 4, 5));
}

TEST(priority_queue, gives_equal_items_in_the_order_in_which_they_were_put) {
  struct by_number {
    bool operator()(const std::pair<int, std::string>& a, const std::pair<int, std::string>& b) const {
      return a.first < b.first;
    }
  };
  priority_queue<std::pair<int, std::string>, by_number> items;
  for (const auto* name : {"a", "b", "c"}) {
    items.put_nowait(std::pair<int, std::string>(2, name));
    items.put_nowait(std::pair<int, std::string>(1, name));
  }
  std::string order;
  while (!items.empty()) order += items.get_nowait().second;
  EXPECT_EQ(order, "abcabc");
}

TEST(priority_queue, orders_by_what_it_is_given) {
  const auto compare = [sign = -1](int a, int b) { return sign * a < sign * b; };
  priority_queue<int, decltype(compare)> items(0, compare);
  for (const int i : {2, 3, 1}) items.put_nowait(i);
  EXPECT_THAT(drain_in_order(items), ElementsAre(3, 2, 1));
  priority_queue<int, std::greater<>> largest;
  for (const int i : {2, 3, 1}) largest.put_nowait(i);
  EXPECT_EQ(largest.get_nowait(), 3);
  largest.shutdown(plait::queue_shutdown::immediate);
  EXPECT_TRUE(largest.empty());
}

TEST(priority_queue, takes_what_can_only_be_moved) {
  struct by_value {
    bool operator()(const std::unique_ptr<int>& a, const std::unique_ptr<int>& b) const { return *a < *b; }
  };
  priority_queue<std::unique_ptr<int>, by_value> items(2);
  const auto body = [](priority_queue<std::unique_ptr<int>, by_value>* items) -> task<int> {
    co_await items->put(std::make_unique<int>(7));
    co_await items->put(std::make_unique<int>(3));
    const auto got = co_await items->get();
    co_return *got;
  };
  EXPECT_EQ(plait::run(body(&items)), 3);
}

TEST(priority_queue, gives_a_waiting_getter_the_smallest_of_when_it_runs) {
  priority_queue<int> items;
  std::vector<int> seen;
  event_loop loop;
  loop.create_task(gets(&items, &seen));
  pass(loop);
  in_next_turn(loop, [&] {
    items.put_nowait(5);
    items.put_nowait(1);
  });
  pass(loop);
  EXPECT_THAT(seen, ElementsAre(1));
}

TEST(priority_queue, an_item_that_was_promised_to_a_getter_that_is_cancelled_keeps_its_place) {
  priority_queue<int> items;
  std::vector<int> seen;
  event_loop loop;
  const auto a = loop.create_task(gets(&items, &seen));
  pass(loop);
  in_next_turn(loop, [&] {
    for (const int i : {2, 1, 3}) items.put_nowait(i);
    a.cancel();
  });
  pass(loop);
  EXPECT_TRUE(a.cancelled());
  EXPECT_THAT(drain_in_order(items), ElementsAre(1, 2, 3));
}

}  // namespace
