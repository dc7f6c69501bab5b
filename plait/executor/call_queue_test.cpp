#include <plait/executor/call.hpp>
#include <plait/executor/internal/call_inbox.hpp>
#include <plait/executor/internal/call_queue.hpp>

#include <initializer_list>
#include <vector>

#include <gtest/gtest.h>

namespace plait::detail {
namespace {

int number(int n) { return n; }

/// Calls that nobody runs.
struct calls {
  explicit calls(int count) {
    for (int i = 0; i < count; ++i) made.push_back(&make_work_item<call<int (*)(int), int>>({}, number, i));
  }
  ~calls() {
    for (auto* const one : made) {
      one->refuse();
      one->drop_handle();
    }
  }
  calls(const calls&) = delete;
  calls& operator=(const calls&) = delete;
  work_item& operator[](std::size_t i) const { return *made[i]; }

  std::vector<work_item*> made;
};

void expect_in(call_queue& queue, const calls& all, std::initializer_list<std::size_t> order) {
  for (const auto i : order) EXPECT_EQ(queue.pop(), &all[i]) << i;
  EXPECT_EQ(queue.pop(), nullptr);
  EXPECT_EQ(queue.size(), 0U);
}

TEST(call_queue, gives_what_came_first) {
  const calls all(3);
  call_queue queue;
  for (auto* const one : all.made) queue.push(*one);
  EXPECT_EQ(queue.size(), 3U);
  expect_in(queue, all, {0, 1, 2});
}

// The first one's `prev` is left over from whatever stood there before.
TEST(call_queue, loses_any_one_of_those_left_when_the_first_was_taken) {
  for (const std::size_t lost : {1, 2, 3}) {
    const calls all(4);
    call_queue queue;
    for (auto* const one : all.made) queue.push(*one);
    EXPECT_EQ(queue.pop(), &all[0]);
    EXPECT_TRUE(queue.remove(all[lost]));
    EXPECT_FALSE(queue.remove(all[lost]));
    EXPECT_EQ(all[0].next, nullptr);
    if (lost == 1) expect_in(queue, all, {2, 3});
    if (lost == 2) expect_in(queue, all, {1, 3});
    if (lost == 3) expect_in(queue, all, {1, 2});
  }
}

TEST(call_queue, can_be_filled_anew_when_the_last_was_taken) {
  const calls all(3);
  call_queue queue;
  queue.push(all[0]);
  EXPECT_EQ(queue.pop(), &all[0]);
  queue.push(all[1]);
  queue.push(all[2]);
  EXPECT_TRUE(queue.remove(all[1]));
  expect_in(queue, all, {2});
}

TEST(call_queue, puts_back_in_front_when_the_first_was_taken) {
  const calls all(3);
  call_queue queue;
  for (auto* const one : all.made) queue.push(*one);
  EXPECT_EQ(queue.pop(), &all[0]);
  queue.push_front(all[0]);
  EXPECT_TRUE(queue.remove(all[1]));
  expect_in(queue, all, {0, 2});
}

TEST(call_queue, takes_over_an_inbox_behind_what_is_there) {
  const calls all(20);
  call_queue queue;
  call_inbox inbox;
  for (std::size_t i = 0; i < 4; ++i) queue.push(all[i]);
  EXPECT_EQ(queue.pop(), &all[0]);
  for (std::size_t i = 4; i < 20; ++i) EXPECT_TRUE(inbox.push(all[i]));
  queue.push_newest_first(*inbox.take_all());
  EXPECT_EQ(queue.size(), 19U);
  for (std::size_t i = 1; i < 20; i += 2) EXPECT_TRUE(queue.remove(all[i])) << i;
  expect_in(queue, all, {2, 4, 6, 8, 10, 12, 14, 16, 18});
}

TEST(call_queue, takes_over_an_inbox_where_it_is_empty) {
  const calls all(12);
  call_queue queue;
  call_inbox inbox;
  for (auto* const one : all.made) EXPECT_TRUE(inbox.push(*one));
  queue.push_newest_first(*inbox.take_all());
  EXPECT_TRUE(queue.remove(all[0]));
  EXPECT_TRUE(queue.remove(all[11]));
  EXPECT_FALSE(inbox.holds_calls());
  expect_in(queue, all, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10});
}

}  // namespace
}  // namespace plait::detail
