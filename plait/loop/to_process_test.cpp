// to_process and the loop's default process pool: made when first needed, shut down.
#include <plait/loop/event_loop.hpp>
#include <plait/loop/run.hpp>
#include <plait/loop/sync_wait.hpp>
#include <plait/loop/to_process.hpp>
#include <plait/loop/to_thread.hpp>
#include <plait/processes/process_pool_executor.hpp>

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <tests/support/expect_throw.hpp>
#include <tests/support/portable_gate.hpp>
#include <tests/support/recorded_reports.hpp>
#include <unistd.h>

namespace plait {
namespace {

using namespace std::chrono_literals;
using test_support::message_of;
using test_support::pass_gate;
using test_support::portable_gate;
using test_support::recorded_reports;

std::string name_of_this_process() {
  char name[16] = {};
  prctl(PR_GET_NAME, name);
  return name;
}

pid_t this_pid() { return getpid(); }

task<std::string> names_processes() {
  auto first = co_await to_process(name_of_this_process);
  const auto second = co_await to_process(name_of_this_process);
  co_return first + " " + second;
}

TEST(to_process, runs_the_call_in_a_process_of_the_default_pool) {
  EXPECT_EQ(run(names_processes()), "plait_0 plait_0");
}

task<pid_t> asks_for_the_pid() { co_return co_await to_process(this_pid); }

TEST(to_process, leaves_this_process) { EXPECT_NE(run(asks_for_the_pid()), getpid()); }

task<std::string> passes_arguments_there() {
  auto given = std::make_unique<int>(3);
  const auto add = [](std::unique_ptr<int> a, const std::vector<int>& b, const std::string& c) {
    return c + std::to_string(*a + b.at(1));
  };
  const std::vector<int> numbers{1, 2};
  auto sum = co_await to_process(add, std::move(given), numbers, std::string("sum: "));
  co_return sum;
}

TEST(to_process, passes_arguments) { EXPECT_EQ(run(passes_arguments_there()), "sum: 5"); }

void fails_there() { throw std::out_of_range("there"); }

task<void> awaits_failure_there() { co_await to_process(fails_there); }

TEST(to_process, throws_what_the_call_threw) {
  EXPECT_EQ(message_of<std::out_of_range>([] { run(awaits_failure_there()); }), "there");
}

void leaves() { _exit(0); }

task<std::string> survives_a_death() {
  const auto lost = to_process(leaves);
  bool died = false;
  try {
    co_await lost;
  } catch (const worker_died&) {
    died = true;
  }
  auto name = co_await to_process(name_of_this_process);
  co_return (died ? "died, then " : "went on, then ") + name;
}

TEST(to_process, that_kills_its_worker_leaves_the_pool_alive) {
  EXPECT_TRUE(run(survives_a_death()).starts_with("died, then plait_"));
}

TEST(to_process, without_a_running_loop_is_an_error) {
  EXPECT_EQ(message_of<no_running_loop_error>([] { static_cast<void>(to_process(fails_there)); }),
            "plait: get_running_loop() needs an event loop that runs on this thread; from plain code use "
            "plait::run(task) or plait::sync_wait(awaitable)");
}

TEST(default_process_pool, is_one_for_the_loop_and_starts_nothing_by_itself) {
  event_loop loop;
  auto& pool = loop.default_process_pool();
  EXPECT_EQ(&pool, &loop.default_process_pool());
  EXPECT_EQ(pool.workers(), 0);
  EXPECT_EQ(loop.run_until_complete(pool.submit(name_of_this_process)), "plait_0");
}

TEST(default_process_pool, is_not_the_default_executor) {
  event_loop loop;
  EXPECT_NE(static_cast<executor*>(&loop.default_process_pool()), &loop.default_executor());
  EXPECT_TRUE(loop.shutdown_default_executor().result());
  EXPECT_NE(loop.run_until_complete(loop.default_process_pool().submit(this_pid)), getpid());
}

task<std::string> shuts_down(const portable_gate* held) {
  auto& loop = get_running_loop();
  const auto running = to_process(pass_gate, held->path());
  held->wait_for(1);
  const auto early = loop.shutdown_default_process_pool(0s);
  const bool ended_at_once = co_await early;
  const auto ended = loop.shutdown_default_process_pool();
  held->let_through(1);
  const bool ended_later = co_await ended;
  co_await running;
  auto what = message_of<shut_down_error>([&] { static_cast<void>(to_process(name_of_this_process)); });
  co_return std::to_string(ended_at_once) + std::to_string(ended_later) + " " + what;
}

TEST(default_process_pool, shut_down_finishes_its_calls_and_takes_no_more) {
  const portable_gate held;
  EXPECT_EQ(run(shuts_down(&held)), "01 plait: the event loop's default process pool was shut down");
}

TEST(default_process_pool, never_used_is_shut_down_at_once) {
  event_loop loop;
  EXPECT_TRUE(loop.shutdown_default_process_pool().result());
  EXPECT_THROW(static_cast<void>(loop.default_process_pool()), shut_down_error);
}

TEST(default_process_pool, refuses_a_timeout_below_zero) {
  event_loop loop;
  EXPECT_EQ(message_of<std::invalid_argument>([&] { static_cast<void>(loop.shutdown_default_process_pool(-1s)); }),
            "plait: timeout is -1 s; expected 0 or more");
  EXPECT_NO_THROW(static_cast<void>(loop.default_process_pool()));  // and shuts nothing down
}

TEST(default_process_pool, of_a_closed_loop_is_an_error) {
  event_loop loop;
  loop.close();
  EXPECT_THROW(static_cast<void>(loop.default_process_pool()), loop_closed_error);
  EXPECT_THROW(static_cast<void>(loop.shutdown_default_process_pool()), loop_closed_error);
}

// run() gives the calls 10 s: the pool is awake before that begins.
task<std::vector<future<std::string>>> leaves_calls() {
  static_cast<void>(co_await to_process(this_pid));
  std::vector<future<std::string>> calls;
  for (int i = 0; i < 100; ++i) calls.push_back(to_process(name_of_this_process));
  co_return calls;
}

TEST(default_process_pool, of_run_finishes_its_calls) {
  const recorded_reports reports;
  for (const auto& call : run(leaves_calls())) EXPECT_TRUE(call.done() && call.result().starts_with("plait_"));
  EXPECT_EQ(recorded_reports::text(), "");
}

TEST(default_process_pool, is_shut_down_with_its_loop_and_what_waits_is_cancelled) {
  const portable_gate held;
  std::vector<future<void>> running;
  future<std::string> waiting;
  {
    event_loop loop;
    auto& pool = loop.default_process_pool();
    for (int i = 0; i < pool.max_workers(); ++i) running.push_back(pool.submit(pass_gate, held.path()));
    held.wait_for(pool.max_workers());
    waiting = pool.submit(name_of_this_process);
    // Cancelled before the loop waits for the others.
    waiting.add_done_callback([&](const auto&) { held.let_through(pool.max_workers()); });
  }
  EXPECT_TRUE(waiting.cancelled());
  for (const auto& call : running) EXPECT_EQ(call.status(), call_status::finished);
}

// ── a pool of processes as the loop's default executor ──

std::string with_name_of_this_process(const std::string& text, int n) {
  return text + std::to_string(n) + " in " + name_of_this_process();
}

task<std::vector<std::string>> calls_by_default() {
  auto& loop = get_running_loop();
  loop.set_default_executor(std::make_shared<process_pool_executor>(
      process_pool_options{.max_workers = 1, .worker_name_prefix = "default"}));
  std::vector<std::string> names;
  names.push_back(co_await to_thread(name_of_this_process));
  names.push_back(co_await to_thread(with_name_of_this_process, std::string("to_thread "), 1));
  names.push_back(co_await loop.run_in_executor(with_name_of_this_process, std::string("run_in_executor "), 2));
  co_return names;
}

TEST(default_executor, may_be_a_pool_of_processes) {
  const recorded_reports reports;
  EXPECT_EQ(run(calls_by_default()),
            (std::vector<std::string>{"default_0", "to_thread 1 in default_0", "run_in_executor 2 in default_0"}));
  EXPECT_EQ(recorded_reports::text(), "");
}

TEST(default_executor, of_processes_throws_what_the_call_threw_and_refuses_what_can_not_travel) {
  event_loop loop;
  loop.set_default_executor(std::make_shared<process_pool_executor>(process_pool_options{.max_workers = 1}));
  const auto failed = loop.run_in_executor(fails_there);
  EXPECT_EQ(message_of<std::out_of_range>([&] { loop.run_until_complete(failed); }), "there");
  int here = 0;
  const auto stays_here = loop.run_in_executor([&here] { ++here; });
  EXPECT_THROW(loop.run_until_complete(stays_here), not_portable);
  EXPECT_EQ(here, 0);
  EXPECT_NE(loop.run_until_complete(loop.run_in_executor(this_pid)), getpid());
}

TEST(default_executor, of_processes_that_was_replaced_finishes_its_calls) {
  const portable_gate held;
  event_loop loop;
  loop.set_default_executor(std::make_shared<process_pool_executor>(process_pool_options{.max_workers = 1}));
  const auto running = loop.run_in_executor(pass_gate, held.path());
  const auto waiting = loop.run_in_executor(this_pid);
  held.wait_for(1);
  loop.set_default_executor(std::make_shared<process_pool_executor>(process_pool_options{.max_workers = 1}));
  const pid_t second = loop.run_until_complete(loop.run_in_executor(this_pid));
  EXPECT_FALSE(running.done());
  held.let_through(1);
  loop.run_until_complete(running);
  EXPECT_NE(loop.run_until_complete(waiting), second);
}

// ── leaving ──

struct closed_inside {
  future<void> running;
  future<std::string> after;
};

// There nothing may block: what runs is killed.
task<closed_inside> closes_another(const portable_gate* held) {
  closed_inside calls;
  event_loop inner;
  calls.running = inner.default_process_pool().submit({.name = "held"}, pass_gate, held->path());
  held->wait_for(1);
  inner.close();
  calls.after = to_process(name_of_this_process);
  co_return calls;
}

TEST(default_process_pool, of_a_loop_that_is_closed_inside_another_is_killed) {
  const recorded_reports reports;
  const portable_gate held;
  const auto calls = run(closes_another(&held));
  EXPECT_EQ(message_of<cancelled_error>([&] { calls.running.result(); }), "cancelled");
  EXPECT_TRUE(calls.after.result().starts_with("plait_"));
  const auto reported = recorded_reports::text();
  EXPECT_NE(reported.find("plait_0 (\"held\")"), std::string::npos) << reported;
}

}  // namespace
}  // namespace plait
