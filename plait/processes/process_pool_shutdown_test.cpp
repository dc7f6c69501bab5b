// How a pool of processes ends: shutdown of each kind, the destructor; and what done callbacks may do to it.
#include <plait/core/promise.hpp>
#include <plait/loop/event_loop.hpp>

#include <chrono>
#include <memory>

#include "process_pool_fixture_test.hpp"
#include <tests/support/gate.hpp>
#include <tests/support/recorded_reports.hpp>

namespace {

using namespace std::chrono_literals;
using namespace pool_test;
using plait::shutdown_mode;
using test_support::recorded_reports;
using testing::AllOf;
using testing::HasSubstr;

// ── shutdown ──

TEST(process_pool_shutdown, kill_cancels_what_runs_and_what_waits) {
  const portable_gate gate;
  process_pool_executor pool({.max_workers = 2});
  std::vector<plait::future<int>> calls;
  for (int i = 0; i < 50; ++i) calls.push_back(pool.submit(ignores_all, gate.path()));
  gate.let_through(2);
  gate.wait_for(2);
  std::vector<watched_process> workers;
  for (const auto pid : known_pids(pool, 2)) workers.emplace_back(pid);
  EXPECT_TRUE(pool.shutdown(shutdown_mode::kill));
  for (const auto& call : calls) EXPECT_TRUE(call.cancelled());
  for (const auto& worker : workers) worker.wait_until_gone();
  EXPECT_EQ(pool.workers(), 0);
}

TEST(process_pool_shutdown, kill_of_a_pool_whose_workers_only_just_start) {
  for (int round = 0; round < 10; ++round) {
    process_pool_executor pool({.max_workers = 4});
    std::vector<plait::future<int>> calls;
    for (int i = 0; i < 8; ++i) calls.push_back(pool.submit(square, i));
    EXPECT_TRUE(pool.shutdown(shutdown_mode::kill));
    for (const auto& call : calls) EXPECT_TRUE(call.done());
    EXPECT_EQ(pool.workers(), 0);
  }
}

TEST(process_pool_shutdown, kill_runs_nothing_again) {
  const portable_gate gate;
  process_pool_executor pool({.max_workers = 1});
  const auto call = pool.submit({.retries = 3, .retry_on = plait::retry_on<worker_died>}, ignores_all, gate.path());
  gate.let_through(1);
  gate.wait_for(1);
  EXPECT_TRUE(pool.shutdown(shutdown_mode::kill));
  EXPECT_TRUE(call.cancelled());
}

// A worker that dies when no call is taken any more must still be replaced for those that wait.
TEST(process_pool_shutdown, drains_though_a_worker_dies) {
  const portable_gate gate;
  process_pool_executor pool({.max_workers = 1});
  const auto dies = pool.submit(wait_at, gate.path(), 1);
  std::vector<plait::future<int>> waiting;
  for (int i = 0; i < 20; ++i) waiting.push_back(pool.submit(square, i));
  gate.wait_for(1);
  const auto ended = pool.async_shutdown(shutdown_mode::drain);
  watched_process(known_pids(pool, 1).at(0)).signal(SIGKILL);
  EXPECT_TRUE(ended.result());
  EXPECT_EQ(death_of(dies).signal(), SIGKILL);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(waiting[static_cast<std::size_t>(i)].result(), i * i);
}

TEST(process_pool_shutdown, drains_though_the_last_call_dies) {
  const portable_gate gate;
  process_pool_executor pool({.max_workers = 1});
  const auto dies = pool.submit(wait_at, gate.path(), 1);
  gate.wait_for(1);
  const auto ended = pool.async_shutdown(shutdown_mode::drain);
  watched_process(known_pids(pool, 1).at(0)).signal(SIGKILL);
  EXPECT_TRUE(ended.result());
  EXPECT_EQ(death_of(dies).signal(), SIGKILL);
}

TEST(process_pool_shutdown, drains_a_retry_after_a_death) {
  const portable_gate folder;
  process_pool_executor pool({.max_workers = 1});
  const auto call =
      pool.submit({.retries = 2, .retry_on = plait::retry_on<worker_died>}, dies_at_first, folder.path(), 2);
  EXPECT_TRUE(pool.shutdown());
  EXPECT_EQ(call.result(), 2);
}

TEST(process_pool_shutdown, from_a_done_callback_on_the_pools_thread_is_refused) {
  const portable_gate gate;
  process_pool_executor pool({.max_workers = 1});
  std::string refusal;
  plait::promise<void> told;
  const auto call = pool.submit(wait_at, gate.path(), 1);
  call.add_done_callback([&](const auto&) {
    refusal = message_of<plait::invalid_state_error>([&] { pool.shutdown(); });
    told.set_value();
  });
  gate.let_through(1);
  told.get_future().result();
  EXPECT_THAT(refusal, HasSubstr("own workers"));
}

TEST(process_pool_shutdown, may_begin_in_a_done_callback) {
  for (const auto mode : {shutdown_mode::drain, shutdown_mode::cancel_pending, shutdown_mode::kill}) {
    const portable_gate gate;
    process_pool_executor pool({.max_workers = 1});
    const auto call = pool.submit(wait_at, gate.path(), 1);
    const auto waits = pool.submit(square, 2);
    test_support::gate began;
    call.add_done_callback([&](const auto&) {
      pool.shutdown(mode, 0s);
      began.open();
    });
    gate.let_through(1);
    began.wait();
    EXPECT_TRUE(pool.shutdown(mode));
    EXPECT_TRUE(waits.done());
    EXPECT_THROW(static_cast<void>(pool.submit(square, 1)), plait::shut_down_error);
  }
}

TEST(process_pool_callbacks, may_submit_and_throw) {
  const recorded_reports reports;
  const portable_gate gate;
  process_pool_executor pool({.max_workers = 1});
  plait::promise<int> answer;
  const auto call = pool.submit(wait_at, gate.path(), 3);
  call.add_done_callback([](const auto&) { throw std::runtime_error("from a callback"); });
  call.add_done_callback([&](const auto& done) {
    pool.submit(square, done.result()).add_done_callback([&](const auto& next) { answer.set_value(next.result()); });
  });
  gate.let_through(1);
  EXPECT_EQ(answer.get_future().result(), 9);
  EXPECT_THAT(reports.text(), HasSubstr("from a callback"));
}

// ── destroyed ──

TEST(process_pool_destroyed, drains) {
  std::vector<plait::future<int>> calls;
  {
    process_pool_executor pool({.max_workers = 2});
    for (int i = 0; i < 50; ++i) calls.push_back(pool.submit(square, i));
  }
  for (int i = 0; i < 50; ++i) {
    EXPECT_TRUE(calls[static_cast<std::size_t>(i)].done());
    EXPECT_EQ(calls[static_cast<std::size_t>(i)].result(), i * i);
  }
}

TEST(process_pool_destroyed, on_a_running_loop_it_kills_and_warns) {
  const recorded_reports reports;
  const portable_gate gate;
  auto pool = std::make_unique<process_pool_executor>(
      plait::process_pool_options{.max_workers = 1, .worker_name_prefix = "doomed"});
  const auto runs = pool->submit({.name = "decode"}, ignores_all, gate.path());
  const auto waits = pool->submit(square, 2);
  gate.let_through(1);
  gate.wait_for(1);
  const watched_process worker(known_pids(*pool, 1).at(0));
  plait::event_loop loop;
  loop.call_soon([&] {
    pool.reset();
    loop.stop();
  });
  loop.run_forever();
  EXPECT_TRUE(waits.cancelled());
  EXPECT_THROW(runs.result(), plait::cancelled_error);
  worker.wait_until_gone();
  EXPECT_THAT(reports.text(),
              AllOf(HasSubstr("the executor doomed was destroyed"), HasSubstr("doomed_0 (\"decode\")")));
}

TEST(process_pool_destroyed, on_a_running_loop_while_idle_says_nothing) {
  const recorded_reports reports;
  auto pool = std::make_unique<process_pool_executor>(plait::process_pool_options{.max_workers = 2});
  std::vector<watched_process> workers;
  for (const auto pid : started_pids(*pool)) workers.emplace_back(pid);
  plait::event_loop loop;
  loop.call_soon([&] {
    pool.reset();
    loop.stop();
  });
  loop.run_forever();
  for (const auto& worker : workers) worker.wait_until_gone();
  EXPECT_EQ(reports.text(), "");
}

TEST(process_pool_destroyed, in_a_done_callback_on_its_own_thread) {
  const portable_gate gate;
  auto pool = std::make_unique<process_pool_executor>(plait::process_pool_options{.max_workers = 1});
  test_support::gate destroyed;
  const auto call = pool->submit(wait_at, gate.path(), 1);
  call.add_done_callback([&](const auto&) {
    pool.reset();
    destroyed.open();
  });
  gate.let_through(1);
  destroyed.wait();
  EXPECT_EQ(call.result(), 1);
}

}  // namespace
