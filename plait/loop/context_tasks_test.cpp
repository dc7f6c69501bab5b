// What context variables hold in tasks and callbacks.
#include <plait/core/context_var.hpp>
#include <plait/loop/context_fixture_test.hpp>
#include <plait/loop/event_loop.hpp>
#include <plait/loop/run.hpp>
#include <plait/loop/sleep.hpp>
#include <plait/loop/sync_wait.hpp>

#include <optional>
#include <stdexcept>
#include <string>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <tests/support/expect_throw.hpp>
#include <tests/support/foreign_coroutine.hpp>
#include <tests/support/witness.hpp>

namespace plait {
namespace {

using namespace std::chrono_literals;
using context_test::note;
using context_test::numbers;
using context_test::variable;
using testing::ElementsAre;

const context_var<test_support::witness> kept("kept");

// ── tasks ──

task<void> sets_between_awaits(numbers* log, int own) {
  note(log);
  variable.set(own);
  co_await sleep(0s);
  note(log);
}

task<void> starts_children(numbers* log) {
  variable.set(1);
  const auto first = get_running_loop().create_task(sets_between_awaits(log, 10));
  variable.set(2);
  const auto second = get_running_loop().create_task(sets_between_awaits(log, 20));
  co_await first;
  co_await second;
  note(log);
}

TEST(context_of_tasks, is_a_copy_of_what_the_maker_had_and_each_ones_own) {
  numbers log;
  sync_wait(starts_children(&log));
  EXPECT_THAT(log, ElementsAre(1, 2, 10, 20, 2));
}

task<void> sets(int value) {
  variable.set(value);
  co_return;
}
task<void> awaits_who_sets(numbers* log) {
  co_await sets(5);
  note(log);
  co_await sleep(0s);
  note(log);
}

TEST(context_of_tasks, is_shared_with_what_a_task_awaits_directly) {
  numbers log;
  sync_wait(awaits_who_sets(&log));
  EXPECT_THAT(log, ElementsAre(5, 5));
}

TEST(context_of_tasks, is_the_callers_in_sync_wait_and_run_and_what_is_set_there_stays_there) {
  const auto guard = variable.scoped(7);
  numbers log;
  sync_wait(sets_between_awaits(&log, 8));
  EXPECT_EQ(variable.get(), 7);
  run(sets_between_awaits(&log, 9));
  EXPECT_EQ(variable.get(), 7);
  EXPECT_THAT(log, ElementsAre(7, 8, 7, 9));
}

task<void> holds_until_cancelled(numbers* log) {
  const auto guard = variable.scoped(3);
  try {
    co_await sleep(1h);
  } catch (const cancelled_error&) {
    note(log);
    throw;
  }
}
task<void> cancels_a_child(numbers* log) {
  variable.set(1);
  const auto child = get_running_loop().create_task(holds_until_cancelled(log));
  co_await sleep(0s);
  child.cancel();
  try {
    co_await child;
  } catch (const cancelled_error&) {
    note(log);
  }
}

TEST(context_of_tasks, is_there_when_a_cancel_arrives) {
  numbers log;
  sync_wait(cancels_a_child(&log));
  EXPECT_THAT(log, ElementsAre(3, 1));
}

task<void> throws_out_of_a_scope() {
  const auto guard = variable.scoped(4);
  co_await sleep(0s);
  throw std::runtime_error("left");
}
task<void> catches_it(numbers* log) {
  variable.set(1);
  try {
    co_await throws_out_of_a_scope();
  } catch (const std::runtime_error&) {
    note(log);
  }
}

TEST(context_of_tasks, a_scope_ends_with_an_exception) {
  numbers log;
  sync_wait(catches_it(&log));
  EXPECT_THAT(log, ElementsAre(1));
}

task<void> resets(context_token* token) {
  variable.reset(*token);
  co_return;
}
task<void> hands_its_token_to(bool another_task, std::string* message) {
  auto token = variable.set(1);
  try {
    if (another_task)
      co_await get_running_loop().create_task(resets(&token));
    else
      co_await resets(&token);
  } catch (const invalid_state_error& error) {
    *message = error.what();
  }
}

TEST(context_of_tasks, takes_no_token_of_another_task) {
  std::string message;
  sync_wait(hands_its_token_to(true, &message));
  EXPECT_THAT(message, testing::HasSubstr("made in another task"));
  message.clear();
  sync_wait(hands_its_token_to(false, &message));
  EXPECT_EQ(message, "");
}

task<void> keeps(test_support::ledger* seen) {
  kept.set(test_support::witness(*seen));
  co_return;
}

TEST(context_of_tasks, ends_with_the_task_not_with_its_handle) {
  event_loop loop;
  test_support::ledger seen;
  const auto handle = loop.create_task(keeps(&seen));
  loop.run_until_complete(handle);
  EXPECT_EQ(seen.made, 1);
  EXPECT_EQ(seen.alive, 0);
}

TEST(context_of_tasks, ends_with_a_task_that_never_ran) {
  test_support::ledger seen;
  event_loop loop;
  std::optional<task_handle<int>> handle;
  {
    const auto guard = kept.scoped(test_support::witness(seen));
    handle = loop.create_task([]() -> task<int> { co_return 1; }());
  }
  EXPECT_EQ(seen.alive, 1);
  loop.close();
  EXPECT_EQ(seen.alive, 0);
}

// ── nested loops ──

task<void> closes_a_loop_of_its_own(numbers* log) {
  variable.set(1);
  {
    event_loop inner;
    static_cast<void>(inner.create_task(holds_until_cancelled(log)));
    static_cast<void>(inner.call_soon([log] {
      note(log);
      variable.set(100);
    }));
  }  // runs the task and the callback to their ends, inside of this one
  note(log);
  co_await sleep(0s);
  note(log);
}

TEST(context_of_tasks, is_whole_after_a_loop_was_closed_inside_of_it) {
  numbers log;
  sync_wait(closes_a_loop_of_its_own(&log));
  ASSERT_GE(log.size(), 2u);
  EXPECT_EQ(log.back(), 1);
  EXPECT_EQ(log[log.size() - 2], 1);
}

task<void> waits_in_a_worker(numbers* log) {
  variable.set(1);
  auto call = get_running_loop().run_in_executor([log] {
    sync_wait(sets_between_awaits(log, 50));
    note(log);
  });
  co_await call;
  note(log);
}

TEST(context_of_tasks, a_loop_in_a_worker_begins_with_the_calls) {
  numbers log;
  run(waits_in_a_worker(&log));
  EXPECT_THAT(log, ElementsAre(1, 50, 1, 1));
}

// ── coroutines of others ──

test_support::foreign_task foreign(numbers* log) {
  co_await sleep(0s);
  note(log);
  co_return 1;
}
task<void> awaits_a_foreign_one(numbers* log) {
  variable.set(1);
  static_cast<void>(co_await foreign(log));
  co_await sleep(0s);
  note(log);
}

TEST(context_of_tasks, comes_back_behind_a_coroutine_of_another_library) {
  numbers log;
  sync_wait(awaits_a_foreign_one(&log));
  ASSERT_EQ(log.size(), 2u);
  EXPECT_EQ(log[1], 1);
}

test_support::detached detached_and_foreign(numbers* log) {
  variable.set(9);
  co_await sets(10);
  note(log);
}
task<void> starts_a_detached_one(numbers* log) {
  const auto guard = variable.scoped(1);
  co_await sleep(0s);
  detached_and_foreign(log);
  note(log);
  variable.set(2);
  co_await sleep(0s);
  note(log);
}

TEST(context_of_tasks, is_its_starters_in_a_coroutine_of_another_library_until_that_awaits) {
  numbers log;
  sync_wait(starts_a_detached_one(&log));
  EXPECT_THAT(log, ElementsAre(10, 9, 2));
}

// ── callbacks ──

TEST(context_of_callbacks, is_what_their_adder_had_and_what_they_set_is_theirs) {
  event_loop loop;
  numbers log;
  const auto notes_and_sets = [&] {
    note(&log);
    variable.set(100);
  };
  {
    const auto guard = variable.scoped(1);
    loop.call_soon(notes_and_sets);
    loop.call_later(0s, notes_and_sets);
    loop.call_at(loop.time(), notes_and_sets);
    loop.call_soon_threadsafe(notes_and_sets);
  }
  loop.call_soon(notes_and_sets);
  loop.call_later(1ms, [&] { loop.stop(); });
  loop.run_forever();
  EXPECT_THAT(log, testing::UnorderedElementsAre(1, 1, 1, 1, 0));
  EXPECT_EQ(variable.get_or(0), 0);
}

TEST(context_of_callbacks, comes_along_from_another_thread) {
  event_loop loop;
  int seen = 0;
  std::thread other([&] {
    variable.set(6);
    loop.call_soon_threadsafe([&] {
      seen = variable.get_or(0);
      loop.stop();
    });
  });
  loop.run_forever();
  other.join();
  EXPECT_EQ(seen, 6);
}

TEST(context_of_callbacks, ends_with_one_that_is_cancelled_or_dropped) {
  test_support::ledger seen;
  {
    event_loop loop;
    const auto guard = kept.scoped(test_support::witness(seen));
    loop.call_later(1h, [] {}).cancel();
    loop.call_later(1h, [] {});
    loop.call_soon([] {});
  }
  EXPECT_EQ(seen.alive, 0);
}

task<void> adds_a_done_callback(numbers* log) {
  variable.set(1);
  const auto child = get_running_loop().create_task(sets(2));
  child.add_done_callback([log](const future<void>&) { note(log); });
  variable.set(3);
  co_await child;
}

TEST(context_of_callbacks, of_a_done_callback_is_its_adders) {
  numbers log;
  sync_wait(adds_a_done_callback(&log));
  EXPECT_THAT(log, ElementsAre(1));
}

}  // namespace
}  // namespace plait
