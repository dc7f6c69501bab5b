// to_thread and the loop's default executor: made when first needed, replaced, shut down.
#include <plait/core/promise.hpp>
#include <plait/core/thread_name.hpp>
#include <plait/loop/event_loop.hpp>
#include <plait/loop/run.hpp>
#include <plait/loop/sync_wait.hpp>
#include <plait/loop/to_thread.hpp>
#include <plait/threads/thread_pool_executor.hpp>

#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <tests/support/expect_throw.hpp>
#include <tests/support/gate.hpp>

namespace plait {
namespace {

using namespace std::chrono_literals;
using test_support::gate;
using test_support::message_of;

std::string name_of_this_thread() { return thread_name(); }

task<std::string> names_threads() {
  auto first = co_await to_thread(name_of_this_thread);
  const auto second = co_await to_thread(name_of_this_thread);
  co_return first + " " + second;
}

TEST(to_thread, runs_the_call_on_a_thread_of_the_default_executor) {
  EXPECT_EQ(run(names_threads()), "plait_0 plait_0");
}

task<int> passes_arguments() {
  auto given = std::make_unique<int>(3);
  const auto add = [](std::unique_ptr<int> a, int b) { return *a + b; };
  const int sum = co_await to_thread(add, std::move(given), 4);
  co_return sum;
}

TEST(to_thread, passes_arguments) { EXPECT_EQ(run(passes_arguments()), 7); }

void fails_in_thread() { throw std::runtime_error("there"); }

task<void> awaits_failure() { co_await to_thread(fails_in_thread); }

TEST(to_thread, throws_what_the_call_threw) {
  EXPECT_EQ(message_of<std::runtime_error>([] { run(awaits_failure()); }), "there");
}

TEST(to_thread, without_a_running_loop_is_an_error) {
  EXPECT_EQ(message_of<no_running_loop_error>([] { static_cast<void>(to_thread(fails_in_thread)); }),
            "plait: get_running_loop() needs an event loop that runs on this thread; from plain code use "
            "plait::run(task) or plait::sync_wait(awaitable)");
}

TEST(default_executor, is_one_for_the_loop) {
  event_loop loop;
  EXPECT_EQ(&loop.default_executor(), &loop.default_executor());
  EXPECT_EQ(loop.run_until_complete(loop.run_in_executor(name_of_this_thread)), "plait_0");
}

TEST(default_executor, may_be_another) {
  event_loop loop;
  const auto mine = std::make_shared<thread_pool_executor>(thread_pool_options{.thread_name_prefix = "mine"});
  loop.set_default_executor(mine);
  EXPECT_EQ(&loop.default_executor(), mine.get());
  EXPECT_EQ(loop.run_until_complete(loop.run_in_executor(name_of_this_thread)), "mine_0");
  loop.close();
  EXPECT_EQ(mine->submit(name_of_this_thread).result(), "mine_0");  // not the loop's to shut down
}

TEST(default_executor, given_is_not_asked_where_another_is_named) {
  event_loop loop;
  thread_pool_executor other(thread_pool_options{.thread_name_prefix = "other"});
  EXPECT_EQ(loop.run_until_complete(loop.run_in_executor(other, name_of_this_thread)), "other_0");
}

/// Any executor will do: this one runs nothing, and counts.
class counting_executor final : public executor {
 public:
  int accepted = 0;

