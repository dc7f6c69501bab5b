// Waiting for a state until a deadline: done first, deadline first, cancelled, and both at once.
#include <plait/core/deadline_awaiter.hpp>
#include <plait/core/promise.hpp>
#include <plait/core/task.hpp>
#include <plait/loop/event_loop.hpp>
#include <plait/loop/sync_wait.hpp>

#include <chrono>
#include <thread>

#include <gtest/gtest.h>

namespace plait {
namespace {

using namespace std::chrono_literals;

task<bool> done_by(future<int> awaited, time_point deadline) {
  const bool done = co_await detail::deadline_awaiter(awaited.handle(), deadline);
  co_return done;
}

TEST(deadline_awaiter, is_true_where_it_is_done_before) {
  promise<int> input;
  input.set_value(1);
  EXPECT_TRUE(sync_wait(done_by(input.get_future(), time_point::min())));
}

TEST(deadline_awaiter, is_true_where_it_is_done_in_time) {
  for (const auto deadline : {sync::forever, sync::now() + 1h}) {
    promise<int> input;
    std::thread completer([&input] { input.set_value(1); });
    EXPECT_TRUE(sync_wait(done_by(input.get_future(), deadline)));
    completer.join();
  }
}

TEST(deadline_awaiter, is_false_at_the_deadline_and_leaves_the_future_alone) {
  const promise<int> input;
  EXPECT_FALSE(sync_wait(done_by(input.get_future(), time_point::min())));
  EXPECT_FALSE(sync_wait(done_by(input.get_future(), sync::now() + 1ns)));
  EXPECT_EQ(input.get_future().status(), call_status::pending);
}

TEST(deadline_awaiter, cancelled_leaves_the_future_alone) {
  event_loop loop;
  const promise<int> input;
  const auto handle = loop.create_task(done_by(input.get_future(), sync::now() + 1h));
  loop.call_soon([&] { handle.cancel(); });
  EXPECT_THROW(loop.run_until_complete(handle), cancelled_error);
  EXPECT_EQ(input.get_future().status(), call_status::pending);
}

// In one pass the deadline comes and the task is cancelled, in either order: it must be resumed once.
TEST(deadline_awaiter, cancelled_in_the_pass_of_its_deadline_resumes_once) {
  for (const bool cancel_first : {true, false}) {
    event_loop loop;
    const promise<int> input;
    task_handle<bool> handle;
    const auto deadline = sync::now() - 1h;
    if (cancel_first) loop.call_soon([&] { loop.call_at(deadline - 1ns, [&] { handle.cancel(); }); });
    handle = loop.create_task(done_by(input.get_future(), deadline));
    if (!cancel_first) loop.call_soon([&] { loop.call_at(deadline + 1ns, [&] { handle.cancel(); }); });
    EXPECT_THROW(loop.run_until_complete(handle), cancelled_error);
    loop.stop();
    loop.run_forever();
  }
}

TEST(deadline_awaiter, racing_another_thread_resumes_once) {
  for (int i = 0; i < 300; ++i) {
    promise<int> input;
    std::thread completer([&input] { input.set_value(1); });
    const auto later = sync::now() + std::chrono::microseconds(i);
    const bool done = sync_wait(done_by(input.get_future(), later));
    completer.join();
    EXPECT_TRUE(done || sync::now() >= later);
  }
}

}  // namespace
}  // namespace plait
