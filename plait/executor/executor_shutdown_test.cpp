// How executors end: each kind of shutdown, refusals, from wherever; for every executor.
#include <plait/executor/executor_contract_test.hpp>
#include <plait/loop/event_loop.hpp>

#include <atomic>
#include <chrono>
#include <limits>
#include <stop_token>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;
using namespace executor_contract;
using plait::shutdown_mode;
using test_support::message_of;
using test_support::portable_gate;
using testing::HasSubstr;

class executor_shutdown : public contract {
 protected:
  /// One call that holds the only worker, and 50 that wait.
  struct busy {
    explicit busy(plait::executor& pool) : running(pool.submit(through_gate, gate.path(), -1)) {
      gate.wait_for(1);
      for (int i = 0; i < 50; ++i) waiting.push_back(pool.submit(square, i));
    }
    portable_gate gate;
    plait::future<int> running;
    std::vector<plait::future<int>> waiting;
  };
};
PLAIT_FOR_EACH_EXECUTOR(executor_shutdown);

TEST_P(executor_shutdown, draining_runs_what_was_submitted) {
  const auto pool = make({.max_workers = 1});
  busy calls(*pool);
  calls.gate.let_through(1);
  EXPECT_TRUE(pool->shutdown(shutdown_mode::drain));
  EXPECT_EQ(calls.running.result(), -1);
  for (int i = 0; i < 50; ++i) EXPECT_EQ(calls.waiting[i].result(), i * i);
  EXPECT_EQ(workers(*pool), 0);
}

TEST_P(executor_shutdown, cancel_pending_cancels_what_waits_and_waits_for_what_runs) {
  const auto pool = make({.max_workers = 1});
  busy calls(*pool);
  auto ended = pool->async_shutdown(shutdown_mode::cancel_pending);
  for (const auto& f : calls.waiting) EXPECT_TRUE(f.cancelled());
  EXPECT_FALSE(ended.done());
  calls.gate.let_through(1);
  EXPECT_TRUE(ended.result());
  EXPECT_EQ(calls.running.result(), -1);
  EXPECT_EQ(workers(*pool), 0);
}

TEST_P(executor_shutdown, kill_stops_what_runs_as_far_as_can_be) {
  const portable_gate gate;
  const auto pool = make({.max_workers = 1});
  auto running = pool->submit(
      [](std::stop_token stop, const std::string& path) {
        test_support::pass_gate(path);
        while (!stop.stop_requested()) std::this_thread::yield();
        throw plait::cancelled_error();
      },
      gate.path());
  gate.let_through(1);
  gate.wait_for(1);
  auto waiting = pool->submit(square, 1);
  EXPECT_TRUE(pool->shutdown(shutdown_mode::kill));
  EXPECT_THROW(running.result(), plait::cancelled_error);
  EXPECT_TRUE(waiting.cancelled());
}

TEST_P(executor_shutdown, a_harder_one_may_follow_a_softer_one) {
  const auto pool = make({.max_workers = 1});
  busy calls(*pool);
  EXPECT_FALSE(pool->shutdown(shutdown_mode::drain, 0s));
  EXPECT_FALSE(calls.waiting[0].done());
  EXPECT_FALSE(pool->shutdown(shutdown_mode::cancel_pending, 0s));
  for (const auto& f : calls.waiting) EXPECT_TRUE(f.cancelled());
  calls.gate.let_through(1);
  EXPECT_TRUE(pool->shutdown());
}

TEST_P(executor_shutdown, gives_up_waiting_at_its_deadline) {
  const auto pool = make({.max_workers = 1});
  busy calls(*pool);
  EXPECT_FALSE(pool->shutdown(shutdown_mode::drain, 1ms));
  auto late = pool->async_shutdown(shutdown_mode::drain, 1ms);
  EXPECT_FALSE(late.result());
  calls.gate.let_through(1);
  EXPECT_TRUE(pool->shutdown(shutdown_mode::drain, 1h));
  EXPECT_EQ(calls.waiting[49].result(), 49 * 49) << "drained all the same";
}

TEST_P(executor_shutdown, a_bad_deadline_is_refused_and_nothing_begins) {
  const auto pool = make();
  EXPECT_EQ(message_of<std::invalid_argument>([&] { return pool->shutdown(shutdown_mode::drain, -1s); }),
            "plait: deadline is -1 s; expected 0 or more");
  EXPECT_THROW(static_cast<void>(pool->async_shutdown(
                   shutdown_mode::drain, std::chrono::duration<double>(std::numeric_limits<double>::quiet_NaN()))),
               std::invalid_argument);
  EXPECT_EQ(pool->submit(square, 2).result(), 4);
}

TEST_P(executor_shutdown, of_one_that_never_ran_anything_is_at_once) {
  const auto pool = make();
  EXPECT_TRUE(pool->shutdown(shutdown_mode::drain, 0s));
  EXPECT_TRUE(pool->shutdown());
}

