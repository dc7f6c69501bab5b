// Who takes the replies: the loop that submitted first while it runs, else the pool's own thread; and nobody waits
// for one that can't.
#include <plait/loop/event_loop.hpp>
#include <plait/loop/sleep.hpp>
#include <plait/loop/wait.hpp>

#include <chrono>
#include <memory>
#include <thread>

#include "process_pool_fixture_test.hpp"

namespace {

using namespace std::chrono_literals;
using namespace pool_test;

plait::task<int> sum_of(plait::executor& pool, int calls) {
  int sum = 0;
  for (int i = 0; i < calls; ++i) sum += co_await pool.submit(square, i);
  co_return sum;
}
int sum_up_to(int calls) {
  int sum = 0;
  for (int i = 0; i < calls; ++i) sum += i * i;
  return sum;
}

TEST(process_pool_loop, that_submits_takes_the_replies) {
  process_pool_executor pool({.max_workers = 1});
  const busy_attendant nobody_else(pool);
  plait::event_loop loop;
  EXPECT_EQ(loop.run_until_complete(sum_of(pool, 200)), sum_up_to(200));
}

TEST(process_pool_loop, is_followed_by_the_next_one) {
  process_pool_executor pool({.max_workers = 1});
  for (int i = 0; i < 3; ++i) {
    plait::event_loop loop;
    EXPECT_EQ(loop.run_until_complete(sum_of(pool, 20)), sum_up_to(20));
  }
  const busy_attendant nobody_else(pool);
  for (int i = 0; i < 3; ++i) {
    plait::event_loop loop;
    EXPECT_EQ(loop.run_until_complete(sum_of(pool, 200)), sum_up_to(200));
  }
  std::thread([&] {
    plait::event_loop loop;
    EXPECT_EQ(loop.run_until_complete(sum_of(pool, 200)), sum_up_to(200));
  }).join();
}

TEST(process_pool_loop, that_sleeps_is_woken) {
  const portable_gate gate;
  process_pool_executor pool({.max_workers = 1});
  plait::event_loop loop;
  for (int i = 0; i < 20; ++i) {
    auto call = pool.submit(wait_at, gate.path(), i);  // before the loop runs: anybody's
    std::thread opens([&] {
      gate.wait_for(1);
      gate.let_through(1);
    });
    EXPECT_EQ(loop.run_until_complete(call), i);
    opens.join();
  }
}

TEST(process_pool_loop, two_on_two_threads_share_a_pool) {
  process_pool_executor pool({.max_workers = 2});
  const auto run = [&] {
    plait::event_loop loop;
    for (int i = 0; i < 5; ++i) EXPECT_EQ(loop.run_until_complete(sum_of(pool, 100)), sum_up_to(100));
  };
  std::thread other(run), third(run);
  run();
  other.join();
  third.join();
}

// The loop that would take the reply is busy, for as long as the other thread has not got it.
TEST(process_pool_loop, that_is_busy_is_not_waited_for_by_a_thread) {
  const portable_gate gate;
  process_pool_executor pool({.max_workers = 1});
  started_pids(pool);  // nothing but the reply will wake the pool's thread
  plait::event_loop loop;
  loop.call_soon([&] {
    for (int i = 0; i < 20; ++i) {
      const auto call = pool.submit(wait_at, gate.path(), i);
      gate.wait_for(1);
      int got = -1;
      std::thread waits([&] { got = call.result(); });
      gate.let_through(1);
      waits.join();
      EXPECT_EQ(got, i);
    }
    loop.stop();
  });
  loop.run_forever();
}

TEST(process_pool_loop, that_is_busy_does_not_hold_up_calls_of_threads) {
  process_pool_executor pool({.max_workers = 1});
  plait::event_loop loop;
  plait::future<int> of_loop;
  loop.call_soon([&] {
    of_loop = pool.submit(square, 2);
    std::thread([&] { expect_next_hundred(pool); }).join();
    loop.stop();
  });
  loop.run_forever();
  EXPECT_EQ(of_loop.result(), 4);
}

TEST(process_pool_loop, that_is_busy_hears_of_a_death_later) {
  process_pool_executor pool({.max_workers = 1});
  plait::event_loop loop;
  const auto main = [](process_pool_executor& pool) -> plait::task<void> {
    auto call = pool.submit(die_by, SIGKILL);
    const watched_process worker(co_await pool.submit(own_pid));
    EXPECT_EQ(death_of(call).signal(), SIGKILL);
    auto next = pool.submit(die_by, SIGABRT);
    worker.wait_until_gone();  // blocks the loop
    try {
      co_await next;
      ADD_FAILURE();
    } catch (const worker_died& death) {
      EXPECT_EQ(death.signal(), SIGABRT);
    }
    EXPECT_EQ(co_await pool.submit(square, 3), 9);
  };
  loop.run_until_complete(main(pool));
}

TEST(process_pool_loop, that_stops_with_calls_outstanding_goes_on_later) {
  const portable_gate gate;
  process_pool_executor pool({.max_workers = 2});
  plait::event_loop loop;
  auto waiting = [](process_pool_executor& pool, std::string gate) -> plait::task<int> {
    auto first = pool.submit(wait_at, gate, 1), second = pool.submit(wait_at, gate, 2);
    plait::get_running_loop().stop();
    co_return co_await first + co_await second;
  };
  auto task = loop.create_task(waiting(pool, gate.path()));
  loop.run_forever();
  gate.wait_for(2);
  gate.let_through(2);
  expect_next_hundred(pool);  // while no loop runs
  EXPECT_EQ(loop.run_until_complete(task), 3);
}

TEST(process_pool_loop, that_is_gone_leaves_its_calls_to_the_pools_thread) {
  const portable_gate gate;
  process_pool_executor pool({.max_workers = 2});
  std::vector<plait::future<int>> calls;
  {
    plait::event_loop loop;
    loop.call_soon([&] {
      for (int i = 0; i < 20; ++i) calls.push_back(pool.submit(wait_at, gate.path(), i));
      loop.stop();
    });
    loop.run_forever();
  }
  gate.let_through(20);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(calls[static_cast<std::size_t>(i)].result(), i);
}

TEST(process_pool_loop, outlives_the_pool) {
  plait::event_loop loop;
  for (int round = 0; round < 3; ++round) {
    auto pool = std::make_unique<process_pool_executor>(plait::process_pool_options{.max_workers = 1});
    EXPECT_EQ(loop.run_until_complete(sum_of(*pool, 20)), sum_up_to(20));
    pool.reset();
    loop.call_soon([&] { loop.stop(); });
    loop.run_forever();
  }
}

TEST(process_pool_loop, several_pools_on_one) {
  process_pool_executor a({.max_workers = 1}), b({.max_workers = 2}), c({.max_workers = 1});
  plait::event_loop loop;
  const auto main = [](std::vector<plait::executor*> pools) -> plait::task<void> {
    for (int round = 0; round < 20; ++round) {
      std::vector<plait::future<int>> calls;
      for (auto* const pool : pools)
        for (int i = 0; i < 5; ++i) calls.push_back(pool->submit(square, i));
      auto [done, pending] = co_await plait::wait(calls);
      EXPECT_EQ(done.size(), calls.size());
      EXPECT_TRUE(pending.empty());
    }
  };
  loop.run_until_complete(main({&a, &b, &c}));
}

TEST(process_pool_loop, shuts_it_down_without_blocking) {
  const portable_gate gate;
  process_pool_executor pool({.max_workers = 1});
  plait::event_loop loop;
  const auto main = [](process_pool_executor& pool, const portable_gate& gate) -> plait::task<void> {
    auto call = pool.submit(wait_at, gate.path(), 5);
    auto ended = pool.async_shutdown();
    gate.let_through(1);
    EXPECT_TRUE(co_await ended);
    EXPECT_EQ(co_await call, 5);
  };
  loop.run_until_complete(main(pool, gate));
}

/// A quick call is sent ahead, since the other worker sleeps, and its worker is at one that lasts.
template <class Wait>
plait::task<void> waits_behind_a_long_one(process_pool_executor& pool, const portable_gate& gate, Wait wait) {
  for (int round = 0; round < 5; ++round) {
    for (int i = 0; i < 200; ++i) co_await pool.submit(square, i);
    auto lasts = pool.submit(wait_at, gate.path(), 1);
    gate.wait_for(1);
    auto quick = pool.submit(square, 2);
    co_await wait(quick);
    EXPECT_EQ(quick.result(), 4);
    gate.let_through(1);
    static_cast<void>(co_await lasts);
  }
}

TEST(process_pool_loop, that_sleeps_has_what_is_stuck_sent_to_another) {
  const portable_gate gate;
  process_pool_executor pool({.max_workers = 2});
  started_pids(pool);
  plait::event_loop loop;
  const auto sleeps = [](plait::future<int>& call) -> plait::task<void> { static_cast<void>(co_await call); };
  loop.run_until_complete(waits_behind_a_long_one(pool, gate, sleeps));
}

TEST(process_pool_loop, that_turns_sends_what_is_stuck_to_another) {
  const portable_gate gate;
  process_pool_executor pool({.max_workers = 2});
  started_pids(pool);
  plait::event_loop loop;
  const auto turns = [](plait::future<int>& call) -> plait::task<void> {
    while (!call.done()) co_await plait::sleep(0s);
  };
  loop.run_until_complete(waits_behind_a_long_one(pool, gate, turns));
}

/// A call that has been answered reaches its deadline while nobody takes the answer: the loop is busy. Its worker is
/// at the next call by then.
plait::task<int> outlives_the_deadline_before_it(process_pool_executor& pool, const portable_gate& gate) {
  for (int i = 0; i < 200; ++i) co_await pool.submit(square, i);  // quick ones: the next two are sent ahead
  const auto late = pool.submit({.timeout = 100ms}, square, 3);
  const auto next = pool.submit(wait_at, gate.path(), 5);
  while (!late.done()) std::this_thread::yield();
  gate.let_through(1);
  const int result = co_await next;
  co_return result;
}

TEST(process_pool_loop, a_deadline_that_comes_after_the_answer_kills_no_other_call) {
  const portable_gate gate;
  process_pool_executor pool({.max_workers = 1});
  plait::event_loop loop;
  EXPECT_EQ(loop.run_until_complete(outlives_the_deadline_before_it(pool, gate)), 5);
}

}  // namespace
