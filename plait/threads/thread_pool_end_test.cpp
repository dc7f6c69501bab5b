// How a pool of threads ends where it may not wait: on a loop's thread, on its own threads, in a forked child.
#include <plait/loop/event_loop.hpp>
#include <plait/threads/thread_pool_executor.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <tests/support/expect_throw.hpp>
#include <tests/support/gate.hpp>
#include <tests/support/recorded_reports.hpp>
#include <unistd.h>

namespace {

using namespace std::chrono_literals;
using plait::shutdown_mode;
using plait::thread_pool_executor;
using test_support::gate;
using test_support::message_of;
using test_support::recorded_reports;
using testing::HasSubstr;

template <class F> void on_a_running_loop(F f) {
  plait::event_loop loop;
  loop.call_soon([&] {
    f();
    loop.stop();
  });
  loop.run_forever();
}

// ── destroyed on a running loop's thread ──

TEST(thread_pool_end, destroyed_on_a_loop_it_does_not_block_it_and_names_what_runs) {
  const recorded_reports reports;
  std::optional<thread_pool_executor> pool(
      std::in_place, plait::thread_pool_options{.max_workers = 2, .thread_name_prefix = "codec"});
  gate started, asked, release;
  const auto takes_a_token = [&](std::stop_token stop) {
    const std::stop_callback on_stop(stop, [&] { asked.open(); });
    started.open();
    asked.wait();
    release.wait();  // it is among those that run until that was told
    throw plait::cancelled_error();
  };
  auto stoppable = pool->submit({.name = "decode"}, takes_a_token);
  started.wait();
  gate held;
  const auto holds = [&] {
    held.open();
    release.wait();
    return 7;
  };
  auto deaf = pool->submit(holds);
  held.wait();
  auto waiting = pool->submit([] {});

  on_a_running_loop([&] { pool.reset(); });  // hangs where it waits: nobody opens `release`

  EXPECT_TRUE(waiting.cancelled());
  const auto report = recorded_reports::text();
  EXPECT_THAT(report, HasSubstr("the executor codec was destroyed"));
  EXPECT_THAT(report, HasSubstr("codec_0 (\"decode\"), codec_1"));
  release.open();
  EXPECT_THROW(stoppable.result(), plait::cancelled_error);
  EXPECT_EQ(deaf.result(), 7) << "the thread ended its call by itself";
}

TEST(thread_pool_end, destroyed_on_a_loop_without_calls_it_says_nothing) {
  const recorded_reports reports;
  on_a_running_loop([] {
    thread_pool_executor never_used;
    thread_pool_executor used;
    auto f = used.submit([] {});
    while (!f.done()) std::this_thread::yield();
  });
  EXPECT_EQ(recorded_reports::text(), "");
}

TEST(thread_pool_end, one_that_was_shut_down_may_be_destroyed_on_a_loop) {
  const recorded_reports reports;
  std::optional<thread_pool_executor> pool(std::in_place);
  auto f = pool->submit([] { return 1; });
  pool->shutdown();
  on_a_running_loop([&] { pool.reset(); });
  EXPECT_EQ(f.result(), 1);
  EXPECT_EQ(recorded_reports::text(), "");
}

// ── on one of its own threads ──

TEST(thread_pool_end, destroyed_on_its_own_thread_it_does_not_wait_for_itself) {
  const recorded_reports reports;
  auto pool = std::make_shared<thread_pool_executor>(
      plait::thread_pool_options{.max_workers = 1, .thread_name_prefix = "own"});
  gate release;
  const auto drops_the_last = [&release, &pool] {
    release.wait();
    pool.reset();
    return 3;
  };
  auto f = pool->submit({.name = "suicide"}, drops_the_last);
  auto waiting = pool->submit([] {});
  release.open();
  EXPECT_EQ(f.result(), 3);
  EXPECT_THROW(waiting.result(), plait::cancelled_error);
  EXPECT_THAT(recorded_reports::text(), HasSubstr("own_0 (\"suicide\")"));
}

TEST(thread_pool_end, shutdown_on_its_own_thread_is_explained_and_does_nothing) {
  thread_pool_executor pool({.max_workers = 1});
  const auto ends = [&] { return message_of<plait::invalid_state_error>([&] { return pool.shutdown(); }); };
  EXPECT_EQ(pool.submit(ends).result(),
            "plait: shutdown() on one of the executor's own workers waits for the very call that it is called from; "
            "shutdown(mode, 0s) begins it without waiting");
  const auto ends_in_time = [&] {
    return message_of<plait::invalid_state_error>([&] { return pool.shutdown(shutdown_mode::kill, 1ms); });
  };
  EXPECT_THAT(pool.submit(ends_in_time).result(), HasSubstr("shutdown(mode, 0s)"));
  EXPECT_EQ(pool.submit([] { return 5; }).result(), 5);
}

TEST(thread_pool_end, shutdown_on_its_own_thread_may_begin_without_waiting) {
  thread_pool_executor pool({.max_workers = 1});
  auto f = pool.submit([&] { return pool.shutdown(shutdown_mode::cancel_pending, 0s); });
  EXPECT_FALSE(f.result()) << "the worker itself has not ended";
  EXPECT_TRUE(pool.shutdown());
  EXPECT_THROW(pool.submit([] {}), plait::shut_down_error);
}

TEST(thread_pool_end, another_pools_thread_may_shut_it_down) {
  thread_pool_executor pool, other;
  EXPECT_TRUE(other.submit([&] { return pool.shutdown(); }).result());
}

TEST(thread_pool_end, many_that_are_destroyed_while_they_start_threads) {
  const recorded_reports reports;
  for (int round = 0; round < 200; ++round) {
    std::vector<plait::future<void>> calls;
    on_a_running_loop([&] {
      thread_pool_executor pool({.max_workers = 4});
      for (int i = 0; i < 8; ++i) calls.push_back(pool.submit([] {}));
    });
    for (const auto& f : calls) {
      while (!f.done()) std::this_thread::yield();
    }
  }
  static_cast<void>(recorded_reports::take());
}

// ── in a forked child ──

TEST(thread_pool_end, in_a_forked_child_every_pool_is_broken_and_its_destructor_does_nothing) {
  auto pool = std::make_unique<thread_pool_executor>(plait::thread_pool_options{.max_workers = 1});
  gate started, release;
  const auto holds = [&] {
    started.open();
    release.wait();
    return 4;
  };
  auto running = pool->submit(holds);
  started.wait();
  auto waiting = pool->submit([] { return 5; });

  const pid_t owner = getpid();
  const pid_t child = fork();
  ASSERT_NE(child, -1);
  if (child == 0) {
    const auto refused = message_of<plait::broken_executor>([&] { return pool->submit([] { return 6; }); });
    int faults = 0;
    if (refused.find("belongs to process " + std::to_string(owner)) == std::string::npos) faults |= 1;
    if (refused.find("(" + std::to_string(getpid()) + ") was forked") == std::string::npos) faults |= 2;
    if (waiting.cancel() != plait::cancel_outcome::abandoned) faults |= 4;
    pool.reset();  // hangs, or crashes, where it does anything
    _exit(faults);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status)) << status;
  EXPECT_EQ(WEXITSTATUS(status), 0);

  release.open();
  EXPECT_EQ(running.result(), 4) << "the parent's pool goes on";
  EXPECT_EQ(waiting.result(), 5);
}

}  // namespace
