// Calls that are stopped, and calls that are run again: cancelling, deadlines, retries after a death.
#include <plait/loop/event_loop.hpp>

#include <chrono>
#include <stop_token>
#include <thread>

#include "process_pool_fixture_test.hpp"

namespace {

using namespace std::chrono_literals;
using namespace pool_test;
using plait::cancel_outcome;

// ── cancelling ──

TEST(process_pool_cancel, a_running_call_with_a_stop_token_is_asked) {
  const portable_gate gate;
  process_pool_executor pool({.max_workers = 1});
  for (int round = 0; round < 5; ++round) {
    const auto call = pool.submit(until_asked, gate.path());
    gate.let_through(1);
    gate.wait_for(1);
    EXPECT_EQ(call.cancel(), cancel_outcome::asked);
    EXPECT_EQ(call.result(), 7);
    EXPECT_EQ(pool.submit(square, round).result(), round * round);  // the same worker, not asked
  }
}

int waits_for_stop_callback(std::stop_token stop, const std::string& gate) {
  const std::stop_callback opens(stop, [&] { pass_gate(gate); });  // runs on the worker's listener
  pass_gate(gate);
  while (!stop.stop_requested()) std::this_thread::yield();
  return 1;
}

TEST(process_pool_cancel, runs_stop_callbacks_in_the_worker) {
  const portable_gate gate;
  process_pool_executor pool({.max_workers = 1});
  const auto call = pool.submit(waits_for_stop_callback, gate.path());
  gate.let_through(2);
  gate.wait_for(1);
  EXPECT_EQ(call.cancel(), cancel_outcome::asked);
  gate.wait_for(1);
  EXPECT_EQ(call.result(), 1);
}

TEST(process_pool_cancel, a_running_call_without_one_is_left_to_itself) {
  const portable_gate gate;
  process_pool_executor pool({.max_workers = 1});
  const auto call = pool.submit(wait_at, gate.path(), 5);
  gate.wait_for(1);
  EXPECT_EQ(call.cancel(), cancel_outcome::abandoned);
  gate.let_through(1);
  EXPECT_EQ(call.result(), 5);
}

TEST(process_pool_cancel, a_call_that_was_sent_ahead_is_dropped) {
  const portable_gate gate;
  process_pool_executor pool({.max_workers = 1});
  for (int i = 0; i < 2'000; ++i) pool.submit(square, i).result();  // quick: so calls are sent ahead
  const auto runs = pool.submit(wait_at, gate.path(), 5);
  std::vector<plait::future<int>> ahead;
  for (int i = 0; i < 50; ++i) ahead.push_back(pool.submit(square, i));
  gate.wait_for(1);
  for (int i = 0; i < 50; i += 2) EXPECT_EQ(ahead[static_cast<std::size_t>(i)].cancel(), cancel_outcome::dropped);
  EXPECT_EQ(pool.pending(), 25U);
  gate.let_through(1);
  for (int i = 1; i < 50; i += 2) EXPECT_EQ(ahead[static_cast<std::size_t>(i)].result(), i * i);
  EXPECT_EQ(runs.result(), 5);
}

// ── cancelling who awaits it ──

void cancel_while_it_awaits(plait::event_loop& loop, const plait::task_handle<int>& waiting) {
  loop.call_soon([&] { loop.call_soon([&] { waiting.cancel(); }); });
  EXPECT_THROW(loop.run_until_complete(waiting), plait::cancelled_error);
}

TEST(process_pool_cancel, of_a_coroutine_asks_the_running_call_that_it_awaits) {
  const portable_gate gate;
  process_pool_executor pool({.max_workers = 1});
  plait::event_loop loop;
  const auto call = pool.submit(until_asked, gate.path());
  gate.let_through(1);
  gate.wait_for(1);
  cancel_while_it_awaits(loop, loop.create_task(awaits(call)));
  EXPECT_EQ(call.result(), 7);  // it ends: it was asked
}

TEST(process_pool_cancel, of_a_coroutine_leaves_a_running_call_that_can_not_be_asked) {
  const portable_gate gate;
  process_pool_executor pool({.max_workers = 1});
  plait::event_loop loop;
  const auto call = pool.submit(wait_at, gate.path(), 5);
  gate.wait_for(1);
  cancel_while_it_awaits(loop, loop.create_task(awaits(call)));
  EXPECT_FALSE(call.done());
  gate.let_through(1);
  EXPECT_EQ(call.result(), 5);
}

TEST(process_pool_cancel, of_a_coroutine_drops_the_pending_call_that_it_awaits) {
  const portable_gate gate;
  process_pool_executor pool({.max_workers = 1});
  plait::event_loop loop;
  const auto runs = pool.submit(wait_at, gate.path(), 5);
  gate.wait_for(1);
  const auto call = pool.submit(square, 3);
  cancel_while_it_awaits(loop, loop.create_task(awaits(call)));
  EXPECT_TRUE(call.cancelled());
  gate.let_through(1);
  EXPECT_EQ(runs.result(), 5);
}

// ── deadlines ──

TEST(process_pool_deadline, kills_the_worker_and_another_takes_its_place) {
  const portable_gate gate;
  process_pool_executor pool({.max_workers = 1});
  const auto pid = pool.submit(own_pid).result();
  const watched_process worker(pid);
  gate.let_through(1);
  // A call whose time is over before the worker has come to it is dropped, and kills nobody.
  for (plait::nanoseconds time = 100ms;; time *= 2) {
    const auto late = pool.submit({.timeout = time, .name = "decode"}, ignores_all, gate.path());
    const auto waits = pool.submit(own_pid);
    EXPECT_THAT(message_of<plait::timeout_error>([&] { late.result(); }), testing::HasSubstr("decode"));
    if (waits.result() != pid) break;
  }
  worker.wait_until_gone();
  expect_next_hundred(pool);
}

TEST(process_pool_deadline, of_a_call_that_waits_drops_it) {
  const portable_gate gate;
  process_pool_executor pool({.max_workers = 1});
  const auto pid = pool.submit(own_pid).result();
  const auto runs = pool.submit(wait_at, gate.path(), 5);
  const auto late = pool.submit({.timeout = 1ms}, square, 3);
  EXPECT_THROW(late.result(), plait::timeout_error);
  gate.let_through(1);
  EXPECT_EQ(runs.result(), 5);
  EXPECT_EQ(pool.submit(own_pid).result(), pid);
}

TEST(process_pool_deadline, of_many_at_once) {
  process_pool_executor pool({.max_workers = 3});
  const auto endless = [] {
    while (true) ::pause();
  };
  std::vector<plait::future<void>> late;
  std::vector<plait::future<int>> good;
  for (int i = 0; i < 12; ++i) {
    late.push_back(pool.submit({.timeout = 20ms}, endless));
    good.push_back(pool.submit(square, i));
  }
  for (const auto& call : late) EXPECT_THROW(call.result(), plait::timeout_error);
  for (int i = 0; i < 12; ++i) EXPECT_EQ(good[static_cast<std::size_t>(i)].result(), i * i);
}

// ── retries ──

TEST(process_pool_retries, after_a_death_where_it_was_asked_for) {
  const portable_gate folder;
  process_pool_executor pool({.max_workers = 1});
  EXPECT_EQ(
      pool.submit({.retries = 2, .retry_on = plait::retry_on<worker_died>}, dies_at_first, folder.path(), 2).result(),
      2);
}

TEST(process_pool_retries, end) {
  const portable_gate folder;
  process_pool_executor pool({.max_workers = 1});
  const auto call =
      pool.submit({.retries = 1, .retry_on = plait::retry_on<worker_died>}, dies_at_first, folder.path(), 5);
  EXPECT_EQ(death_of(call).signal(), SIGSEGV);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 2 + 2);
}

TEST(process_pool_retries, not_after_a_death_where_another_error_was_named) {
  const portable_gate folder;
  process_pool_executor pool({.max_workers = 1});
  const auto call =
      pool.submit({.retries = 3, .retry_on = plait::retry_on<std::out_of_range>}, dies_at_first, folder.path(), 1);
  EXPECT_EQ(death_of(call).signal(), SIGSEGV);
}

int notes_its_begin_and_ignores_all(const std::string& folder) {
  ::signal(SIGTERM, SIG_IGN);
  std::ofstream(folder + "/" + std::to_string(::getpid()));
  while (true) ::pause();
}

TEST(process_pool_retries, not_of_a_call_that_its_deadline_killed) {
  // One whose time is over before it has begun is only dropped.
  for (plait::nanoseconds time = 100ms;; time *= 2) {
    const portable_gate folder;
    process_pool_executor pool({.max_workers = 1, .term_grace = 1ms});
    const auto call = pool.submit({.timeout = time, .retries = 3, .retry_on = plait::retry_on<worker_died>},
                                  notes_its_begin_and_ignores_all, folder.path());
    EXPECT_THROW(call.result(), plait::timeout_error);
    EXPECT_EQ(pool.submit(square, 3).result(), 9);
    EXPECT_TRUE(pool.shutdown());
    const auto begun = std::distance(std::filesystem::directory_iterator(folder.path()), {}) - 2;  // the gate's own
    EXPECT_LE(begun, 1);
    if (begun > 0) break;
  }
}

}  // namespace