 private:
  [[nodiscard]] int max_workers() const noexcept override { return 1; }
  void accept(detail::work_item&) override {
    ++accepted;
    throw shut_down_error("it only counts");
  }
  future<bool> begin_shutdown(shutdown_mode, nanoseconds) override {
    promise<bool> ended;
    ended.set_value(true);
    return ended.get_future();
  }
  [[nodiscard]] bool ended() const noexcept override { return true; }
  [[nodiscard]] bool on_own_worker() const noexcept override { return false; }
};

TEST(default_executor, may_be_of_any_kind) {
  event_loop loop;
  const auto counting = std::make_shared<counting_executor>();
  loop.set_default_executor(counting);
  EXPECT_EQ(message_of<shut_down_error>([&] { static_cast<void>(loop.run_in_executor(name_of_this_thread)); }),
            "it only counts");
  EXPECT_EQ(counting->accepted, 1);
}

TEST(default_executor, null_is_refused) {
  event_loop loop;
  EXPECT_EQ(message_of<std::invalid_argument>([&] { loop.set_default_executor(nullptr); }),
            "plait: chosen is null; expected an executor");
}

task<std::vector<std::string>> replaces_it(gate* release) {
  auto& loop = get_running_loop();
  loop.set_default_executor(
      std::make_shared<thread_pool_executor>(thread_pool_options{.max_workers = 1, .thread_name_prefix = "first"}));
  const auto hold = [](gate* until) {
    until->wait();
    return name_of_this_thread();
  };
  const auto running = loop.run_in_executor(hold, release);
  const auto waiting = loop.run_in_executor(name_of_this_thread);
  loop.set_default_executor(
      std::make_shared<thread_pool_executor>(thread_pool_options{.max_workers = 1, .thread_name_prefix = "second"}));
  const auto in_second = loop.run_in_executor(name_of_this_thread);
  std::vector<std::string> names;
  names.push_back(co_await in_second);
  release->open();
  names.push_back(co_await running);
  names.push_back(co_await waiting);
  co_return names;
}

TEST(default_executor, replaced_finishes_its_calls) {
  gate release;
  EXPECT_EQ(run(replaces_it(&release)), (std::vector<std::string>{"second_0", "first_0", "first_0"}));
}

task<std::string> shuts_down(gate* release) {
  auto& loop = get_running_loop();
  const auto hold = [](gate* until) {
    until->wait();
    return 1;
  };
  const auto running = loop.run_in_executor(hold, release);
  const auto early = loop.shutdown_default_executor(0s);
  const bool ended_at_once = co_await early;
  const auto ended = loop.shutdown_default_executor();
  release->open();
  const bool ended_later = co_await ended;
  const int result = co_await running;
  auto what = message_of<shut_down_error>([&] { static_cast<void>(loop.run_in_executor(name_of_this_thread)); });
  co_return std::to_string(ended_at_once) + std::to_string(ended_later) + std::to_string(result) + " " + what;
}

TEST(default_executor, shut_down_finishes_its_calls_and_takes_no_more) {
  gate release;
  EXPECT_EQ(run(shuts_down(&release)), "011 plait: the event loop's default executor was shut down");
}

TEST(default_executor, never_used_is_shut_down_at_once) {
  event_loop loop;
  EXPECT_TRUE(loop.shutdown_default_executor().result());
  EXPECT_THROW(static_cast<void>(loop.default_executor()), shut_down_error);
  loop.set_default_executor(std::make_shared<thread_pool_executor>());
  EXPECT_NO_THROW(static_cast<void>(loop.default_executor()));
}

TEST(default_executor, refuses_a_timeout_below_zero) {
  event_loop loop;
  EXPECT_EQ(message_of<std::invalid_argument>([&] { static_cast<void>(loop.shutdown_default_executor(-1s)); }),
            "plait: timeout is -1 s; expected 0 or more");
  EXPECT_NO_THROW(static_cast<void>(loop.default_executor()));  // and shuts nothing down
}

TEST(default_executor, is_shut_down_with_its_loop_and_what_waits_is_cancelled) {
  gate begun;
  gate release;
  future<void> running;
  future<std::string> waiting;
  {
    event_loop loop;
    loop.set_default_executor(std::make_shared<thread_pool_executor>(thread_pool_options{.max_workers = 1}));
    const auto hold = [&] {
      begun.open();
      release.wait();
    };
    running = loop.run_in_executor(hold);
    begun.wait();
    waiting = loop.run_in_executor(name_of_this_thread);
    waiting.add_done_callback([&](const auto&) { release.open(); });  // cancelled before it waits for the other
  }
  EXPECT_TRUE(waiting.cancelled());
  EXPECT_EQ(running.status(), call_status::finished);
}

}  // namespace
}  // namespace plait
