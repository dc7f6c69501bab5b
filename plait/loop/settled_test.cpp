#include <plait/core/promise.hpp>
#include <plait/loop/event_loop.hpp>
#include <plait/loop/settled.hpp>
#include <plait/loop/sleep.hpp>
#include <plait/loop/sync_wait.hpp>

#include <memory>
#include <stdexcept>
#include <string>

#include <gtest/gtest.h>
#include <tests/support/expect_throw.hpp>
#include <tests/support/tasks.hpp>

namespace plait {
namespace {

using namespace std::chrono_literals;
using test_support::message_in;
using test_support::message_of;
using test_support::number_later;

task<int> fails_to_give() {
  co_await sleep(0s);
  throw std::runtime_error("no");
}

task<int> is_cancelled() {
  co_await sleep(0s);
  throw cancelled_error();
}

task<void> nothing() { co_await sleep(0s); }

task<std::unique_ptr<int>> move_only() {
  co_await sleep(0s);
  co_return std::make_unique<int>(6);
}

TEST(settled, gives_the_outcome_of_a_task) {
  EXPECT_EQ(sync_wait(settled(number_later(3))).value(), 3);
  EXPECT_EQ(message_in<std::runtime_error>(sync_wait(settled(fails_to_give())).exception()), "no");
  EXPECT_TRUE(sync_wait(settled(is_cancelled())).cancelled());
  EXPECT_TRUE(sync_wait(settled(nothing())).has_value());
  EXPECT_EQ(*sync_wait(settled(move_only())).value(), 6);
}

TEST(settled, gives_the_outcome_of_a_future) {
  promise<int> good;
  promise<void> bad;
  const promise<int> dropped;
  good.set_value(4);
  bad.set_exception(std::make_exception_ptr(std::runtime_error("no")));
  dropped.get_future().cancel();
  EXPECT_EQ(sync_wait(settled(good.get_future())).value(), 4);
  EXPECT_EQ(message_in<std::runtime_error>(sync_wait(settled(bad.get_future())).exception()), "no");
  EXPECT_TRUE(sync_wait(settled(dropped.get_future())).cancelled());
}

TEST(settled, moves_the_value_out_of_the_last_handle) {
  event_loop loop;
  auto handle = loop.create_task(move_only());
  const auto outcome_of = [](task_handle<std::unique_ptr<int>> last) -> task<int> {
    const auto outcome = co_await settled(std::move(last));
    co_return *outcome.value();
  };
  EXPECT_EQ(loop.run_until_complete(outcome_of(std::move(handle))), 6);
}

TEST(settled, refuses_an_empty_future) {
  EXPECT_EQ(message_of<invalid_state_error>([] { static_cast<void>(settled(future<int>())); }),
            "plait: settled: the future holds nothing");
}

template <class Awaited> task<std::string> settles(Awaited awaited) {
  std::string seen = "settled";
  try {
    const auto outcome = co_await settled(std::move(awaited));
    if (outcome.cancelled()) seen = "the other was cancelled";
  } catch (const cancelled_error&) {
    seen = "this one was cancelled";
  }
  co_return seen;
}

task<int> sleeps_for_its_number() {
  co_await sleep(1h);
  co_return 1;
}

template <class Awaited> std::string cancelled_while_it_settles(event_loop& loop, Awaited awaited) {
  const auto handle = loop.create_task(settles(std::move(awaited)));
  loop.stop();
  loop.run_forever();
  handle.cancel();
  return loop.run_until_complete(handle);
}

TEST(settled, throws_where_the_task_that_awaits_it_is_cancelled) {
  event_loop loop;
  const promise<int> input;
  EXPECT_EQ(cancelled_while_it_settles(loop, input.get_future()), "this one was cancelled");
  EXPECT_TRUE(input.get_future().cancelled());
  EXPECT_EQ(cancelled_while_it_settles(loop, sleeps_for_its_number()), "this one was cancelled");
  const auto inner = loop.create_task(sleeps_for_its_number());
  EXPECT_EQ(cancelled_while_it_settles(loop, inner), "this one was cancelled");
  loop.stop();
  loop.run_forever();
  EXPECT_TRUE(inner.cancelled());
}

TEST(settled, tells_where_only_the_other_was_cancelled) {
  event_loop loop;
  const promise<int> input;
  const auto handle = loop.create_task(settles(input.get_future()));
  loop.call_soon([&] { input.get_future().cancel(); });
  EXPECT_EQ(loop.run_until_complete(handle), "the other was cancelled");
  EXPECT_EQ(loop.run_until_complete(settles(is_cancelled())), "the other was cancelled");
}

}  // namespace
}  // namespace plait
