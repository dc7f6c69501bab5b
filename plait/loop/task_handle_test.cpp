// A task that a loop runs: kept alive, named, awaited, cancelled wherever it is suspended.
#include <plait/core/promise.hpp>
#include <plait/loop/event_loop.hpp>
#include <plait/loop/sleep.hpp>
#include <plait/loop/sync_wait.hpp>
#include <plait/loop/wait.hpp>

#include <cstdlib>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <tests/support/expect_throw.hpp>
#include <tests/support/gate.hpp>
#include <tests/support/tasks.hpp>
#include <tests/support/turns.hpp>
#include <tests/support/witness.hpp>

namespace plait {
namespace {

using namespace std::chrono_literals;
using test_support::fails;
using test_support::gate;
using test_support::ledger;
using test_support::message_of;
using test_support::number_later;
using test_support::pass;
using test_support::witness;

// A loop may have a million of them: a member more is 16 bytes more, by the allocator's steps.
static_assert(sizeof(detail::typed_task<void>) <= 152);
static_assert(sizeof(detail::sleep_awaiter) <= 80);

task<void> holds(witness, bool* ended) {
  for (int i = 0; i < 3; ++i) co_await sleep(0s);
  *ended = true;
}

TEST(task_handle, dropped_leaves_the_task_to_its_loop) {
  ledger seen;
  bool ended = false;
  event_loop loop;
  static_cast<void>(loop.create_task(holds(witness(seen), &ended)));
  pass(loop);
  EXPECT_EQ(seen.alive, 1);
  for (int i = 0; i < 3; ++i) pass(loop);
  EXPECT_TRUE(ended);
  EXPECT_EQ(seen.alive, 0);
}

TEST(task_handle, the_task_begins_in_the_next_pass) {
  event_loop loop;
  const auto handle = loop.create_task(number_later(1));
  EXPECT_EQ(handle.status(), call_status::pending);
  pass(loop);
  EXPECT_EQ(handle.status(), call_status::running);
  pass(loop);
  EXPECT_EQ(handle.status(), call_status::finished);
  EXPECT_EQ(handle.result(), 1);
}

TEST(task_handle, frees_the_frame_at_its_end_not_with_the_handle) {
  ledger seen;
  bool ended = false;
  event_loop loop;
  const auto handle = loop.create_task(holds(witness(seen), &ended));
  loop.run_until_complete(handle);
  EXPECT_EQ(seen.alive, 0);
  EXPECT_TRUE(handle.done());
}

TEST(task_handle, has_the_name_that_it_was_given) {
  event_loop loop;
  task_handle<int> handle;
  {
    const std::string name = "reads the configuration";
    handle = loop.create_task(number_later(1), name);
  }
  EXPECT_EQ(handle.name(), "reads the configuration");
  EXPECT_EQ(handle.future().name(), "reads the configuration");
}

/// The n of "Task-n"; -1 where it is another name.
int number_in(std::string_view name) {
  return name.starts_with("Task-") ? std::atoi(std::string(name.substr(5)).c_str()) : -1;
}

TEST(task_handle, is_named_by_its_number_where_it_was_given_no_name) {
  event_loop loop;
  const auto first = loop.create_task(number_later(1));
  const auto named = loop.create_task(number_later(1), "named");
  const auto third = loop.create_task(number_later(1));
  EXPECT_EQ(number_in(third.name()), number_in(first.name()) + 2);  // asked in another order than that of creation
  EXPECT_GT(number_in(first.name()), 0);
  EXPECT_EQ(first.name().data(), first.future().name().data());  // made once
}

TEST(task_handle, default_names_are_unique_in_the_process) {
  std::set<std::string> names;
  for (int i = 0; i < 3; ++i) {
    event_loop loop;
    for (int j = 0; j < 20; ++j) names.emplace(loop.create_task(number_later(1)).name());
  }
  EXPECT_EQ(names.size(), 60U);
}

TEST(task_handle, several_threads_ask_for_a_default_name_at_once) {
  for (int i = 0; i < 200; ++i) {
    event_loop loop;
    const auto handle = loop.create_task(number_later(1));
    std::string_view here;
    std::string_view there;
    gate both;
    std::thread elsewhere([&] {
      both.wait();
      there = handle.name();
    });
    both.open();
    here = handle.name();
    elsewhere.join();
    EXPECT_EQ(here.data(), there.data());
  }
}

TEST(task_handle, empty_ones_are_refused) {
  const task_handle<int> empty;
  EXPECT_FALSE(empty.valid());
  EXPECT_THROW(static_cast<void>(empty.result()), invalid_state_error);
  EXPECT_THROW(static_cast<void>(empty.cancel()), invalid_state_error);
  EXPECT_THROW(static_cast<void>(empty.cancelling()), invalid_state_error);
  EXPECT_THROW(static_cast<void>(empty.uncancel()), invalid_state_error);
}

task<std::string> awaits_two(event_loop& loop) {
  const auto good = loop.create_task(number_later(4));
  const auto bad = loop.create_task(fails());
  const int n = co_await good;
  const int again = co_await good;
  std::string what = std::to_string(n + again);
  try {
    co_await bad;
  } catch (const std::runtime_error& error) {
    what += error.what();
  }
  co_return what;
}

TEST(task_handle, is_awaited_as_often_as_wanted) {
  event_loop loop;
  EXPECT_EQ(loop.run_until_complete(awaits_two(loop)), "8of the task");
}

task<std::unique_ptr<int>> move_only(int n) {
  co_await sleep(0s);
  co_return std::make_unique<int>(n);
}

task<int> takes_move_only(event_loop& loop) {
  auto handle = loop.create_task(move_only(5));
  const auto mine = co_await std::move(handle);
  co_return *mine;
}

TEST(task_handle, gives_move_only_results_to_who_awaits_it_last) {
  event_loop loop;
  EXPECT_EQ(loop.run_until_complete(takes_move_only(loop)), 5);
}

TEST(task_handle, takes_move_only_results_from_plain_code) {
  event_loop loop;
  auto handle = loop.create_task(move_only(5));
  while (!handle.done()) pass(loop);
  EXPECT_EQ(*std::move(handle).result(), 5);
}

TEST(task_handle, a_result_that_does_not_come_in_time_is_a_timeout) {
  event_loop loop;
  const auto handle = loop.create_task(number_later(3));
  EXPECT_THROW(static_cast<void>(handle.result(0s)), plait::timeout_error);
  loop.run_until_complete(handle);
  EXPECT_EQ(handle.result(0s), 3);
}

task<int> counts_passes(event_loop& loop, future<int> done, const task_handle<int>& done_task) {
  const auto passes = std::make_shared<int>(0);  // the callback may come after the end
  loop.call_soon([passes] { ++*passes; });
  const int a = co_await done;
  const int b = co_await done_task;
  const int c = co_await future<int>(done);
  co_return *passes * 100 + a + b + c;
}

TEST(task_handle, awaiting_what_is_done_does_not_suspend) {
  event_loop loop;
  promise<int> input;
  input.set_value(1);
  const auto done_task = loop.create_task(number_later(2));
  loop.run_until_complete(done_task);
  EXPECT_EQ(loop.run_until_complete(counts_passes(loop, input.get_future(), done_task)), 4);
}

TEST(task_handle, done_callbacks_run_on_the_loops_thread_in_order) {
  event_loop loop;
  std::vector<std::string> seen;
  const auto handle = loop.create_task(number_later(7));
  handle.add_done_callback([&](const future<int>& f) { seen.push_back("first " + std::to_string(f.result())); });
  handle.add_done_callback([&](const future<int>&) {
    seen.emplace_back(&get_running_loop() == &loop ? "second, on the loop" : "second, elsewhere");
  });
  loop.run_until_complete(handle);
  EXPECT_EQ(seen, (std::vector<std::string>{"first 7", "second, on the loop"}));
}

TEST(task_handle, another_thread_waits_for_its_result) {
  event_loop loop;
  const auto handle = loop.create_task(number_later(9));
  int result = 0;
  std::thread elsewhere([&] {
    result = handle.result();
    loop.call_soon_threadsafe([&] { loop.stop(); });
  });
  loop.run_forever();
  elsewhere.join();
  EXPECT_EQ(result, 9);
}

task<int> awaits_there(task_handle<int> there) {
  const int n = co_await there;
  co_return n;
}

TEST(task_handle, is_awaited_on_another_threads_loop) {
  event_loop loop;
  const auto handle = loop.create_task(number_later(9));
  int result = 0;
  std::thread elsewhere([&] {
    result = sync_wait(awaits_there(handle));
    loop.call_soon_threadsafe([&] { loop.stop(); });
  });
  loop.run_forever();
  elsewhere.join();
  EXPECT_EQ(result, 9);
}

}  // namespace
}  // namespace plait
