// Tasks of whatever type: the one that runs, all of a loop, one handle for them.
#include <plait/loop/any_task_handle.hpp>
#include <plait/loop/event_loop.hpp>
#include <plait/loop/sleep.hpp>
#include <plait/loop/wait.hpp>

#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <tests/support/expect_throw.hpp>
#include <tests/support/foreign_coroutine.hpp>
#include <tests/support/tasks.hpp>
#include <tests/support/turns.hpp>

namespace plait {
namespace {

using namespace std::chrono_literals;
using test_support::fails;
using test_support::message_of;
using test_support::number_later;
using test_support::pass;

task<void> lasts() { co_await sleep(1h); }

task<void> who_runs(any_task_handle* found) {
  co_await sleep(0s);
  *found = current_task();
}
task<void> who_runs_nested(any_task_handle* found) { co_await who_runs(found); }

TEST(any_task_handle, current_task_is_the_task_that_runs_through_all_its_coroutines) {
  event_loop loop;
  any_task_handle found;
  any_task_handle found_by_other;
  const auto handle = loop.create_task(who_runs_nested(&found), "outermost");
  const auto other = loop.create_task(who_runs(&found_by_other));
  pass(loop);
  pass(loop);
  EXPECT_EQ(found, any_task_handle(handle));
  EXPECT_EQ(found.name(), "outermost");
  EXPECT_EQ(found_by_other, any_task_handle(other));
  EXPECT_FALSE(found == found_by_other);
}

TEST(any_task_handle, current_task_is_none_outside_of_tasks) {
  EXPECT_FALSE(current_task().valid());
  event_loop loop;
  bool in_callback = true;
  loop.call_soon([&] { in_callback = current_task().valid(); });
  pass(loop);
  EXPECT_FALSE(in_callback);
  EXPECT_FALSE(any_task_handle().valid());
}

test_support::detached looks_who_runs(bool* found) {
  co_await sleep(0s);
  *found = current_task().valid();
}

TEST(any_task_handle, current_task_is_none_in_a_coroutine_of_another_library) {
  event_loop loop;
  bool found = true;
  loop.call_soon([&] { looks_who_runs(&found); });
  pass(loop);
  pass(loop);
  EXPECT_FALSE(found);
}

task<std::vector<std::string>> names_of_all() {
  std::vector<std::string> names;
  for (const auto& one : all_tasks()) names.emplace_back(one.name());
  co_return names;
}

TEST(any_task_handle, all_tasks_are_those_of_this_loop_that_are_not_done_in_order) {
  event_loop other;
  static_cast<void>(other.create_task(lasts(), "of another loop"));
  event_loop loop;
  static_cast<void>(loop.create_task(number_later(1), "done by then"));
  static_cast<void>(loop.create_task(lasts(), "first"));
  static_cast<void>(loop.create_task(lasts(), "second"));
  pass(loop);
  pass(loop);
  const auto handle = loop.create_task(names_of_all(), "asks");
  static_cast<void>(loop.create_task(lasts(), "not begun"));
  EXPECT_EQ(loop.run_until_complete(handle), (std::vector<std::string>{"first", "second", "asks", "not begun"}));
}

TEST(any_task_handle, all_tasks_without_a_loop_is_an_error) {
  EXPECT_TRUE(message_of<no_running_loop_error>([] {
                static_cast<void>(all_tasks());
              }).starts_with("plait: all_tasks() needs an event loop that runs on this thread"));
}

TEST(any_task_handle, asks_and_cancels) {
  event_loop loop;
  const auto handle = loop.create_task(lasts());
  const any_task_handle any = handle;
  pass(loop);
  EXPECT_EQ(any.status(), call_status::running);
  loop.call_soon([&] {
    EXPECT_EQ(any.cancel(), cancel_outcome::asked);
    EXPECT_EQ(any.cancelling(), 1);
    EXPECT_EQ(any.uncancel(), 0);  // it has arrived
  });
  pass(loop);
  pass(loop);
  EXPECT_TRUE(handle.cancelled());
  EXPECT_TRUE(any.done());
  EXPECT_EQ(any.cancel(), cancel_outcome::too_late);
}

TEST(any_task_handle, cancels_from_another_thread) {
  event_loop loop;
  const any_task_handle any = loop.create_task(lasts());
  std::thread elsewhere([&] { any.cancel(); });
  EXPECT_THROW(loop.run_until_complete([](any_task_handle awaited) -> task<void> { co_await awaited; }(any)),
               cancelled_error);
  elsewhere.join();
}

task<std::string> awaits(any_task_handle good, any_task_handle bad) {
  co_await good;
  co_await good;
  try {
    co_await bad;
  } catch (const std::runtime_error& error) {
    co_return error.what();
  }
  co_return "nothing";
}

TEST(any_task_handle, is_awaited_and_throws_what_the_task_threw) {
  event_loop loop;
  const auto good = loop.create_task(number_later(1));
  const auto bad = loop.create_task(fails());
  EXPECT_EQ(loop.run_until_complete(awaits(good, bad)), "of the task");
}

TEST(any_task_handle, awaited_by_a_task_that_is_cancelled_cancels_its_task) {
  event_loop loop;
  const auto inner = loop.create_task(lasts());
  const auto outer = loop.create_task([](any_task_handle awaited) -> task<void> { co_await awaited; }(inner));
  pass(loop);
  outer.cancel();
  EXPECT_THROW(loop.run_until_complete(outer), cancelled_error);
  EXPECT_TRUE(inner.cancelled());
}

task<std::size_t> waits_for(std::vector<any_task_handle> all) {
  const auto result = co_await wait(all);
  co_return result.done.size();
}

TEST(any_task_handle, a_mix_is_waited_for_and_observed_as_futures) {
  event_loop loop;
  const auto good = loop.create_task(number_later(1));
  const auto bad = loop.create_task(fails());
  const any_future observed = any_task_handle(bad);
  EXPECT_EQ(loop.run_until_complete(waits_for({good, bad})), 2U);
  EXPECT_EQ(message_of<std::runtime_error>([&] { observed.result(0s); }), "of the task");
}

TEST(any_task_handle, empty_ones_are_refused) {
  const any_task_handle empty;
  EXPECT_THROW(static_cast<void>(empty.cancelling()), invalid_state_error);
  EXPECT_THROW(static_cast<void>(empty.uncancel()), invalid_state_error);
  EXPECT_THROW(static_cast<void>(empty.name()), invalid_state_error);
}

// ── chains ──

task<void> awaits_the_next(task_handle<void> next) { co_await next; }

std::vector<task_handle<void>> chain(event_loop& loop, int length) {
  std::vector<task_handle<void>> tasks{loop.create_task(lasts())};
  for (int i = 1; i < length; ++i) tasks.push_back(loop.create_task(awaits_the_next(tasks.back())));
  return tasks;
}

TEST(any_task_handle, a_chain_of_thirty_thousand_is_cancelled_at_the_end_of_its_loop_each_once) {
  std::vector<task_handle<void>> tasks;
  {
    event_loop loop;
    tasks = chain(loop, 30'000);
    pass(loop);
  }
  for (const auto& one : tasks) {
    ASSERT_TRUE(one.cancelled());
    ASSERT_EQ(one.cancelling(), 1);
  }
}

TEST(any_task_handle, a_chain_of_thirty_thousand_is_cancelled_from_its_head_on_the_same_stack) {
  event_loop loop;
  const auto tasks = chain(loop, 30'000);
  pass(loop);
  loop.call_soon([&] { tasks.back().cancel(); });
  EXPECT_THROW(loop.run_until_complete(tasks.back()), cancelled_error);
  EXPECT_TRUE(tasks.front().cancelled());
  EXPECT_EQ(tasks.front().cancelling(), 1);
}

}  // namespace
}  // namespace plait
