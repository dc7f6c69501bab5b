// Awaiting futures: where the coroutine resumes, what comes out, and what cancelling the task does.
#include <plait/core/any_future.hpp>
#include <plait/core/promise.hpp>
#include <plait/core/task.hpp>
#include <plait/loop/event_loop.hpp>
#include <plait/loop/sync_wait.hpp>

#include <atomic>
#include <latch>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <tests/support/index_error.hpp>

namespace {

using test_support::index_error;

plait::task<int> awaits(plait::future<int> f) {
  const int value = co_await f;
  co_return value;
}

TEST(future_await, a_done_one_gives_its_value) {
  plait::promise<int> promise;
  promise.set_value(3);
  EXPECT_EQ(plait::sync_wait(awaits(promise.get_future())), 3);
}

TEST(future_await, resumes_on_the_loop_that_awaits) {
  plait::promise<int> promise;
  auto body = [](plait::future<int> f, std::thread::id& resumed) -> plait::task<int> {
    const int value = co_await f;
    resumed = std::this_thread::get_id();
    co_return value;
  };
  std::thread::id resumed;
  plait::event_loop loop;
  auto running = loop.create_task(body(promise.get_future(), resumed));
  std::thread producer;
  loop.call_soon([&] { producer = std::thread([&] { promise.set_value(8); }); });
  EXPECT_EQ(loop.run_until_complete(running), 8);
  EXPECT_EQ(resumed, std::this_thread::get_id());
  producer.join();
}

TEST(future_await, throws_what_it_ended_with) {
  plait::promise<int> failed, cancelled;
  failed.set_exception(index_error());
  cancelled.get_future().cancel();
  EXPECT_THROW(plait::sync_wait(awaits(failed.get_future())), std::out_of_range);
  EXPECT_THROW(plait::sync_wait(awaits(cancelled.get_future())), plait::cancelled_error);
}

TEST(future_await, a_named_one_gives_a_reference_and_a_temporary_its_value) {
  auto body = [](plait::future<std::unique_ptr<int>> f) -> plait::task<int> {
    const std::unique_ptr<int>& looked_at = co_await f;
    EXPECT_EQ(&looked_at, &f.result());
    std::unique_ptr<int> taken = co_await std::move(f);
    co_return *taken;
  };
  plait::promise<std::unique_ptr<int>> promise;
  promise.set_value(std::make_unique<int>(6));
  auto f = promise.get_future();
  {
    const auto dropped = std::move(promise);
  }
  EXPECT_EQ(plait::sync_wait(body(std::move(f))), 6);
}

TEST(future_await, a_temporary_that_can_only_be_moved_is_refused_while_others_live) {
  auto body = [](plait::future<std::unique_ptr<int>> f) -> plait::task<void> {
    bool refused = false;
    try {
      std::unique_ptr<int> taken = co_await plait::future(f);
    } catch (const plait::invalid_state_error&) {
      refused = true;
    }
    EXPECT_TRUE(refused);
    EXPECT_EQ(*f.result(), 6);
  };
  plait::promise<std::unique_ptr<int>> promise;
  promise.set_value(std::make_unique<int>(6));
  plait::sync_wait(body(promise.get_future()));
}

TEST(future_await, nothing_and_any_future_can_be_awaited) {
  auto body = [](plait::future<void> nothing, plait::any_future any) -> plait::task<int> {
    const int before = 1;
    co_await nothing;
    co_await any;
    co_return before + 1;
  };
  plait::promise<void> nothing;
  plait::promise<int> number;
  plait::event_loop loop;
  loop.call_soon([&] { nothing.set_value(); });
  loop.call_later(std::chrono::milliseconds(1), [&] { number.set_value(2); });
  EXPECT_EQ(loop.run_until_complete(body(nothing.get_future(), number.get_future())), 2);
}

TEST(future_await, from_several_loops_on_several_threads_and_blocking_threads_besides) {
  constexpr int loops = 4, blocked = 2;
  for (int round = 0; round < 50; ++round) {
    plait::promise<int> promise;
    std::latch waiting(loops + blocked);
    std::atomic<int> sum{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < loops; ++i)
      threads.emplace_back([&, f = promise.get_future()] {
        plait::event_loop loop;
        auto first = loop.create_task(awaits(f));
        auto second = loop.create_task(awaits(f));
        loop.call_soon([&] { waiting.count_down(); });
        sum += loop.run_until_complete(first) + loop.run_until_complete(second);
      });
    for (int i = 0; i < blocked; ++i)
      threads.emplace_back([&, f = promise.get_future()] {
        waiting.count_down();
        sum += f.result();
      });
    waiting.wait();
    promise.set_value(1);
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(sum, 2 * loops + blocked);
  }
}

TEST(future_await, cancelling_the_task_drops_a_pending_promise_for_every_waiter) {
  plait::promise<int> promise;
  auto f = promise.get_future();
  std::thread blocked([f] { EXPECT_THROW(f.result(), plait::cancelled_error); });
  plait::event_loop loop;
  auto waiting = loop.create_task(awaits(f));
  loop.call_soon([&] { waiting.cancel(); });
  EXPECT_THROW(loop.run_until_complete(waiting), plait::cancelled_error);
  EXPECT_TRUE(f.cancelled());
  blocked.join();
}

TEST(future_await, cancelling_the_task_goes_away_from_what_runs_and_leaves_it_its_result) {
  plait::promise<int> promise;
  auto f = promise.get_future();
  ASSERT_TRUE(promise.set_running_or_notify_cancel());
  plait::event_loop loop;
  auto waiting = loop.create_task(awaits(f));
  loop.call_soon([&] { waiting.cancel(); });
  EXPECT_THROW(loop.run_until_complete(waiting), plait::cancelled_error);
  EXPECT_FALSE(f.done());
  promise.set_value(2);
  EXPECT_EQ(f.result(), 2);
}

TEST(future_await, a_result_that_comes_after_the_loop_has_gone_is_thrown_away) {
  auto object = std::make_shared<int>(1);
  const std::weak_ptr<int> watched = object;
  plait::promise<std::shared_ptr<int>> promise;
  ASSERT_TRUE(promise.set_running_or_notify_cancel());
  auto body = [](plait::future<std::shared_ptr<int>> f) -> plait::task<void> {
    const auto value = co_await std::move(f);
    ADD_FAILURE() << "resumed with a value";
  };
  {
    plait::event_loop loop;
    auto waiting = loop.create_task(body(promise.get_future()));
    loop.call_soon([&] { waiting.cancel(); });
    EXPECT_THROW(loop.run_until_complete(waiting), plait::cancelled_error);
  }
  promise.set_value(std::move(object));
  {
    const auto dropped = std::move(promise);
  }
  EXPECT_TRUE(watched.expired());
}

}  // namespace
