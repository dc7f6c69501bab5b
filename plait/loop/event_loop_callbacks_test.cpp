// call_soon, call_later, call_at, call_soon_threadsafe: order, once, cancelled, reported, refused.
#include <plait/loop/event_loop.hpp>

#include <chrono>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <tests/support/expect_throw.hpp>
#include <tests/support/gate.hpp>
#include <tests/support/recorded_reports.hpp>
#include <tests/support/turns.hpp>
#include <tests/support/witness.hpp>

namespace plait {
namespace {

using namespace std::chrono_literals;
using test_support::gate;
using test_support::ledger;
using test_support::message_of;
using test_support::pass;
using test_support::recorded_reports;
using test_support::witness;

TEST(event_loop_callbacks, are_called_in_order_each_once) {
  event_loop loop;
  std::vector<int> seen;
  for (int i = 0; i < 5; ++i) loop.call_soon([&seen, i] { seen.push_back(i); });
  pass(loop);
  pass(loop);
  EXPECT_EQ(seen, (std::vector<int>{0, 1, 2, 3, 4}));
}

TEST(event_loop_callbacks, get_their_arguments_also_those_that_can_only_be_moved) {
  event_loop loop;
  std::string seen;
  loop.call_soon([&seen](std::unique_ptr<int> n, const std::string& text) { seen = text + std::to_string(*n); },
                 std::make_unique<int>(4), "n = ");
  pass(loop);
  EXPECT_EQ(seen, "n = 4");
}

TEST(event_loop_callbacks, that_are_added_in_a_pass_run_in_the_next) {
  event_loop loop;
  std::vector<std::string> seen;
  loop.call_soon([&] {
    loop.call_soon([&] { seen.emplace_back("added"); });
    loop.call_later(0s, [&] { seen.emplace_back("added by time"); });
    seen.emplace_back("first");
  });
  loop.call_soon([&] { seen.emplace_back("second"); });
  pass(loop);
  EXPECT_EQ(seen, (std::vector<std::string>{"first", "second"}));
  pass(loop);
  EXPECT_EQ(seen, (std::vector<std::string>{"first", "second", "added", "added by time"}));
}

TEST(event_loop_callbacks, with_a_time_come_in_its_order_and_equal_times_in_the_order_added) {
  event_loop loop;
  const auto t = loop.time() - 1h;
  std::vector<int> seen;
  const auto add = [&](time_point when, int n) { loop.call_at(when, [&seen, n] { seen.push_back(n); }); };
  add(t + 2ns, 20);
  add(t + 1ns, 10);
  for (int i = 0; i < 50; ++i) add(t + 3ns, 30 + i);
  add(t, 0);
  pass(loop);
  std::vector<int> wanted{0, 10, 20};
  for (int i = 0; i < 50; ++i) wanted.push_back(30 + i);
  EXPECT_EQ(seen, wanted);
}

TEST(event_loop_callbacks, with_a_delay_wait_for_it) {
  event_loop loop;
  const auto begin = loop.time();
  time_point called;
  loop.call_later(2ms, [&] {
    called = loop.time();
    loop.stop();
  });
  loop.run_forever();
  EXPECT_GE(called, begin + 2ms);
}

TEST(event_loop_callbacks, with_a_delay_beyond_all_time_never_come) {
  event_loop loop;
  bool called = false;
  const auto never = loop.call_later(std::chrono::hours::max(), [&] { called = true; });
  const auto infinite =
      loop.call_later(std::chrono::duration<double>(std::numeric_limits<double>::infinity()), [&] { called = true; });
  pass(loop);
  EXPECT_FALSE(called);
  EXPECT_EQ(never.when(), time_point::max());
  EXPECT_EQ(infinite.when(), time_point::max());
}

TEST(event_loop_callbacks, refuse_negative_delays_and_delays_that_are_no_number) {
  event_loop loop;
  const auto later = [&loop](auto delay) { loop.call_later(delay, [] {}); };
  EXPECT_EQ(message_of<std::invalid_argument>([&] { later(-1s); }), "plait: delay is -1 s; expected 0 or more");
  EXPECT_EQ(message_of<std::invalid_argument>([&] { later(-1ns); }), "plait: delay is -1e-09 s; expected 0 or more");
  EXPECT_EQ(message_of<std::invalid_argument>([&] { later(std::chrono::duration<double, std::milli>(-500)); }),
            "plait: delay is -0.5 s; expected 0 or more");
  EXPECT_EQ(message_of<std::invalid_argument>(
                [&] { later(std::chrono::duration<double>(std::numeric_limits<double>::quiet_NaN())); }),
            "plait: delay is nan s; expected 0 or more");
}

TEST(event_loop_callbacks, cancelled_are_not_called) {
  event_loop loop;
  int called = 0;
  const auto soon = loop.call_soon([&] { ++called; });
  const auto later = loop.call_later(0s, [&] { ++called; });
  const auto threadsafe = loop.call_soon_threadsafe([&] { ++called; });
  for (const auto& handle : {soon, later, threadsafe}) {
    EXPECT_FALSE(handle.cancelled());
    handle.cancel();
    handle.cancel();
    EXPECT_TRUE(handle.cancelled());
  }
  pass(loop);
  EXPECT_EQ(called, 0);
}

TEST(event_loop_callbacks, cancelled_by_one_of_the_same_pass_are_not_called) {
  event_loop loop;
  int called = 0;
  callback_handle soon;
  callback_handle due;
  loop.call_soon([&] {
    soon.cancel();
    due.cancel();
  });
  soon = loop.call_soon([&] { ++called; });
  due = loop.call_at(loop.time(), [&] { ++called; });
  pass(loop);
  EXPECT_EQ(called, 0);
}

TEST(event_loop_callbacks, may_cancel_themselves) {
  event_loop loop;
  int called = 0;
  callback_handle self;
  self = loop.call_later(0s, [&] {
    self.cancel();
    ++called;
  });
  pass(loop);
  pass(loop);
  EXPECT_EQ(called, 1);
}

TEST(event_loop_callbacks, cancelled_on_the_loop_free_at_once_what_they_hold) {
  event_loop loop;
  ledger seen;
  loop.call_soon([&] {
    loop.call_later(1h, [held = witness(seen)] {}).cancel();
    EXPECT_EQ(seen.alive, 0);
  });
  pass(loop);
  EXPECT_EQ(seen.made, 1);
}

TEST(event_loop_callbacks, cancelled_from_another_thread_are_not_called) {
  event_loop loop;
  int called = 0;
  for (int i = 0; i < 100; ++i) {
    const auto due = loop.call_later(std::chrono::microseconds(i), [&] { ++called; });
    const auto never = loop.call_later(1h, [&] { ++called; });
    std::thread elsewhere([&] {
      never.cancel();
      due.cancel();
      loop.call_soon_threadsafe([&] { loop.stop(); });
    });
    loop.run_forever();
    elsewhere.join();
    const int called_by_now = called;
    loop.call_later(std::chrono::microseconds(100), [&] { loop.stop(); });
    loop.run_forever();
    EXPECT_EQ(called, called_by_now);
  }
  EXPECT_LE(called, 100);
}

TEST(event_loop_callbacks, from_many_threads_wake_a_loop_that_sleeps_and_each_thread_keeps_its_order) {
  constexpr int threads = 4;
  constexpr int calls = 2'000;
  event_loop loop;
  std::vector<std::vector<int>> seen(threads);
  int total = 0;
  std::vector<std::thread> callers;
  for (int t = 0; t < threads; ++t) {
    callers.emplace_back([&, t] {
      for (int i = 0; i < calls; ++i) {
        loop.call_soon_threadsafe([&, t, i] {
          seen[static_cast<std::size_t>(t)].push_back(i);
          if (++total == threads * calls) loop.stop();
        });
      }
    });
  }
  loop.run_forever();
  for (auto& caller : callers) caller.join();
  for (const auto& of_thread : seen) {
    ASSERT_EQ(of_thread.size(), static_cast<std::size_t>(calls));
    for (int i = 0; i < calls; ++i) EXPECT_EQ(of_thread[static_cast<std::size_t>(i)], i);
  }
}

TEST(event_loop_callbacks, that_throw_are_reported_and_the_others_run) {
  const recorded_reports reports;
  event_loop loop;
  bool second = false;
  loop.call_soon([] { throw std::runtime_error("oh"); });
  loop.call_soon([] { throw 3; });
  loop.call_soon([&] { second = true; });
  pass(loop);
  EXPECT_TRUE(second);
  EXPECT_EQ(recorded_reports::text(),
            "a callback of the event loop threw std::runtime_error: oh\n"
            "a callback of the event loop threw an exception that is no std::exception\n");
}

TEST(event_loop_callbacks, tell_when_they_are_due) {
  event_loop loop;
  const auto when = loop.time() + 1h;
  EXPECT_EQ(loop.call_at(when, [] {}).when(), when);
  EXPECT_EQ(loop.call_soon([] {}).when(), time_point());
  EXPECT_EQ(callback_handle().when(), time_point());
  EXPECT_FALSE(callback_handle().cancelled());
}

}  // namespace
}  // namespace plait
