// The timer queue against a model: a multimap, which keeps the order of equal keys as well.
#include <plait/loop/internal/timer_queue.hpp>

#include <chrono>
#include <iterator>
#include <map>
#include <memory>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace plait::detail {
namespace {

using namespace std::chrono_literals;

struct timer final : timed {
  explicit timer(time_point at) : when(at) {}
  void run() noexcept override {}
  const time_point when;
};

constexpr time_point epoch{};

TEST(timer_queue, is_empty_at_first) {
  timer_queue queue;
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(queue.next(), sync::forever);
  queue.gather(sync::forever);
  EXPECT_FALSE(queue.has_gathered());
  EXPECT_EQ(queue.take_gathered(), nullptr);
  EXPECT_EQ(queue.take_any(), nullptr);
}

TEST(timer_queue, gives_what_is_due_and_no_more) {
  timer_queue queue;
  timer late(epoch + 3ns);
  timer early(epoch + 1ns);
  queue.add(late, late.when);
  queue.add(early, early.when);
  EXPECT_EQ(queue.next(), epoch + 1ns);
  queue.gather(epoch);
  EXPECT_EQ(queue.take_gathered(), nullptr);
  queue.gather(epoch + 2ns);
  EXPECT_EQ(queue.next(), epoch + 3ns);
  EXPECT_EQ(queue.take_gathered(), &early);
  EXPECT_EQ(early.timer_place, timed::nowhere);
  EXPECT_EQ(queue.take_gathered(), nullptr);
  queue.gather(epoch + 3ns);
  EXPECT_EQ(queue.take_gathered(), &late);
  EXPECT_TRUE(queue.empty());
}

TEST(timer_queue, removes_what_is_gathered_already) {
  timer_queue queue;
  timer first(epoch);
  timer second(epoch);
  timer third(epoch);
  for (auto* const each : {&first, &second, &third}) queue.add(*each, each->when);
  queue.gather(epoch);
  queue.remove(second);
  EXPECT_EQ(second.timer_place, timed::nowhere);
  EXPECT_EQ(queue.take_gathered(), &first);
  EXPECT_TRUE(queue.has_gathered());
  EXPECT_EQ(queue.take_gathered(), &third);
  EXPECT_FALSE(queue.has_gathered());
}

TEST(timer_queue, does_not_gather_what_is_added_meanwhile) {
  timer_queue queue;
  timer first(epoch);
  timer second(epoch);
  queue.add(first, first.when);
  queue.gather(epoch);
  queue.add(second, second.when);
  EXPECT_EQ(queue.take_gathered(), &first);
  EXPECT_EQ(queue.take_gathered(), nullptr);
  queue.gather(epoch);
  EXPECT_EQ(queue.take_gathered(), &second);
}

TEST(timer_queue, removes_nothing_that_is_not_there) {
  timer_queue queue;
  timer one(epoch);
  queue.remove(one);
  queue.add(one, one.when);
  queue.remove(one);
  queue.remove(one);
  EXPECT_EQ(one.timer_place, timed::nowhere);
  EXPECT_TRUE(queue.empty());
}

using model = std::multimap<time_point, timer*>;

int below(std::mt19937& random, int bound) { return std::uniform_int_distribution<int>(0, bound - 1)(random); }

void expect_due(timer_queue& queue, model& expected, time_point now, std::mt19937& random) {
  ASSERT_EQ(queue.empty(), expected.empty());
  ASSERT_EQ(queue.next(), expected.empty() ? sync::forever : expected.begin()->first);
  queue.gather(now);
  while (!expected.empty() && expected.begin()->first <= now) {
    auto* const wanted = expected.begin()->second;
    expected.erase(expected.begin());
    if (below(random, 4) == 0)
      queue.remove(*wanted);  // stopped by who ran before it
    else
      ASSERT_EQ(queue.take_gathered(), wanted);
    ASSERT_EQ(wanted->timer_place, timed::nowhere);
  }
  ASSERT_EQ(queue.take_gathered(), nullptr);
}

/// Adds, removes and takes as `random` says, with times from so small a range that many are equal.
void compare_with_model(std::mt19937& random, int steps, int range) {
  timer_queue queue;
  model expected;
  std::vector<std::unique_ptr<timer>> timers;
  for (int step = 0; step < steps; ++step) {
    switch (below(random, 20)) {
      default:
        timers.push_back(std::make_unique<timer>(epoch + nanoseconds(below(random, range))));
        queue.add(*timers.back(), timers.back()->when);
        expected.emplace(timers.back()->when, timers.back().get());
        break;
      case 1:
      case 2:
      case 3:
        if (!expected.empty()) {
          const auto chosen = std::next(expected.begin(), below(random, static_cast<int>(expected.size())));
          queue.remove(*chosen->second);
          ASSERT_EQ(chosen->second->timer_place, timed::nowhere);
          expected.erase(chosen);
        }
        break;
      case 0:
        ASSERT_NO_FATAL_FAILURE(expect_due(queue, expected, epoch + nanoseconds(below(random, range)), random));
    }
  }
  ASSERT_NO_FATAL_FAILURE(expect_due(queue, expected, sync::forever, random));
  EXPECT_TRUE(queue.empty());
}

TEST(timer_queue, does_what_a_multimap_does) {
  std::mt19937 random(20240229);  // NOLINT(cert-msc32-c,cert-msc51-cpp): the same numbers each time
  for (int round = 0; round < 200; ++round) {
    SCOPED_TRACE(round);
    ASSERT_NO_FATAL_FAILURE(compare_with_model(random, 500, round % 2 == 0 ? 10 : 1'000'000));
  }
}

}  // namespace
}  // namespace plait::detail
