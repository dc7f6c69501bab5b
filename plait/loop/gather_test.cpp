// gather: what comes out, in what order, and when; of tasks, handles and futures from wherever.
#include <plait/core/promise.hpp>
#include <plait/loop/event_loop.hpp>
#include <plait/loop/gather.hpp>
#include <plait/loop/sleep.hpp>
#include <plait/loop/sync_wait.hpp>
#include <plait/loop/wait.hpp>

#include <memory>
#include <ranges>
#include <stdexcept>
#include <string>
#include <thread>
#include <tuple>
#include <variant>
#include <vector>

#include <gtest/gtest.h>
#include <tests/support/expect_throw.hpp>
#include <tests/support/recorded_reports.hpp>
#include <tests/support/tasks.hpp>

namespace plait {
namespace {

using namespace std::chrono_literals;
using test_support::message_in;
using test_support::message_of;
using test_support::number_later;

task<std::string> text_later(std::string text) {
  co_await sleep(0s);
  co_return text;
}
task<void> nothing_later() { co_await sleep(0s); }
task<int> fails_later(const char* what) {
  co_await sleep(0s);
  throw std::runtime_error(what);
}

using mix = std::tuple<int, std::string, std::monostate, int, std::monostate, std::monostate>;

task<mix> gathers_a_mix(future<int> given) {
  const auto handle = get_running_loop().create_task(number_later(4));
  const any_future any = handle;
  auto results = co_await gather(given, text_later("three"), nothing_later(), handle, any, sleep(0s));
  co_return results;
}

TEST(gather, gives_results_in_the_order_of_the_arguments_whatever_they_are) {
  promise<int> p;
  std::thread completer([&] { p.set_value(2); });
  EXPECT_EQ(sync_wait(gathers_a_mix(p.get_future())), mix(2, "three", {}, 4, {}, {}));
  completer.join();
}

task<std::vector<int>> gathers_tasks(int count) {
  std::vector<task<int>> tasks;
  for (int i = 0; i < count; ++i) tasks.push_back(number_later(i));
  auto results = co_await gather(std::move(tasks));
  co_return results;
}

TEST(gather, of_a_range_gives_a_vector) { EXPECT_EQ(sync_wait(gathers_tasks(3)), (std::vector{0, 1, 2})); }

TEST(gather, of_ten_thousand) { EXPECT_EQ(sync_wait(gathers_tasks(10'000)).size(), 10'000U); }

task<std::size_t> gathers_a_view_of_void() {
  auto results = co_await gather(std::views::iota(0, 3) | std::views::transform([](int) { return nothing_later(); }));
  static_assert(std::same_as<decltype(results), std::vector<std::monostate>>);
  co_return results.size();
}

TEST(gather, of_a_view_that_makes_tasks) { EXPECT_EQ(sync_wait(gathers_a_view_of_void()), 3U); }

task<int> gathers_nothing() {
  const std::tuple<> none = co_await gather();
  const auto empty = co_await gather(std::vector<future<int>>());
  static_cast<void>(none);
  co_return static_cast<int>(empty.size());
}

TEST(gather, of_nothing_is_empty) {
  EXPECT_EQ(sync_wait(gathers_nothing()), 0);
  EXPECT_TRUE(gather().done());
}

task<bool> starts_at_the_call() {
  bool began = false;
  const auto begins = [](bool* flag) -> task<void> {
    *flag = true;
    co_return;
  };
  const auto all = gather(begins(&began));
  co_await sleep(0s);
  const bool early = began;
  co_await all;
  co_return early;
}

TEST(gather, starts_tasks_at_the_call) { EXPECT_TRUE(sync_wait(starts_at_the_call())); }

TEST(gather, needs_no_loop_for_futures) {
  promise<int> a;
  promise<void> b;
  auto all = gather(a.get_future(), b.get_future());
  std::thread completer([&] {
    b.set_value();
    a.set_value(1);
  });
  EXPECT_EQ(std::get<0>(all.result()), 1);
  completer.join();
}

TEST(gather, whose_failure_nobody_asks_for_is_told_of) {
  const test_support::recorded_reports reports;
  {
    promise<int> p;
    const auto dropped = gather(p.get_future());
    p.set_exception(std::make_exception_ptr(std::runtime_error("late")));
  }
  EXPECT_EQ(reports.text(), "nobody asked for the result of a gather, which threw std::runtime_error: late\n");
}

TEST(gather, needs_a_loop_for_tasks) {
  EXPECT_NE(message_of<no_running_loop_error>([] { return gather(number_later(1)); }).find("plait::run(task)"),
            std::string::npos);
}

task<std::string> gathers_what_holds_nothing(bool* began) {
  const auto begins = [](bool* flag) -> task<void> {
    *flag = true;
    co_return;
  };
  std::string what;
  try {
    static_cast<void>(gather(begins(began), future<int>()));
  } catch (const invalid_state_error& error) {
    what = error.what();
  }
  co_await sleep(0s);
  co_return what;
}

TEST(gather, that_is_refused_starts_nothing) {
  bool began = false;
  EXPECT_EQ(sync_wait(gathers_what_holds_nothing(&began)),
            "plait: this future holds nothing: it was moved from or never given a call");
  EXPECT_FALSE(began);
}

// ── failures ──

task<std::string> fails_at_once(future<int> other, bool* other_was_done) {
  std::string what;
  try {
    static_cast<void>(co_await gather(other, fails_later("first")));
  } catch (const std::runtime_error& error) {
    what = error.what();
  }
  *other_was_done = other.done();
  co_return what;
}

TEST(gather, throws_the_first_failure_at_once_and_the_others_run_on) {
  promise<int> p;
  bool other_was_done = true;
  EXPECT_EQ(sync_wait(fails_at_once(p.get_future(), &other_was_done)), "first");
  EXPECT_FALSE(other_was_done);
  p.set_value(1);  // it was not cancelled
}

TEST(gather, of_one_that_was_cancelled_is_cancelled) {
  const promise<int> a;
  const promise<int> b;
  const auto all = gather(a.get_future(), b.get_future());
  b.get_future().cancel();
  EXPECT_TRUE(all.cancelled());
  EXPECT_FALSE(a.get_future().done());
}

TEST(gather, that_failed_comes_to_know_of_later_failures_without_a_word) {
  promise<int> a;
  promise<int> b;
  auto all = gather(a.get_future(), b.get_future());
  a.set_exception(std::make_exception_ptr(std::runtime_error("one")));
  b.set_exception(std::make_exception_ptr(std::runtime_error("two")));
  EXPECT_EQ(message_in<std::runtime_error>(all.exception()), "one");
}

using outcomes = std::tuple<outcome<int>, outcome<int>, outcome<void>>;

task<outcomes> gathers_outcomes(future<int> cancelled) {
  auto results = co_await gather({.return_exceptions = true}, cancelled, fails_later("no"), nothing_later());
  co_return results;
}

TEST(gather, gives_failures_as_results_where_asked_to) {
  const promise<int> p;
  p.get_future().cancel();
  const auto [cancelled, failed, nothing] = sync_wait(gathers_outcomes(p.get_future()));
  EXPECT_TRUE(cancelled.cancelled());
  EXPECT_EQ(message_in<std::runtime_error>(failed.exception()), "no");
  EXPECT_TRUE(nothing.has_value());
}

TEST(gather, gives_failures_of_a_range_as_results_where_asked_to) {
  std::vector<promise<int>> ps(2);
  const std::vector fs{ps[0].get_future(), ps[1].get_future()};
  auto all = gather({.return_exceptions = true}, fs);
  ps[1].set_exception(std::make_exception_ptr(std::runtime_error("no")));
  EXPECT_FALSE(all.done());
  ps[0].set_value(7);
  const auto results = std::move(all).result();
  EXPECT_EQ(results[0].value(), 7);
  EXPECT_FALSE(results[1].has_value());
}

// ── values ──

TEST(gather, moves_what_can_only_be_moved_from_the_last_handle) {
  promise<std::unique_ptr<int>> p;
  auto all = gather(p.get_future());
  p.set_value(std::make_unique<int>(3));
  EXPECT_EQ(*std::get<0>(std::move(all).result()), 3);
}

TEST(gather, of_what_can_only_be_moved_while_others_hold_it_is_an_error) {
  promise<std::unique_ptr<int>> p;
  const auto held = p.get_future();
  auto all = gather(held);
  p.set_value(std::make_unique<int>(3));
  EXPECT_NE(message_of<invalid_state_error>([&] { static_cast<void>(all.result()); }).find("only be moved"),
            std::string::npos);
  EXPECT_EQ(*held.result(), 3);
}

TEST(gather, takes_the_same_one_twice) {
  promise<std::string> p;
  const auto f = p.get_future();
  auto all = gather(f, f);
  p.set_value("twice");
  EXPECT_EQ(all.result(), (std::tuple<std::string, std::string>("twice", "twice")));
}

TEST(gather, lets_go_of_the_futures_before_it_is_done) {
  promise<std::string> p;
  auto f = p.get_future();
  auto all = gather(f);
  p.set_value("kept");
  static_cast<void>(all.result());
  const auto* const where = &f.result();
  EXPECT_NE(where, &std::get<0>(all.result()));
  EXPECT_EQ(std::move(f).result(), "kept");
}

TEST(gather, of_bools) {
  promise<bool> p;
  auto all = gather(std::vector{p.get_future(), p.get_future()});
  p.set_value(true);
  EXPECT_EQ(all.result(), (std::vector<bool>{true, true}));
}

TEST(gather, inside_a_gather) {
  promise<int> a;
  promise<int> b;
  auto all = gather(gather(a.get_future()), gather(std::vector{b.get_future()}));
  b.set_value(2);
  a.set_value(1);
  EXPECT_EQ(all.result(), (std::tuple(std::tuple(1), std::vector{2})));
}

TEST(gather, is_a_future_that_wait_takes) {
  promise<int> a;
  const promise<int> b;
  const std::vector<any_future> two = any_futures(gather(a.get_future()), b.get_future());
  a.set_value(1);
  const auto [done, pending] = sync_wait(wait(two, {.return_when = first_completed}));
  EXPECT_EQ(done, std::vector{two[0]});
}

TEST(gather, a_hundred_thousand_deep_completes_without_recursion) {
  promise<int> p;
  any_future inmost = p.get_future();
  for (int i = 0; i < 100'000; ++i) inmost = gather(std::vector{std::move(inmost)});
  p.set_value(1);
  EXPECT_TRUE(inmost.done());
}

TEST(gather, a_hundred_thousand_deep_fails_without_recursion) {
  promise<int> p;
  any_future inmost = p.get_future();
  for (int i = 0; i < 100'000; ++i) inmost = gather(std::vector{std::move(inmost)});
  p.set_exception(std::make_exception_ptr(std::runtime_error("deep")));
  EXPECT_EQ(message_in<std::runtime_error>(inmost.exception()), "deep");
}

TEST(gather, races_threads_that_complete_and_fail) {
  for (int round = 0; round < 200; ++round) {
    std::vector<promise<int>> ps(16);
    std::vector<future<int>> fs;
    for (const auto& p : ps) fs.push_back(p.get_future());
    auto all = gather(fs);
    auto outcomes = gather({.return_exceptions = true}, std::move(fs));
    std::vector<std::thread> completers;
    for (std::size_t t = 0; t < 4; ++t) {
      completers.emplace_back([&ps, t] {
        for (auto i = t; i < 16; i += 4) {
          if (i == 9)
            ps[i].set_exception(std::make_exception_ptr(std::runtime_error("nine")));
          else
            ps[i].set_value(static_cast<int>(i));
        }
      });
    }
    EXPECT_EQ(message_in<std::runtime_error>(all.exception()), "nine");
    const auto ends = std::move(outcomes).result();
    for (std::size_t i = 0; i < 16; ++i) EXPECT_EQ(ends[i].has_value(), i != 9);
    for (auto& completer : completers) completer.join();
  }
}

}  // namespace
}  // namespace plait
