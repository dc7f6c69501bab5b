// What a loop can do about calls in processes that its coroutines await: time limits, cancelling a gather, a task
// group that fails; and what becomes of a call that nobody awaits any more.
#include <plait/core/exception_group.hpp>
#include <plait/loop/event_loop.hpp>
#include <plait/loop/gather.hpp>
#include <plait/loop/task_group.hpp>
#include <plait/loop/timeout.hpp>
#include <plait/loop/wait_for.hpp>

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <stop_token>

#include "process_pool_fixture_test.hpp"

namespace {

using namespace std::chrono_literals;
using namespace pool_test;
using plait::event_loop;
using plait::future;
using plait::task;
using plait::task_handle;

int throws_there() { throw std::out_of_range("there"); }

/// And then goes on until it is let through once more.
int past_being_asked(std::stop_token stop, const std::string& gate) {
  const int n = until_asked(std::move(stop), gate);
  pass_gate(gate);
  return n;
}

template <class Awaitable> task<void> awaits(Awaitable awaited) { static_cast<void>(co_await std::move(awaited)); }

void cancel_while_it_awaits(event_loop& loop, const task_handle<void>& waiting) {
  loop.call_soon([&] { loop.call_soon([&] { waiting.cancel(); }); });
  EXPECT_THROW(loop.run_until_complete(waiting), plait::cancelled_error);
}

// ── time limits ──

task<int> within_time(plait::timeout_scope&, future<int> call) {
  const int n = co_await call;
  co_return n;
}

TEST(process_pool_await, a_call_that_is_done_within_the_time_gives_its_result) {
  process_pool_executor pool({.max_workers = 1});
  event_loop loop;
  EXPECT_EQ(loop.run_until_complete(plait::wait_for(pool.submit(square, 3), 1h)), 9);
  EXPECT_EQ(loop.run_until_complete(plait::with_timeout(1h, within_time, pool.submit(square, 4))), 16);
  EXPECT_EQ(
      message_of<std::out_of_range>([&] { loop.run_until_complete(plait::wait_for(pool.submit(throws_there), 1h)); }),
      "there");
}

TEST(process_pool_await, when_the_time_is_over_a_pending_call_is_dropped_and_a_running_one_left) {
  const portable_gate gate;
  process_pool_executor pool({.max_workers = 1});
  event_loop loop;
  const auto runs = pool.submit(wait_at, gate.path(), 5);
  gate.wait_for(1);
  const auto waits = pool.submit(square, 3), waits_too = pool.submit(square, 3);
  EXPECT_THROW(loop.run_until_complete(plait::wait_for(waits, 1ms)), plait::timeout_error);
  EXPECT_TRUE(waits.cancelled());
  EXPECT_THROW(loop.run_until_complete(plait::with_timeout(1ms, within_time, waits_too)), plait::timeout_error);
  EXPECT_TRUE(waits_too.cancelled());
  EXPECT_THROW(loop.run_until_complete(plait::wait_for(runs, 1ms)), plait::timeout_error);
  EXPECT_THROW(loop.run_until_complete(plait::with_timeout(1ms, within_time, runs)), plait::timeout_error);
  EXPECT_FALSE(runs.done());
  gate.let_through(1);
  EXPECT_EQ(runs.result(), 5);
}

TEST(process_pool_await, when_the_time_is_over_a_call_with_a_stop_token_is_asked) {
  const portable_gate gate;
  process_pool_executor pool({.max_workers = 1});
  event_loop loop;
  const auto expect_asked = [&](const future<int>& call, auto limited) {
    gate.let_through(1);
    gate.wait_for(1);
    EXPECT_THROW(loop.run_until_complete(std::move(limited)), plait::timeout_error);
    gate.wait_for(1);  // it was asked
    gate.let_through(1);
    EXPECT_EQ(call.result(), 7);
  };
  const auto first = pool.submit(past_being_asked, gate.path());
  expect_asked(first, plait::wait_for(first, 1ms));
  const auto second = pool.submit(past_being_asked, gate.path());
  expect_asked(second, plait::with_timeout(1ms, within_time, second));
}

// ── gather ──

TEST(process_pool_await, cancelling_a_gather_drops_a_pending_call_and_leaves_one_that_runs) {
  const portable_gate gate;
  process_pool_executor pool({.max_workers = 1});
  event_loop loop;
  const auto runs = pool.submit(wait_at, gate.path(), 5);
  gate.wait_for(1);
  const auto waits = pool.submit(square, 3);
  cancel_while_it_awaits(loop, loop.create_task(awaits(plait::gather(runs, waits))));
  EXPECT_TRUE(waits.cancelled());
  EXPECT_FALSE(runs.done());
  gate.let_through(1);
  EXPECT_EQ(runs.result(), 5);
}

TEST(process_pool_await, cancelling_a_gather_asks_calls_that_can_be_asked_and_waits_for_them) {
  const portable_gate gate;
  process_pool_executor pool({.max_workers = 2});
  event_loop loop;
  const auto a = pool.submit(until_asked, gate.path()), b = pool.submit(until_asked, gate.path());
  gate.let_through(2);
  gate.wait_for(2);
  cancel_while_it_awaits(loop, loop.create_task(awaits(plait::gather(a, b))));
  EXPECT_TRUE(a.done());
  EXPECT_TRUE(b.done());
  EXPECT_EQ(a.result() + b.result(), 14);
}

TEST(process_pool_await, a_gather_that_fails_leaves_its_other_calls_to_themselves) {
  const portable_gate gate;
  process_pool_executor pool({.max_workers = 1}), other({.max_workers = 1});
  event_loop loop;
  const auto runs = pool.submit(wait_at, gate.path(), 5);
  gate.wait_for(1);
  const auto waits = pool.submit(square, 3);
  const auto fails = other.submit(throws_there);
  EXPECT_EQ(
      message_of<std::out_of_range>([&] { loop.run_until_complete(awaits(plait::gather(runs, waits, fails))); }),
      "there");
  EXPECT_FALSE(runs.done());
  gate.let_through(1);
  EXPECT_EQ(runs.result(), 5);
  EXPECT_EQ(waits.result(), 9);
}

// ── task groups ──

TEST(process_pool_await, a_call_that_fails_in_a_task_group_cancels_those_of_its_siblings) {
  const portable_gate gate, asks;
  process_pool_executor pool({.max_workers = 1}), other({.max_workers = 2});
  event_loop loop;
  const auto runs = pool.submit(wait_at, gate.path(), 5);
  const auto asked = other.submit(until_asked, asks.path());
  asks.let_through(1);
  asks.wait_for(1);
  gate.wait_for(1);
  const auto waits = pool.submit(square, 3);
  const auto fails = other.submit(throws_there);
  const auto body = [&](plait::task_group& group) {
    for (const auto& call : {runs, asked, waits, fails}) group.create_task(awaits(call));
  };
  EXPECT_EQ(message_of<plait::exception_group>([&] { loop.run_until_complete(plait::with_task_group(body)); }),
            "1 task of the group failed: std::out_of_range: there");
  EXPECT_TRUE(waits.cancelled());
  EXPECT_FALSE(runs.done());
  EXPECT_EQ(asked.result(), 7);
  gate.let_through(1);
  EXPECT_EQ(runs.result(), 5);
}

TEST(process_pool_await, a_worker_that_dies_fails_its_task_and_the_group) {
  const portable_gate gate;
  process_pool_executor pool({.max_workers = 1}), other({.max_workers = 1});
  event_loop loop;
  const auto runs = pool.submit(wait_at, gate.path(), 5);
  gate.wait_for(1);
  const auto waits = pool.submit(square, 3);
  const auto dies = other.submit(die_by, SIGKILL);
  const auto body = [&](plait::task_group& group) {
    for (const auto& call : {runs, waits, dies}) group.create_task(awaits(call));
  };
  EXPECT_THROW(loop.run_until_complete(plait::with_task_group(body)), plait::exception_group);
  EXPECT_EQ(death_of(dies).signal(), SIGKILL);
  EXPECT_TRUE(waits.cancelled());
  gate.let_through(1);
  EXPECT_EQ(runs.result(), 5);
}

// ── results that nobody wants any more ──

/// Tells how many came to this process, and how many there are of it.
class counted {
 public:
  counted() noexcept { ++living; }
  counted(const counted&) noexcept { ++living; }
  counted& operator=(const counted&) = default;
  ~counted() { --living; }

