// What a task is, wherever it runs: lazy, run once, its frame and arguments destroyed once, on its home's thread, and
// no stack that grows with the number or the depth of awaits.
#include <plait/core/promise.hpp>
#include <plait/core/task.hpp>
#include <plait/loop/sync_wait.hpp>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>

#include <gtest/gtest.h>
#include <tests/support/expect_throw.hpp>
#include <tests/support/tasks.hpp>
#include <tests/support/witness.hpp>

namespace plait {
namespace {

using test_support::ledger;
using test_support::message_of;
using test_support::number;
using test_support::witness;

task<void> set(bool* ran) {
  *ran = true;
  co_return;
}

TEST(task, runs_nothing_until_it_is_awaited) {
  bool ran = false;
  auto lazy = set(&ran);
  EXPECT_TRUE(lazy.valid());
  EXPECT_FALSE(ran);
  sync_wait(std::move(lazy));
  EXPECT_TRUE(ran);
}

task<void> hold(witness, bool* ran) {
  *ran = true;
  co_return;
}

TEST(task, dropped_before_it_ran_runs_nothing_and_destroys_its_arguments) {
  ledger seen;
  bool ran = false;
  {
    const auto dropped = hold(witness(seen), &ran);
    EXPECT_EQ(seen.alive, 1);
  }
  EXPECT_EQ(seen.alive, 0);
  EXPECT_FALSE(ran);
}

TEST(task, assigned_over_destroys_what_it_held) {
  ledger first;
  ledger second;
  bool ran = false;
  auto held = hold(witness(first), &ran);
  held = hold(witness(second), &ran);
  EXPECT_EQ(first.alive, 0);
  EXPECT_EQ(second.alive, 1);
}

TEST(task, gives_what_it_returned) { EXPECT_EQ(sync_wait(number(41)), 41); }

task<std::unique_ptr<int>> move_only(int n) { co_return std::make_unique<int>(n); }

task<int> through_move_only() {
  const auto p = co_await move_only(7);
  co_return *p;
}

TEST(task, gives_move_only_values_to_who_awaits_it) { EXPECT_EQ(sync_wait(through_move_only()), 7); }

TEST(task, gives_move_only_values_to_plain_code) { EXPECT_EQ(*sync_wait(move_only(8)), 8); }

struct no_default {
  explicit no_default(int n) : n(n) {}
  int n;
};

task<no_default> without_default() { co_return no_default(3); }

TEST(task, needs_no_default_constructor_of_its_value) { EXPECT_EQ(sync_wait(without_default()).n, 3); }

struct my_error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

task<int> throws(const char* what) {
  throw my_error(what);
  co_return 0;
}

task<int> passes_on(ledger* seen, int depth) {
  const witness local(*seen);
  if (depth == 0) co_return co_await throws("from below");
  const int below = co_await passes_on(seen, depth - 1);
  co_return below;
}

TEST(task, throws_what_its_body_threw_through_every_level) {
  ledger seen;
  EXPECT_EQ(message_of<my_error>([&] { sync_wait(passes_on(&seen, 10)); }), "from below");
  EXPECT_EQ(seen.made, 11);
  EXPECT_EQ(seen.alive, 0);
}

struct throws_when_converted {
  operator std::string() const { throw my_error("converting"); }
};

task<std::string> returns_what_throws() { co_return throws_when_converted(); }

TEST(task, throws_what_making_its_value_threw) {
  EXPECT_EQ(message_of<my_error>([] { sync_wait(returns_what_throws()); }), "converting");
}

task<int> caught() {
  int seen = 0;
  try {
    seen = co_await throws("x");
  } catch (const my_error&) {
    seen = -1;
  }
  const int more = co_await number(10);
  co_return seen + more;
}

TEST(task, goes_on_after_an_exception_that_it_caught) { EXPECT_EQ(sync_wait(caught()), 9); }

task<void> await_twice(bool* valid_after, int* first) {
  auto once = number(5);
  *first = co_await std::move(once);
  *valid_after = once.valid();  // NOLINT(bugprone-use-after-move): what this is about
  co_await std::move(once);
}

TEST(task, awaited_twice_is_an_error) {
  bool valid_after = true;
  int first = 0;
  EXPECT_EQ(message_of<invalid_state_error>([&] { sync_wait(await_twice(&valid_after, &first)); }),
            "plait: co_await of a task that was moved from, awaited or run before");
  EXPECT_EQ(first, 5);
  EXPECT_FALSE(valid_after);
}

task<int> await_moved_from() {
  auto here = number(5);
  const auto there = std::move(here);
  const int n = co_await std::move(here);  // NOLINT(bugprone-use-after-move): what this is about
  co_return n;
}

TEST(task, awaited_after_it_was_moved_from_is_an_error) {
  EXPECT_EQ(message_of<invalid_state_error>([] { sync_wait(await_moved_from()); }),
            "plait: co_await of a task that was moved from, awaited or run before");
}

TEST(task, given_to_a_loop_twice_is_an_error) {
  event_loop loop;
  auto once = number(1);
  const auto handle = loop.create_task(std::move(once));
  EXPECT_EQ(message_of<invalid_state_error>(
                [&] { static_cast<void>(loop.create_task(std::move(once))); }),  // NOLINT(bugprone-use-after-move)
            "plait: create_task of a task that was moved from, awaited or run before");
}

task<int> down(int levels) {
  if (levels == 0) co_return 0;
  const int below = co_await down(levels - 1);
  co_return below + 1;
}

TEST(task, awaits_itself_a_million_levels_deep) { EXPECT_EQ(sync_wait(down(1'000'000)), 1'000'000); }

struct stack_span {
  std::uintptr_t lowest = UINTPTR_MAX;
  std::uintptr_t highest = 0;
  void note(void* frame) noexcept {
    lowest = std::min(lowest, reinterpret_cast<std::uintptr_t>(frame));
    highest = std::max(highest, reinterpret_cast<std::uintptr_t>(frame));
  }
};

task<int> noting(stack_span* span) {
  span->note(__builtin_frame_address(0));
  co_return 1;
}

task<int> awaits_often(stack_span* span, int times) {
  int sum = 0;
  for (int i = 0; i < times; ++i) sum += co_await noting(span);
  co_return sum;
}

TEST(task, awaits_a_million_times_on_the_same_stack) {
  stack_span span;
  EXPECT_EQ(sync_wait(awaits_often(&span, 1'000'000)), 1'000'000);
  EXPECT_EQ(span.highest, span.lowest);
}

task<int> throws_at_the_bottom(int levels) {
  if (levels == 0) throw my_error("bottom");
  const int below = co_await throws_at_the_bottom(levels - 1);
  co_return below;
}

TEST(task, unwinds_ten_thousand_levels) {
  EXPECT_EQ(message_of<my_error>([] { sync_wait(throws_at_the_bottom(10'000)); }), "bottom");
}

task<int> waits_with(witness argument, ledger* seen, future<int> awaited) {
  const witness local(*seen);
  const witness moved = std::move(argument);
  const int n = co_await awaited;
  co_return n;
}

task<int> parent_of(witness, ledger* seen, future<int> awaited) {
  const witness local(*seen);
  auto child = waits_with(witness(*seen), seen, std::move(awaited));
  const int n = co_await std::move(child);
  co_return n;
}

// The thread that completes what a task awaits must run and destroy nothing of it.
TEST(task, destroys_frames_and_arguments_once_and_on_its_loops_thread) {
  ledger seen;
  for (int i = 0; i < 100; ++i) {
    promise<int> input;
    auto waiting = parent_of(witness(seen), &seen, input.get_future());
    std::thread elsewhere([&input] { input.set_value(3); });
    EXPECT_EQ(sync_wait(std::move(waiting)), 3);
    elsewhere.join();
  }
  EXPECT_EQ(seen.made, 400);
  EXPECT_EQ(seen.alive, 0);
  EXPECT_EQ(seen.died_elsewhere, 0);
}

}  // namespace
}  // namespace plait