TEST_P(executor_shutdown, twice_and_in_each_mode) {
  for (const auto mode : {shutdown_mode::drain, shutdown_mode::cancel_pending, shutdown_mode::kill}) {
    const auto pool = make();
    std::vector<plait::future<int>> calls;
    for (int i = 0; i < 50; ++i) calls.push_back(pool->submit(square, i));
    EXPECT_TRUE(pool->shutdown(mode));
    EXPECT_TRUE(pool->shutdown(mode));
    for (int i = 0; i < 50; ++i) {
      ASSERT_TRUE(calls[i].done());
      if (mode == shutdown_mode::drain || !calls[i].cancelled()) {
        EXPECT_EQ(calls[i].result(), i * i);
      }
    }
  }
}

TEST_P(executor_shutdown, from_two_threads) {
  for (int round = 0; round < 50; ++round) {
    const auto pool = make();
    std::vector<plait::future<int>> calls;
    for (int i = 0; i < 50; ++i) calls.push_back(pool->submit(square, i));
    std::thread other([&] { EXPECT_TRUE(pool->shutdown(shutdown_mode::cancel_pending)); });
    EXPECT_TRUE(pool->shutdown(shutdown_mode::drain));
    other.join();
    for (const auto& f : calls) EXPECT_TRUE(f.done());
  }
}

TEST_P(executor_shutdown, afterwards_submit_is_refused) {
  const auto pool = make();
  pool->shutdown();
  EXPECT_EQ(message_of<plait::shut_down_error>([&] { return pool->submit(square, 1); }),
            "plait: submit to an executor that was shut down");
  EXPECT_THROW(static_cast<void>(pool->try_submit(square, 1)), plait::shut_down_error);
  EXPECT_THROW(static_cast<void>(pool->submit(pool->acquire_slot().result(), square, 1)), plait::shut_down_error);
}

TEST_P(executor_shutdown, racing_with_submit_a_call_is_run_or_refused_never_lost) {
  // How many calls are taken before the end is up to the scheduler; their squares stay small.
  const auto argument = [](std::size_t i) { return static_cast<int>(i % 1000); };
  for (int round = 0; round < 100; ++round) {
    const auto pool = make({.max_pending = 1000});  // what waits must be run at the end
    std::atomic<bool> refused{false};
    std::vector<plait::future<int>> accepted;
    std::thread submitting([&] {
      while (!refused) {
        try {
          accepted.push_back(pool->submit(square, argument(accepted.size())));
        } catch (const plait::shut_down_error&) {
          refused = true;
        }
      }
    });
    if (round % 2) pool->submit(nothing).result();
    EXPECT_TRUE(pool->shutdown(shutdown_mode::drain));
    submitting.join();
    for (std::size_t i = 0; i < accepted.size(); ++i) {
      ASSERT_TRUE(accepted[i].done()) << "lost";
      EXPECT_EQ(accepted[i].result(), square(argument(i)));
    }
  }
}

TEST_P(executor_shutdown, the_destructor_drains) {
  auto pool = make({.max_workers = 1});
  busy calls(*pool);
  calls.gate.let_through(1);
  pool.reset();
  EXPECT_EQ(calls.running.result(), -1);
  for (int i = 0; i < 50; ++i) EXPECT_EQ(calls.waiting[i].result(), i * i);
}

TEST_P(executor_shutdown, on_a_running_loops_thread_it_is_awaited) {
  auto pool = make({.max_workers = 1});
  auto body = [](plait::executor& pool) -> plait::task<bool> {
    auto f = pool.submit(square, 3);
    std::string refused = message_of<plait::invalid_state_error>([&] { return pool.shutdown(); });
    EXPECT_THAT(refused, HasSubstr("co_await async_shutdown"));
    const bool ended = co_await pool.async_shutdown();
    EXPECT_EQ(f.result(), 9);
    EXPECT_TRUE(pool.shutdown()) << "nothing is left to block for";
    co_return ended;
  };
  plait::event_loop loop;
  EXPECT_TRUE(loop.run_until_complete(body(*pool)));
}

// ── from a done callback (scenario 12) ──

TEST_P(executor_shutdown, a_done_callback_may_submit_throw_and_begin_the_end) {
  const portable_gate gate;
  const auto pool = make({.max_workers = 1});
  auto held = pool->submit(through_gate, gate.path(), 1);
  gate.wait_for(1);
  plait::future<int> more;
  held.add_done_callback([&](const plait::future<int>&) { more = pool->submit(square, 4); });
  auto last = pool->submit(square, 5);
  last.add_done_callback([&](const plait::future<int>&) { pool->shutdown(shutdown_mode::drain, 0s); });
  gate.let_through(1);
  last.result();
  EXPECT_TRUE(pool->shutdown());
  EXPECT_EQ(more.result(), 16);
  EXPECT_THROW(pool->submit(nothing), plait::shut_down_error);
}

}  // namespace