  template <class Archive> void save(Archive& archive) const { archive(7); }
  template <class Archive> void load(Archive& archive) {
    int n = 0;
    archive(n);
    arrived += n == 7;
  }

  static inline std::atomic<int> arrived{0}, living{0};
};

counted counted_at(const std::string& gate) {
  pass_gate(gate);
  return {};
}

task<void> awaits_calls(process_pool_executor* pool, std::string gate) {
  auto call = pool->submit(counted_at, gate);
  static_cast<void>(co_await std::move(call));
}

class process_pool_unwanted : public testing::Test {
 protected:
  process_pool_unwanted() { counted::arrived = counted::living = 0; }
  void expect_thrown_away() {
    EXPECT_EQ(counted::arrived, 0);
    gate.let_through(1);
    pool.shutdown();
    EXPECT_EQ(counted::arrived, 1);
    EXPECT_EQ(counted::living, 0);
  }

  portable_gate gate;
  process_pool_executor pool{{.max_workers = 1}};
};

TEST_F(process_pool_unwanted, result_of_a_call_whose_task_was_cancelled_is_thrown_away) {
  event_loop loop;
  const auto waiting = loop.create_task(awaits_calls(&pool, gate.path()));
  loop.call_soon([&] {
    gate.wait_for(1);
    waiting.cancel();
  });
  EXPECT_THROW(loop.run_until_complete(waiting), plait::cancelled_error);
  expect_thrown_away();
}

TEST_F(process_pool_unwanted, result_that_comes_when_the_loop_is_gone_is_thrown_away) {
  {
    event_loop loop;
    static_cast<void>(loop.create_task(awaits_calls(&pool, gate.path())));
    loop.call_soon([&] {
      gate.wait_for(1);
      loop.stop();
    });
    loop.run_forever();
  }
  expect_thrown_away();
}

TEST_F(process_pool_unwanted, call_with_a_stop_token_is_asked_when_its_loop_ends) {
  const auto call = pool.submit(until_asked, gate.path());
  gate.let_through(1);
  gate.wait_for(1);
  {
    event_loop loop;
    static_cast<void>(loop.create_task(awaits(call)));
    loop.call_soon([&] { loop.stop(); });
    loop.run_forever();
  }
  EXPECT_EQ(call.result(), 7);
}

TEST_F(process_pool_unwanted, call_that_is_pending_is_dropped_when_its_loop_ends) {
  const auto runs = pool.submit(wait_at, gate.path(), 5);
  gate.wait_for(1);
  {
    event_loop loop;
    static_cast<void>(loop.create_task(awaits_calls(&pool, gate.path())));
    loop.call_soon([&] { loop.stop(); });
    loop.run_forever();
  }
  gate.let_through(1);
  EXPECT_EQ(runs.result(), 5);
  pool.shutdown();  // which would wait for ever for a second one at the gate
  EXPECT_EQ(counted::arrived, 0);
  EXPECT_EQ(counted::living, 0);
}

}  // namespace
