// Items whose move or comparison throws leave every queue as it was.
#include <plait/loop/event_loop.hpp>
#include <plait/loop/run.hpp>
#include <plait/loop/sync/lifo_queue.hpp>
#include <plait/loop/sync/priority_queue.hpp>
#include <plait/loop/sync/queue.hpp>

#include <algorithm>
#include <stdexcept>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <tests/support/turns.hpp>

namespace {

using plait::event_loop;
using plait::task;
using test_support::in_next_turn;
using test_support::pass;
using testing::ElementsAre;

/// The n-th operation from now on throws; 0: none does.
int throws_in = 0;

void may_throw() {
  if (throws_in > 0 && --throws_in == 0) throw std::runtime_error("brittle");
}

class brittle {
 public:
  explicit brittle(int number) : number(number) {}
  brittle(brittle&& other) : number((may_throw(), other.number)) {}
  brittle& operator=(brittle&&) = delete;
  friend bool operator<(const brittle& a, const brittle& b) {
    may_throw();
    return a.number < b.number;
  }
  int number;
};

template <class Queue> class queue_exceptions : public testing::Test {
 public:
  using queue_type = Queue;
  ~queue_exceptions() override { throws_in = 0; }
};

using queues = testing::Types<plait::queue<brittle>, plait::lifo_queue<brittle>, plait::priority_queue<brittle>>;
TYPED_TEST_SUITE(queue_exceptions, queues);

template <class Queue> std::vector<int> drain_throwing(Queue& items) {
  std::vector<int> all;
  while (!items.empty()) all.push_back(items.get_nowait().number);
  return all;
}

template <class Queue> std::vector<int> numbers(Queue&& items) {
  auto all = drain_throwing(items);
  std::sort(all.begin(), all.end());
  return all;
}

template <class Queue> task<void> puts_throwing(Queue* items, int number, int throwing) {
  brittle item(number);
  throws_in = throwing;
  co_await items->put(std::move(item));
}

template <class Queue> task<int> gets(Queue* items) {
  const auto item = co_await items->get();
  co_return item.number;
}

TYPED_TEST(queue_exceptions, of_a_put_leave_the_queue_as_it_was_wherever_they_arise) {
  int failed = 0;
  for (int nth = 1;; ++nth) {
    TypeParam items(3);
    for (const int i : {1, 2}) items.put_nowait(brittle(i));
    bool threw = false;
    try {
      plait::run(puts_throwing(&items, 3, nth));
    } catch (const std::runtime_error&) {
      threw = true;
    }
    throws_in = 0;
    EXPECT_EQ(items.size(), threw ? 2U : 3U);
    EXPECT_FALSE(!threw != items.full());
    for (std::size_t i = items.size(); i > 0; --i) items.task_done();
    EXPECT_THROW(items.task_done(), plait::invalid_state_error);
    EXPECT_EQ(numbers(items), threw ? (std::vector{1, 2}) : (std::vector{1, 2, 3}));
    if (!threw) break;
    ++failed;
  }
  EXPECT_GE(failed, 2);
}

TYPED_TEST(queue_exceptions, of_a_get_leave_the_item_in_the_queue) {
  TypeParam items(2);
  for (const int i : {1, 2}) items.put_nowait(brittle(i));
  throws_in = 1;
  EXPECT_THROW(plait::run(gets(&items)), std::runtime_error);
  EXPECT_EQ(items.size(), 2U);
  EXPECT_TRUE(items.full());
  throws_in = 1;
  EXPECT_THROW(static_cast<void>(items.get_nowait()), std::runtime_error);
  EXPECT_EQ(numbers(items), (std::vector{1, 2}));
}

TYPED_TEST(queue_exceptions, of_a_getter_that_waited_pass_the_item_on_to_the_next) {
  TypeParam items;
  event_loop loop;
  const auto a = loop.create_task(gets(&items));
  const auto b = loop.create_task(gets(&items));
  pass(loop);
  in_next_turn(loop, [&] {
    items.put_nowait(brittle(1));
    throws_in = 1;
  });
  EXPECT_THROW(loop.run_until_complete(a), std::runtime_error);
  EXPECT_EQ(loop.run_until_complete(b), 1);
}

TYPED_TEST(queue_exceptions, of_a_putter_that_waited_pass_the_room_on_to_the_next) {
  TypeParam items(1);
  items.put_nowait(brittle(1));
  event_loop loop;
  const auto a = loop.create_task(puts_throwing(&items, 2, 0));
  const auto b = loop.create_task(puts_throwing(&items, 3, 0));
  pass(loop);
  in_next_turn(loop, [&] {
    EXPECT_EQ(items.get_nowait().number, 1);
    throws_in = 1;
  });
  EXPECT_THROW(loop.run_until_complete(a), std::runtime_error);
  loop.run_until_complete(b);
  EXPECT_THAT(drain_throwing(items), ElementsAre(3));
}

}  // namespace
