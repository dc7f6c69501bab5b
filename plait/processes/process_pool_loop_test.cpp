// What a running loop's replies are to its pool: the loop's to take, unless something depends on who has answered.
#include <plait/loop/event_loop.hpp>
#include <plait/loop/settled.hpp>
#include <plait/loop/sleep.hpp>
#include <plait/loop/to_thread.hpp>

#include <chrono>
#include <thread>

#include "process_pool_fixture_test.hpp"
#include "process_pool_own_link_test.hpp"

namespace {

using namespace pool_test;
using namespace std::chrono_literals;

// The first sleep ends when the one worker has answered: its reply lies in the ring, since the loop does not turn.
// The second proves nothing: it is when a worker would be signalled.
plait::task<void> cancel_what_was_answered(process_pool_executor* pool) {
  const auto pid = co_await pool->submit(own_pid);
  const auto& answers = own_link().replies_published;
  for (int i = 0; i < 20; ++i) {
    const auto before = answers.load();
    auto call = pool->submit({.cancel = plait::cancel_mode::kill}, square, 3);
    while (answers.load() == before) std::this_thread::sleep_for(100us);
    call.cancel();
    std::this_thread::sleep_for(2ms);
    static_cast<void>(co_await plait::settled(call));
    const auto now = co_await pool->submit(own_pid);
    EXPECT_EQ(now, pid);
  }
}

TEST(process_pool_loop, a_call_that_was_answered_costs_no_worker_when_it_is_cancelled) {
  process_pool_executor pool({.max_workers = 1});
  plait::event_loop loop;
  loop.run_until_complete(cancel_what_was_answered(&pool));
}

/// A pool's only call is cancelled while its worker starts: what that says when it is ready concerns no call.
void cancel_while_it_starts(process_pool_executor& pool, const portable_gate& start) {
  EXPECT_EQ(pool.submit(square, 1).cancel(), plait::cancel_outcome::dropped);
  start.wait_for(1);
}
process_pool_executor brief_pool(const portable_gate& start) {
  return process_pool_executor({.max_workers = 1, .initializer = {pass_gate, start.path()}, .idle_timeout = 1ms});
}

TEST(process_pool_loop, a_worker_that_starts_for_nothing_becomes_idle) {
  const portable_gate start;
  auto pool = brief_pool(start);
  cancel_while_it_starts(pool, start);
  const watched_process worker(known_pids(pool, 1)[0]);
  start.let_through(1);
  worker.wait_until_gone();
}

plait::task<void> cancel_on_a_loop(process_pool_executor* pool, const portable_gate* start) {
  cancel_while_it_starts(*pool, *start);
  const watched_process worker(known_pids(*pool, 1)[0]);
  co_await plait::sleep(1ms);  // the loop sleeps, and its pool would ring it
  start->let_through(1);
  co_await plait::to_thread([&worker] { worker.wait_until_gone(); });
}

TEST(process_pool_loop, a_worker_that_starts_for_nothing_becomes_idle_beside_a_loop) {
  const portable_gate start;
  auto pool = brief_pool(start);
  plait::event_loop loop;
  loop.run_until_complete(cancel_on_a_loop(&pool, &start));
}

}  // namespace
