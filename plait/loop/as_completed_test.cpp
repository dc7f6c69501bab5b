// as_completed: in what order futures come, on a loop and off it, and what stays when it is left.
#include <plait/core/promise.hpp>
#include <plait/loop/as_completed.hpp>
#include <plait/loop/event_loop.hpp>
#include <plait/loop/sleep.hpp>
#include <plait/loop/sync_wait.hpp>
#include <plait/threads/thread_pool_executor.hpp>

#include <algorithm>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <tests/support/expect_throw.hpp>
#include <tests/support/turns.hpp>

namespace plait {
namespace {

using namespace std::chrono_literals;
using test_support::message_of;
using test_support::pass;

using futures = std::vector<future<int>>;

struct promised_inputs {
  explicit promised_inputs(std::size_t count) : promises(count) {
    for (const auto& p : promises) all.push_back(p.get_future());
  }
  std::vector<promise<int>> promises;
  futures all;
};

task<futures> takes_all(futures fs) {
  futures taken;
  auto it = as_completed(fs);
  while (auto f = co_await it.next()) taken.push_back(*f);
  co_return taken;
}

TEST(as_completed, gives_what_is_done_first_and_then_as_they_are_done) {
  promised_inputs in(4);
  in.promises[3].set_value(3);
  in.promises[1].set_value(1);
  event_loop loop;
  const auto taker = loop.create_task(takes_all(in.all));
  pass(loop);
  loop.call_soon([&] { in.all[2].cancel(); });
  pass(loop);
  loop.call_soon([&] { in.promises[0].set_exception(std::make_exception_ptr(std::runtime_error("no"))); });
  EXPECT_EQ(loop.run_until_complete(taker), (futures{in.all[1], in.all[3], in.all[2], in.all[0]}));
}

TEST(as_completed, gives_each_once) {
  promised_inputs in(2);
  in.promises[0].set_value(0);
  in.promises[1].set_value(1);
  EXPECT_EQ(sync_wait(takes_all({in.all[1], in.all[0], in.all[1]})), (futures{in.all[1], in.all[0]}));
}

TEST(as_completed, of_nothing_gives_nothing) { EXPECT_TRUE(sync_wait(takes_all({})).empty()); }

task<int> number_in_turns(int n) {
  for (int i = 0; i < n; ++i) co_await sleep(0s);
  co_return n;
}

task<std::vector<int>> takes_tasks() {
  std::vector<task<int>> tasks;
  for (const int n : {3, 1, 2}) tasks.push_back(number_in_turns(n));
  std::vector<int> taken;
  auto it = as_completed(std::move(tasks));
  while (auto f = co_await it.next()) taken.push_back(f->result());
  co_return taken;
}

TEST(as_completed, starts_tasks) { EXPECT_EQ(sync_wait(takes_tasks()), (std::vector{1, 2, 3})); }

task<std::vector<bool>> takes_a_mix(future<std::string> text) {
  const auto handle = get_running_loop().create_task(number_in_turns(1));
  auto it = as_completed(any_futures(text, handle, sleep(0s)));
  std::vector<bool> seen{false, false};
  int count = 0;
  while (auto f = co_await it.next()) {
    ++count;
    if (*f == any_future(text)) seen[0] = true;
    if (*f == any_future(handle)) seen[1] = true;
  }
  seen.push_back(count == 3);
  co_return seen;
}

TEST(as_completed, takes_a_mix_as_any_future) {
  promise<std::string> text;
  text.set_value("x");
  EXPECT_EQ(sync_wait(takes_a_mix(text.get_future())), std::vector<bool>(3, true));
}

TEST(as_completed, as_a_range_blocks_until_each_is_done) {
  promised_inputs in(10);
  std::thread completer([&] {
    for (auto& p : in.promises) p.set_value(1);
  });
  int sum = 0;
  for (const auto& f : as_completed(in.all)) sum += f.result();
  completer.join();
  EXPECT_EQ(sum, 10);
}

TEST(as_completed, as_a_range_over_calls_of_a_pool) {
  thread_pool_executor pool(thread_pool_options{.max_workers = 2});
  futures fs;
  for (int i = 0; i < 20; ++i) fs.push_back(pool.submit([](int n) { return n; }, i));
  int sum = 0;
  for (auto f : as_completed(fs)) sum += f.result();
  EXPECT_EQ(sum, 190);
}

task<std::string> loops_over_it(futures fs) {
  std::string what;
  try {
    for (auto f : as_completed(fs)) what = "came";
  } catch (const invalid_state_error& error) {
    what = error.what();
  }
  co_return what;
}

TEST(as_completed, as_a_range_on_a_loop_says_what_to_write_instead) {
  const promised_inputs in(1);
  EXPECT_EQ(sync_wait(loops_over_it(in.all)),
            "plait: as_completed as a range blocks, and this is the thread of a running event loop; there use "
            "`while (auto f = co_await it.next())`");
}

task<std::string> times_out(futures fs, int* taken) {
  auto it = as_completed(fs, {.timeout = 1ms});
  std::string what;
  try {
    while (auto f = co_await it.next()) ++*taken;
  } catch (const timeout_error& error) {
    what = error.what();
  }
  co_return what;
}

TEST(as_completed, says_at_a_timeout_how_many_are_unfinished) {
  promised_inputs in(4);
  in.promises[0].set_value(0);
  in.promises[2].set_value(2);
  int taken = 0;
  EXPECT_EQ(sync_wait(times_out(in.all, &taken)), "plait: as_completed: 2 (of 4) futures unfinished");
  EXPECT_EQ(taken, 2);
  taken = 0;
  EXPECT_EQ(message_of<timeout_error>([&] {
              for (const auto& f : as_completed(in.all, {.timeout = 1ms})) taken += f.done() ? 1 : 0;
            }),
            "plait: as_completed: 2 (of 4) futures unfinished");
  EXPECT_EQ(taken, 2);
  EXPECT_FALSE(in.all[1].done());  // it cancels nothing
}

TEST(as_completed, gives_what_is_done_though_the_time_has_passed) {
  promised_inputs in(1);
  in.promises[0].set_value(0);
  int taken = 0;
  for (const auto& f : as_completed(in.all, {.timeout = 0ns})) taken += f.done() ? 1 : 0;
  EXPECT_EQ(taken, 1);
}

TEST(as_completed, refuses_bad_timeouts_and_empty_futures) {
  const promised_inputs in(1);
  EXPECT_EQ(message_of<std::invalid_argument>([&] { static_cast<void>(as_completed(in.all, {.timeout = -1ms})); }),
            "plait: timeout is -0.001 s; expected 0 or more");
  EXPECT_THROW(static_cast<void>(as_completed(futures(1))), invalid_state_error);
}

task<void> takes_one(completed_futures<future<int>>* from, std::optional<future<int>>* into) {
  *into = co_await from->next();
}

TEST(as_completed, loses_nothing_where_next_is_cancelled) {
  promised_inputs in(2);
  event_loop loop;
  auto it = as_completed(in.all);
  std::optional<future<int>> taken;
  const auto first = loop.create_task(takes_one(&it, &taken));
  pass(loop);
  loop.call_soon([&] { first.cancel(); });
  pass(loop);
  pass(loop);
  EXPECT_TRUE(first.cancelled());
  EXPECT_FALSE(in.all[0].done());
  in.promises[1].set_value(1);
  loop.run_until_complete(takes_one(&it, &taken));
  EXPECT_EQ(taken, in.all[1]);
  in.promises[0].set_value(0);
  loop.run_until_complete(takes_one(&it, &taken));
  EXPECT_EQ(taken, in.all[0]);
  loop.run_until_complete(takes_one(&it, &taken));
  EXPECT_EQ(taken, std::nullopt);
}

TEST(as_completed, loses_nothing_where_next_is_cancelled_as_one_is_done) {
  promised_inputs in(1);
  event_loop loop;
  auto it = as_completed(in.all);
  std::optional<future<int>> taken;
  const auto first = loop.create_task(takes_one(&it, &taken));
  pass(loop);
  loop.call_soon([&] {
    in.promises[0].set_value(1);
    first.cancel();
  });
  pass(loop);
  pass(loop);
  EXPECT_TRUE(first.cancelled());
  loop.run_until_complete(takes_one(&it, &taken));
  EXPECT_EQ(taken, in.all[0]);
}

TEST(as_completed, takes_one_next_at_a_time) {
  promised_inputs in(1);
  event_loop loop;
  auto it = as_completed(in.all);
  std::optional<future<int>> taken;
  const auto first = loop.create_task(takes_one(&it, &taken));
  pass(loop);
  EXPECT_EQ(message_of<invalid_state_error>([&] { loop.run_until_complete(takes_one(&it, &taken)); }),
            "plait: as_completed: next() while another next() of the same waits: await them in turn");
  in.promises[0].set_value(1);
  loop.run_until_complete(first);
  EXPECT_EQ(taken, in.all[0]);
}

TEST(as_completed, left_early_takes_its_waiters_along) {
  promised_inputs in(2);
  in.promises[0].set_value(0);
  for (const auto& f : as_completed(in.all)) {
    EXPECT_EQ(f, in.all[0]);
    break;
  }
  EXPECT_FALSE(in.all[1].handle()->has_waiters());
  in.promises[1].set_value(1);
}

TEST(as_completed, of_ten_thousand_that_other_threads_complete) {
  constexpr std::size_t count = 10'000;
  promised_inputs in(count);
  std::vector<std::thread> completers;
  for (std::size_t t = 0; t < 4; ++t) {
    completers.emplace_back([&in, t] {
      for (auto i = t; i < count; i += 4) in.promises[i].set_value(1);
    });
  }
  EXPECT_EQ(sync_wait(takes_all(in.all)).size(), count);
  for (auto& completer : completers) completer.join();
}

TEST(as_completed, may_go_before_the_next_that_it_was_asked_for) {
  promised_inputs in(1);
  event_loop loop;
  const auto next = loop.create_task(as_completed(in.all).next());
  in.promises[0].set_value(7);
  EXPECT_EQ(loop.run_until_complete(next).value().result(), 7);
}

}  // namespace
}  // namespace plait
