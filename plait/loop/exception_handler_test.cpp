// What a loop can throw at nobody reaches its exception handler.
#include <plait/core/promise.hpp>
#include <plait/loop/event_loop.hpp>
#include <plait/loop/settled.hpp>
#include <plait/loop/wait.hpp>

#include <csignal>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <tests/support/expect_throw.hpp>
#include <tests/support/gate.hpp>
#include <tests/support/pipe.hpp>
#include <tests/support/recorded_reports.hpp>
#include <tests/support/tasks.hpp>
#include <tests/support/turns.hpp>

namespace plait {
namespace {

using namespace std::chrono_literals;
using test_support::fails;
using test_support::message_in;
using test_support::pass;
using test_support::recorded_reports;
using test_support::sleeps;

struct told {
  std::string message, error, task;
  unsigned line;
};

/// Has the loop's handler note what it is told.
void note(event_loop& loop, std::vector<told>& seen) {
  loop.set_exception_handler([&](event_loop&, const exception_context& context) {
    seen.push_back({std::string(context.message), message_in<std::runtime_error>(context.exception),
                    std::string(context.task_name), context.created_at.line()});
  });
}

TEST(exception_handler, hears_what_callbacks_throw) {
  const recorded_reports reports;
  event_loop loop;
  std::vector<told> seen;
  note(loop, seen);
  loop.call_soon([] { throw std::runtime_error("oh"); });
  pass(loop);
  ASSERT_EQ(seen.size(), 1U);
  EXPECT_EQ(seen[0].message, "a callback of the event loop threw");
  EXPECT_EQ(seen[0].error, "oh");
  EXPECT_EQ(recorded_reports::text(), "");
}

TEST(exception_handler, hears_what_done_callbacks_throw_on_its_thread) {
  event_loop loop;
  std::vector<told> seen;
  note(loop, seen);
  promise<int> work;
  work.get_future().add_done_callback([](const future<int>&) { throw std::runtime_error("no space"); });
  loop.call_soon([&] { work.set_value(1); });
  pass(loop);
  ASSERT_EQ(seen.size(), 1U);
  EXPECT_EQ(seen[0].message, "a done callback threw");
}

TEST(exception_handler, knows_the_loop) {
  event_loop loop;
  event_loop* given = nullptr;
  loop.set_exception_handler([&](event_loop& of, const exception_context&) { given = &of; });
  loop.call_exception_handler({.message = "a test speaks"});
  EXPECT_EQ(given, &loop);
}

TEST(exception_handler, that_throws_falls_back_to_the_default_and_both_are_told) {
  const recorded_reports reports;
  event_loop loop;
  loop.set_exception_handler(
      [](event_loop&, const exception_context&) { throw std::runtime_error("of the handler"); });
  loop.call_soon([] { throw std::runtime_error("oh"); });
  pass(loop);
  EXPECT_EQ(recorded_reports::text(),
            "a callback of the event loop threw std::runtime_error: oh\n"
            "the event loop's exception handler threw std::runtime_error: of the handler\n");
}

TEST(exception_handler, may_set_another_one) {
  event_loop loop;
  std::vector<told> seen;
  loop.set_exception_handler([&](event_loop& of, const exception_context& context) {
    note(of, seen);
    of.call_exception_handler(context);
  });
  loop.call_exception_handler({.message = "a test speaks"});
  ASSERT_EQ(seen.size(), 1U);
}

TEST(exception_handler, null_is_the_default) {
  const recorded_reports reports;
  event_loop loop;
  std::vector<told> seen;
  note(loop, seen);
  loop.set_exception_handler(nullptr);
  loop.call_exception_handler({.message = "a test speaks"});
  EXPECT_EQ(recorded_reports::text(), "a test speaks\n");
}

TEST(exception_nobody_retrieved, is_told_once_when_the_task_ends_without_a_handle) {
  event_loop loop;
  std::vector<told> seen;
  note(loop, seen);
  static_cast<void>(loop.create_task(fails(), "lonely"));
  const unsigned line = __LINE__ - 1;
  for (int i = 0; i < 5; ++i) pass(loop);
  ASSERT_EQ(seen.size(), 1U);
  EXPECT_EQ(seen[0].message, "nobody asked for the result of the task \"lonely\", which threw");
  EXPECT_EQ(seen[0].error, "of the task");
  EXPECT_EQ(seen[0].task, "lonely");
  EXPECT_EQ(seen[0].line, line);
}

TEST(exception_nobody_retrieved, is_told_when_the_last_handle_goes) {
  event_loop loop;
  std::vector<told> seen;
  note(loop, seen);
  std::optional handle = loop.create_task(fails());
  auto copy = handle;
  while (!handle->done()) pass(loop);
  handle.reset();
  pass(loop);
  EXPECT_TRUE(seen.empty());
  copy.reset();
  pass(loop);
  EXPECT_EQ(seen.size(), 1U);
}

TEST(exception_nobody_retrieved, that_another_thread_drops_is_told_on_the_loops_thread) {
  event_loop loop;
  std::vector<told> seen;
  note(loop, seen);
  std::optional handle = loop.create_task(fails(), "dropped elsewhere");
  while (!handle->done()) pass(loop);
  std::thread([&] { handle.reset(); }).join();
  EXPECT_TRUE(seen.empty());
  pass(loop);
  ASSERT_EQ(seen.size(), 1U);
  EXPECT_EQ(seen[0].task, "dropped elsewhere");
}

TEST(exception_nobody_retrieved, after_the_loop_is_gone_is_reported_by_default) {
  const recorded_reports reports;
  std::optional<task_handle<void>> handle;
  {
    event_loop loop;
    handle = loop.create_task(fails(), "late");
    while (!handle->done()) pass(loop);
  }
  handle.reset();
  EXPECT_EQ(recorded_reports::text(),
            "nobody asked for the result of the task \"late\", which threw std::runtime_error: of the task\n");
}

TEST(exception_nobody_retrieved, and_that_is_on_its_way_when_the_loop_closes_is_told) {
  std::vector<told> seen;
  {
    event_loop loop;
    note(loop, seen);
    std::optional handle = loop.create_task(fails(), "late");
    while (!handle->done()) pass(loop);
    handle.reset();
  }
  ASSERT_EQ(seen.size(), 1U);
  EXPECT_EQ(seen[0].task, "late");
}

task<void> awaits(task_handle<void> other, bool* caught) {
  try {
    co_await other;
  } catch (const std::runtime_error&) {
    *caught = true;
  }
}

TEST(exception_that_was_retrieved, by_any_handle_is_not_told) {
  const recorded_reports reports;
  event_loop loop;
  bool caught = false;
  loop.run_until_complete(awaits(loop.create_task(fails()), &caught));
  EXPECT_TRUE(caught);
  {
    const auto asked = loop.create_task(fails());
    while (!asked.done()) pass(loop);
    EXPECT_TRUE(asked.exception());
  }
  {
    const auto asked = loop.create_task(fails());
    while (!asked.done()) pass(loop);
    EXPECT_THROW(asked.result(), std::runtime_error);
  }
  EXPECT_THROW(loop.run_until_complete(fails()), std::runtime_error);
  loop.close();
  EXPECT_EQ(recorded_reports::text(), "");
}

task<bool> settles(task_handle<void> other) {
  const auto how = co_await settled(other);
  co_return how.has_value();
}

TEST(exception_that_was_retrieved, as_an_outcome_is_not_told) {
  const recorded_reports reports;
  event_loop loop;
  EXPECT_FALSE(loop.run_until_complete(settles(loop.create_task(fails()))));
  loop.close();
  EXPECT_EQ(recorded_reports::text(), "");
}

task<void> only_waits(task_handle<void> other) {
  const std::vector all{other};
  other = {};
  static_cast<void>(co_await wait(all));
}

TEST(exception_nobody_retrieved, by_a_wait_alone_is_told) {
  event_loop loop;
  std::vector<told> seen;
  note(loop, seen);
  loop.run_until_complete(only_waits(loop.create_task(fails(), "waited for")));
  pass(loop);
  ASSERT_EQ(seen.size(), 1U);
  EXPECT_EQ(seen[0].task, "waited for");
}

TEST(exception_nobody_retrieved, is_not_what_a_cancelled_task_ends_with) {
  const recorded_reports reports;
  {
    event_loop loop;
    static_cast<void>(loop.create_task(sleeps()));
    pass(loop);
  }
  EXPECT_EQ(recorded_reports::text(), "");
}

TEST(exception_handler, hears_what_readers_and_handlers_of_signals_throw) {
  const test_support::pipe_ends pipe;
  event_loop loop;
  std::vector<told> seen;
  note(loop, seen);
  loop.add_reader(pipe.out(), [] { throw std::runtime_error("of a reader"); });
  loop.add_signal_handler(SIGUSR1, [] { throw std::runtime_error("of a handler"); });
  pipe.write("x");
  ::raise(SIGUSR1);
  while (seen.size() < 2) pass(loop);
  loop.remove_reader(pipe.out());
  std::set<std::string> errors;
  for (const auto& one : seen) errors.insert(one.error);
  EXPECT_EQ(errors, (std::set<std::string>{"of a handler", "of a reader"}));
}

}  // namespace
}  // namespace plait
