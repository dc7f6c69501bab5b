// What run does after the main task: how long it waits for calls in the default executors, and what it does about
// those that go on.
#include <plait/loop/event_loop.hpp>
#include <plait/loop/run.hpp>
#include <plait/loop/to_thread.hpp>
#include <plait/processes/process_pool_executor.hpp>
#include <plait/threads/thread_pool_executor.hpp>

#include <atomic>
#include <memory>
#include <stop_token>
#include <string>

#include <gtest/gtest.h>
#include <tests/support/gate.hpp>
#include <tests/support/portable_gate.hpp>
#include <tests/support/recorded_reports.hpp>

namespace plait {
namespace {

using namespace std::chrono_literals;
using detail::leave_loop;
using test_support::gate;
using test_support::pass_gate;
using test_support::portable_gate;
using test_support::recorded_reports;

std::shared_ptr<executor> one_thread() {
  return std::make_shared<thread_pool_executor>(thread_pool_options{.max_workers = 1});
}
std::shared_ptr<executor> one_process() {
  return std::make_shared<process_pool_executor>(process_pool_options{.max_workers = 1});
}

/// A call that goes on until it is released, whatever it is asked; it gives whether it was asked to stop.
struct held_call {
  gate begun;
  gate release;
  future<bool> result;

  explicit held_call(event_loop& loop) {
    result = loop.run_in_executor([this](const std::stop_token& stop) {
      begun.open();
      release.wait();
      return stop.stop_requested();
    });
    begun.wait();
  }
  held_call(const held_call&) = delete;
  held_call& operator=(const held_call&) = delete;
  ~held_call() {
    release.open();
    static_cast<void>(result.exception());  // which is done with the gates then
  }
};

const std::string threads_left_behind = "; they were asked to stop, and are left behind\n";

// ── threads ──

void leaves_threads_behind(nanoseconds time_to_finish, const std::string& seconds) {
  const recorded_reports reports;
  event_loop loop;
  loop.set_default_executor(one_thread());
  held_call call(loop);
  const auto waits = loop.run_in_executor([] {});
  leave_loop(loop, time_to_finish);
  EXPECT_TRUE(loop.is_closed());
  EXPECT_TRUE(waits.cancelled());
  EXPECT_FALSE(call.result.done());
  call.release.open();
  EXPECT_TRUE(call.result.result());
  EXPECT_EQ(recorded_reports::text(),
            "run: calls in the default executor are still running after " + seconds + threads_left_behind);
}

TEST(leave_loop, asks_calls_of_the_default_executor_that_go_on_and_leaves_them_behind) {
  leaves_threads_behind(0s, "0 s");
  leaves_threads_behind(1ms, "0.001 s");  // which are waited for
}

TEST(leave_loop, leaves_calls_behind_that_go_on_in_an_executor_that_was_the_default) {
  for (const auto time_to_finish : {nanoseconds::zero(), nanoseconds(1ms)}) {
    const recorded_reports reports;
    event_loop loop;
    loop.set_default_executor(one_thread());
    held_call call(loop);
    loop.set_default_executor(one_thread());
    leave_loop(loop, time_to_finish);
    EXPECT_TRUE(loop.is_closed());
    EXPECT_FALSE(call.result.done());
    call.release.open();
    EXPECT_TRUE(call.result.result());
    EXPECT_EQ(recorded_reports::text(), std::string("run: calls in the default executor are still running after ") +
                                            (time_to_finish == 0s ? "0 s" : "0.001 s") + threads_left_behind);
  }
}

TEST(leave_loop, lets_every_executor_that_was_the_default_finish_its_calls) {
  const recorded_reports reports;
  std::atomic<int> done = 0;
  event_loop loop;
  for (int i = 0; i < 3; ++i) {
    loop.set_default_executor(one_thread());
    for (int j = 0; j < 100; ++j) static_cast<void>(loop.run_in_executor([&done] { ++done; }));
  }
  leave_loop(loop, 1h);
  EXPECT_EQ(done, 300);
  EXPECT_EQ(recorded_reports::text(), "");
}

// The call ends in a turn of the loop that comes while it is waited for.
TEST(leave_loop, runs_the_loop_while_it_waits) {
  const recorded_reports reports;
  event_loop loop;
  loop.set_default_executor(one_thread());
  held_call call(loop);
  loop.set_default_executor(one_thread());
  loop.call_soon([&] { loop.call_soon([&] { call.release.open(); }); });
  leave_loop(loop, 1h);
  EXPECT_FALSE(call.result.result());  // not asked to stop
  EXPECT_EQ(recorded_reports::text(), "");
}

TEST(leave_loop, takes_no_more_calls_while_it_waits) {
  event_loop loop;
  loop.set_default_executor(one_thread());
  held_call call(loop);
  bool refused = false;
  loop.call_soon([&] {
    try {
      static_cast<void>(loop.run_in_executor([] {}));
    } catch (const shut_down_error&) {
      refused = true;
    }
    call.release.open();
  });
  leave_loop(loop, 1h);
  EXPECT_TRUE(refused);
}

// ── an executor that somebody else owns too ──

TEST(leave_loop, neither_waits_for_nor_stops_an_executor_that_somebody_else_owns) {
  const recorded_reports reports;
  const auto mine = one_thread();
  event_loop loop;
  loop.set_default_executor(mine);
  held_call call(loop);
  const auto waits = loop.run_in_executor([] { return 3; });
  leave_loop(loop, 1h);
  EXPECT_TRUE(loop.is_closed());
  EXPECT_FALSE(call.result.done());
  const auto later = mine->submit([] { return 4; });
  call.release.open();
  EXPECT_FALSE(call.result.result());
  EXPECT_EQ(waits.result(), 3);
  EXPECT_EQ(later.result(), 4);
  EXPECT_EQ(recorded_reports::text(), "");
}

task<int> makes_it_the_default(std::shared_ptr<executor> given) {
  get_running_loop().set_default_executor(std::move(given));
  const int n = co_await to_thread([] { return 1; });
  co_return n;
}

TEST(run, leaves_an_executor_that_somebody_else_owns_as_it_is) {
  const recorded_reports reports;
  const auto mine = one_thread();
  EXPECT_EQ(run(makes_it_the_default(mine)), 1);
  EXPECT_EQ(run(makes_it_the_default(mine)), 1);
  EXPECT_EQ(mine->submit([] { return 2; }).result(), 2);
  EXPECT_EQ(recorded_reports::text(), "");
}

// ── processes ──

void kills_processes(nanoseconds time_to_finish, const std::string& seconds) {
  const recorded_reports reports;
  const portable_gate held;
  event_loop loop;
  const auto call = loop.default_process_pool().submit(pass_gate, held.path());
  held.wait_for(1);
  leave_loop(loop, time_to_finish);
  EXPECT_TRUE(loop.is_closed());
  EXPECT_TRUE(call.cancelled());
  EXPECT_EQ(recorded_reports::text(),
            "run: calls in the default process pool are still running after " + seconds + "; they are killed\n");
}

TEST(leave_loop, kills_calls_of_the_default_process_pool_that_go_on) {
  kills_processes(0s, "0 s");
  kills_processes(1ms, "0.001 s");
}

TEST(leave_loop, kills_calls_that_go_on_in_a_process_pool_that_is_the_default_executor) {
  const recorded_reports reports;
  const portable_gate held;
  event_loop loop;
  loop.set_default_executor(one_process());
  const auto call = loop.run_in_executor(pass_gate, held.path());
  held.wait_for(1);
  leave_loop(loop, 0s);
  EXPECT_TRUE(loop.is_closed());
  EXPECT_TRUE(call.cancelled());
  EXPECT_EQ(recorded_reports::text(),
            "run: calls in the default executor are still running after 0 s; they are killed\n");
}

TEST(leave_loop, gives_up_threads_and_processes_alike) {
  const recorded_reports reports;
  const portable_gate held;
  event_loop loop;
  held_call in_thread(loop);
  const auto in_process = loop.default_process_pool().submit(pass_gate, held.path());
  held.wait_for(1);
  leave_loop(loop, 0s);
  EXPECT_TRUE(in_process.cancelled());
  in_thread.release.open();
  EXPECT_TRUE(in_thread.result.result());
  EXPECT_EQ(recorded_reports::text(), "run: calls in the default executor are still running after 0 s" +
                                          threads_left_behind +
                                          "run: calls in the default process pool are still running after 0 s; they "
                                          "are killed\n");
}

}  // namespace
}  // namespace plait
