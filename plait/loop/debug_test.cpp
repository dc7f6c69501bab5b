// Debug mode: slow steps, tasks that never run, calls from a wrong thread.
#include <plait/core/internal/printable.hpp>
#include <plait/loop/event_loop.hpp>
#include <plait/loop/sync_wait.hpp>

#include <stdexcept>
#include <string>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <tests/support/expect_throw.hpp>
#include <tests/support/gate.hpp>
#include <tests/support/recorded_reports.hpp>
#include <tests/support/tasks.hpp>
#include <tests/support/turns.hpp>

namespace plait {
namespace {

using namespace std::chrono_literals;
using test_support::message_of;
using test_support::number_later;
using test_support::pass;
using test_support::recorded_reports;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

/// The lines that are about `what`.
int lines_about(const std::string& what) {
  int count = 0;
  for (const auto& entry : recorded_reports::take()) count += entry.text.starts_with(what);
  return count;
}

TEST(debug_mode, is_off_until_it_is_set) {
  event_loop loop;
  EXPECT_FALSE(loop.get_debug());
  loop.set_debug(true);
  EXPECT_TRUE(loop.get_debug());
  loop.set_debug(false);
  EXPECT_FALSE(loop.get_debug());
}

TEST(debug_mode, has_a_duration_from_which_a_step_is_slow) {
  event_loop loop;
  EXPECT_EQ(loop.slow_callback_duration(), 100ms);
  loop.set_slow_callback_duration(2s);
  EXPECT_EQ(loop.slow_callback_duration(), 2s);
  EXPECT_EQ(message_of<std::invalid_argument>([&] { loop.set_slow_callback_duration(-1s); }),
            "plait: slow_callback_duration is -1 s; expected 0 or more");
}

TEST(debug_mode, tells_of_each_slow_step_of_a_task_and_where_it_was_created) {
  const recorded_reports reports;
  event_loop loop;
  loop.set_debug(true);
  loop.set_slow_callback_duration(0s);
  const auto handle = loop.create_task(number_later(3), "slow one");
  const unsigned line = __LINE__ - 1;
  while (!handle.done()) pass(loop);
  const auto told = recorded_reports::take();
  ASSERT_EQ(told.size(), 2U) << "before the sleep and after it";
  for (const auto& one : told) {
    EXPECT_EQ(one.level, severity::warning);
    EXPECT_THAT(
        one.text,
        StartsWith("a step of the task \"slow one\", created at debug_test.cpp:" + std::to_string(line) + " ("));
    EXPECT_THAT(one.text, HasSubstr("run_in_executor"));
  }
}

TEST(debug_mode, tells_of_slow_callbacks) {
  const recorded_reports reports;
  event_loop loop;
  loop.set_debug(true);
  loop.set_slow_callback_duration(0s);
  loop.call_soon([] {});
  loop.call_later(0s, [] {});
  pass(loop);
  EXPECT_EQ(lines_about("a callback of the event loop took "), 2);
}

TEST(debug_mode, does_not_tell_of_steps_that_are_quick_enough) {
  const recorded_reports reports;
  event_loop loop;
  loop.set_debug(true);
  loop.set_slow_callback_duration(1h);
  EXPECT_EQ(loop.run_until_complete(number_later(3)), 3);
  EXPECT_EQ(recorded_reports::text(), "");
}

TEST(debug_mode, off_nothing_is_slow) {
  const recorded_reports reports;
  event_loop loop;
  loop.set_slow_callback_duration(0s);
  EXPECT_EQ(loop.run_until_complete(number_later(3)), 3);
  EXPECT_EQ(recorded_reports::text(), "");
}

TEST(debug_mode, knows_where_the_main_task_came_from) {
  const recorded_reports reports;
  event_loop loop;
  loop.set_debug(true);
  loop.set_slow_callback_duration(0s);
  loop.run_until_complete(number_later(3));
  EXPECT_THAT(recorded_reports::text(), HasSubstr("created at debug_test.cpp:" + std::to_string(__LINE__ - 1)));
}

task<int> ends_in_its_first_step() { co_return 1; }

TEST(debug_mode, tells_of_a_task_that_ends_with_the_slow_step) {
  const recorded_reports reports;
  event_loop loop;
  loop.set_debug(true);
  loop.set_slow_callback_duration(0s);
  static_cast<void>(loop.create_task(ends_in_its_first_step(), "short"));
  pass(loop);
  EXPECT_EQ(lines_about("a step of the task \"short\""), 1);
}

TEST(debug_mode, tells_of_a_task_that_is_dropped_and_never_ran) {
  const recorded_reports reports;
  event_loop loop;
  loop.set_debug(true);
  {
    const auto never = number_later(3);
  }
  const auto text = recorded_reports::text();
  EXPECT_THAT(text, StartsWith("a task of "));
  EXPECT_THAT(text, HasSubstr("number_later(int)"));
  EXPECT_THAT(text, HasSubstr("was dropped and has never run: co_await it, or give it to create_task\n"));
}

TEST(debug_mode, says_nothing_of_tasks_that_ran) {
  const recorded_reports reports;
  event_loop loop;
  loop.set_debug(true);
  const auto outer = []() -> task<int> {
    const int n = co_await number_later(4);
    auto moved = number_later(5);
    auto to = std::move(moved);
    co_return n + co_await std::move(to);
  };
  EXPECT_EQ(loop.run_until_complete(outer()), 9);
  loop.close();
  EXPECT_EQ(recorded_reports::text(), "");
}

TEST(debug_mode, off_dropped_tasks_are_nobodys_business) {
  const recorded_reports reports;
  event_loop loop;
  loop.set_debug(true);
  loop.set_debug(false);
  {
    const auto never = number_later(3);
  }
  EXPECT_EQ(recorded_reports::text(), "");
}

TEST(debug_mode, ends_with_its_loop) {
  const recorded_reports reports;
  {
    event_loop loop;
    loop.set_debug(true);
  }
  {
    const auto never = number_later(3);
  }
  EXPECT_EQ(recorded_reports::text(), "");
}

std::string refused(const char* call) {
  return "plait: " + std::string(call) +
         " of an event loop that runs on another thread; use call_soon_threadsafe there";
}

TEST(debug_mode, refuses_calls_from_a_wrong_thread) {
  const recorded_reports reports;
  event_loop loop;
  loop.set_debug(true);
  test_support::gate runs;
  std::thread elsewhere([&] {
    runs.wait();
    EXPECT_EQ(message_of<invalid_state_error>([&] { loop.call_soon([] {}); }), refused("call_soon"));
    EXPECT_EQ(message_of<invalid_state_error>([&] { loop.call_later(1h, [] {}); }), refused("call_later or call_at"));
    EXPECT_EQ(message_of<invalid_state_error>([&] { static_cast<void>(loop.create_task(number_later(1))); }),
              refused("create_task"));
    EXPECT_EQ(message_of<invalid_state_error>([&] { loop.stop(); }), refused("stop"));
    loop.call_soon_threadsafe([&] { loop.stop(); });
  });
  loop.call_soon([&] { runs.open(); });
  loop.run_forever();
  elsewhere.join();
}

TEST(debug_mode, lets_another_thread_prepare_a_loop_that_does_not_run) {
  event_loop loop;
  loop.set_debug(true);
  bool called = false;
  std::thread([&] { loop.call_soon([&] { called = true; }); }).join();
  pass(loop);
  EXPECT_TRUE(called);
}

TEST(printable, escapes_what_a_terminal_would_obey) {
  using detail::printable;
  EXPECT_EQ(printable("plain \"text\", ünï, 日本, 🙂"), "plain \"text\", ünï, 日本, 🙂");
  EXPECT_EQ(printable("a\nb\tc\rd\\e"), "a\\nb\\tc\\rd\\\\e");
  EXPECT_EQ(printable("\x1b[31m"), "\\x1b[31m");
  EXPECT_EQ(printable("\x7f"), "\\x7f");
  EXPECT_EQ(printable("\xc2\x9b"), "\\xc2\\x9b") << "a control character of two bytes";
  EXPECT_EQ(printable("\xe2\x80\xae"), "\\xe2\\x80\\xae") << "turns the direction of writing";
  EXPECT_EQ(printable("\xff\xc3"), "\\xff\\xc3") << "no UTF-8";
  EXPECT_EQ(printable("\xc0\xaf\xe0\x80\xaf\xed\xa0\x80"), "\\xc0\\xaf\\xe0\\x80\\xaf\\xed\\xa0\\x80");
  EXPECT_EQ(printable(std::string_view("\0", 1)), "\\x00");
  EXPECT_EQ(printable("abcdef", 3), "abc...");
}

}  // namespace
}  // namespace plait
