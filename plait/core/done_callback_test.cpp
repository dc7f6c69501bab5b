#include <plait/core/future.hpp>
#include <plait/core/promise.hpp>

#include <memory>
#include <stdexcept>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <tests/support/recorded_reports.hpp>

namespace {

using test_support::recorded_reports;
using testing::ElementsAre;
using testing::HasSubstr;

TEST(done_callback, they_run_in_the_order_added) {
  plait::promise<int> promise;
  const auto f = promise.get_future();
  std::vector<int> order;
  for (int i = 0; i < 5; ++i) f.add_done_callback([&order, i](const plait::future<int>&) { order.push_back(i); });
  EXPECT_TRUE(order.empty());
  promise.set_value(1);
  EXPECT_THAT(order, ElementsAre(0, 1, 2, 3, 4));
}

TEST(done_callback, runs_at_once_on_this_thread_where_it_is_done) {
  plait::promise<int> promise;
  promise.set_value(1);
  std::thread::id where;
  promise.get_future().add_done_callback([&](const plait::future<int>&) { where = std::this_thread::get_id(); });
  EXPECT_EQ(where, std::this_thread::get_id());
}

TEST(done_callback, runs_on_the_thread_that_completes) {
  plait::promise<int> promise;
  std::thread::id where;
  promise.get_future().add_done_callback([&](const plait::future<int>&) { where = std::this_thread::get_id(); });
  std::thread producer([&] { promise.set_value(1); });
  const auto expected = producer.get_id();
  producer.join();
  EXPECT_EQ(where, expected);
}

TEST(done_callback, runs_on_the_thread_that_cancels) {
  plait::promise<int> promise;
  std::thread::id where;
  promise.get_future().add_done_callback([&](const plait::future<int>&) { where = std::this_thread::get_id(); });
  std::thread canceller([f = promise.get_future()] { f.cancel(); });
  const auto expected = canceller.get_id();
  canceller.join();
  EXPECT_EQ(where, expected);
}

TEST(done_callback, sees_the_result) {
  plait::promise<int> promise;
  int value = 0;
  promise.get_future().add_done_callback([&](plait::future<int> f) { value = std::move(f).result(); });
  promise.set_value(9);
  EXPECT_EQ(value, 9);
}

TEST(done_callback, runs_for_a_cancelled_one_and_for_one_that_failed) {
  plait::promise<int> cancelled, failed;
  std::vector<plait::call_status> seen;
  const auto look = [&](const plait::future<int>& f) { seen.push_back(f.status()); };
  cancelled.get_future().add_done_callback(look);
  failed.get_future().add_done_callback(look);
  cancelled.get_future().cancel();
  failed.set_exception(std::make_exception_ptr(std::runtime_error("x")));
  EXPECT_THAT(seen, ElementsAre(plait::call_status::cancelled, plait::call_status::finished));
}

TEST(done_callback, one_that_throws_is_reported_and_the_others_run) {
  const recorded_reports reports;
  plait::promise<int> promise;
  const auto f = promise.get_future();
  bool before = false, after = false;
  f.add_done_callback([&](const plait::future<int>&) { before = true; });
  f.add_done_callback([](const plait::future<int>&) { throw std::runtime_error("no space left"); });
  f.add_done_callback([](const plait::future<int>&) { throw plait::cancelled_error(); });
  f.add_done_callback([&](const plait::future<int>&) { after = true; });
  promise.set_value(1);
  EXPECT_TRUE(before);
  EXPECT_TRUE(after);
  const auto reported = recorded_reports::take();
  ASSERT_EQ(reported.size(), 2u);
  EXPECT_EQ(reported[0].level, plait::severity::error);
  EXPECT_EQ(reported[0].text, "a done callback threw std::runtime_error: no space left");
  EXPECT_EQ(reported[1].text, "a done callback threw cancelled");
}

TEST(done_callback, one_that_throws_at_once_is_reported_too) {
  const recorded_reports reports;
  plait::promise<int> promise;
  promise.set_value(1);
  promise.get_future().add_done_callback([](const plait::future<int>&) { throw std::runtime_error("late"); });
  EXPECT_THAT(recorded_reports::text(), HasSubstr("late"));
}

TEST(done_callback, may_add_another_to_the_same_future) {
  plait::promise<int> promise;
  bool inner = false;
  promise.get_future().add_done_callback(
      [&](const plait::future<int>& f) { f.add_done_callback([&](const plait::future<int>&) { inner = true; }); });
  promise.set_value(1);
  EXPECT_TRUE(inner);
}

TEST(done_callback, may_be_one_that_can_only_be_moved) {
  plait::promise<int> promise;
  int got = 0;
  promise.get_future().add_done_callback(
      [&got, held = std::make_unique<int>(4)](const plait::future<int>&) { got = *held; });
  promise.set_value(1);
  EXPECT_EQ(got, 4);
}

TEST(done_callback, runs_once_where_it_races_with_completion) {
  for (int round = 0; round < 200; ++round) {
    plait::promise<int> promise;
    std::atomic<int> runs{0};
    std::thread completing([&] { promise.set_value(1); });
    for (int i = 0; i < 10; ++i) promise.get_future().add_done_callback([&](const plait::future<int>&) { ++runs; });
    completing.join();
    EXPECT_EQ(runs, 10);
  }
}

}  // namespace
