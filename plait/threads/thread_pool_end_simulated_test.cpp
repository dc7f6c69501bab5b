// The end of a pool against who still submits: each call is run, cancelled or refused, never lost.
#if defined(PLAIT_SIMULATED)

#include <plait/core/report.hpp>
#include <plait/loop/event_loop.hpp>
#include <plait/threads/thread_pool_executor.hpp>

#include <chrono>
#include <optional>

#include <gtest/gtest.h>
#include <tests/support/walk.hpp>

namespace plait {
namespace {

using namespace std::chrono_literals;
using test_support::must;
using test_support::walk;
using test_support::wander;

/// While it lives, warnings go nowhere: schedules by the thousand would write the same.
struct silent {
  static void nowhere(severity, std::string_view) noexcept {}
  const report_function before = set_report_function(nowhere);
  silent() = default;
  silent(const silent&) = delete;
  silent& operator=(const silent&) = delete;
  ~silent() { set_report_function(before); }
};

void shut_down_against_submit(shutdown_mode mode) {
  sync::atomic<int> runs{0};
  std::optional<future<int>> late;
  thread_pool_executor pool({.max_workers = 1});
  auto early = pool.submit([&] { return runs.fetch_add(1); });
  sync::thread other([&] {
    try {
      late = pool.submit([&] { return runs.fetch_add(1); });
    } catch (const shut_down_error&) {
    }
  });
  must(pool.shutdown(mode), "shutdown came back before its time");
  must(pool.workers() == 0, "a worker has outlived the shutdown");
  other.join();
  must(early.done() && (!late || late->done()), "a call was lost");
  const int cancelled = early.cancelled() + (late && late->cancelled());
  must(runs.load() + cancelled == (late ? 2 : 1), "a call was run and cancelled, or neither");
  must(mode != shutdown_mode::drain || cancelled == 0, "drain has cancelled a call");
}

TEST(thread_pool_end_race, drain_against_submit) {
  walk({}, [] { shut_down_against_submit(shutdown_mode::drain); });
}
TEST(thread_pool_end_race, cancel_pending_against_submit) {
  walk({}, [] { shut_down_against_submit(shutdown_mode::cancel_pending); });
}
TEST(thread_pool_end_race, kill_against_submit) {
  walk({}, [] { shut_down_against_submit(shutdown_mode::kill); });
}

// The end is told once, by the last of several workers.
TEST(thread_pool_end_race, drain_of_two_workers) {
  walk({}, [] {
    thread_pool_executor pool({.max_workers = 2});
    auto first = pool.submit([] {});
    auto second = pool.submit([] {});
    must(pool.shutdown(shutdown_mode::drain), "shutdown came back before its time");
    must(pool.workers() == 0, "a worker has outlived the shutdown");
    must(first.done() && second.done(), "a call was lost");
  });
}

// Two shutdowns at once, one of which gives up early: both answer, and the pool is at its end once.
TEST(thread_pool_end_race, two_shutdowns) {
  walk({.max_preemptions = 1, .early_timeouts = true}, [] {
    thread_pool_executor pool({.max_workers = 1});
    auto call = pool.submit([] {});
    sync::thread other([&] { static_cast<void>(pool.shutdown(shutdown_mode::drain, 1s)); });
    must(pool.shutdown(shutdown_mode::drain), "shutdown came back before its time");
    must(call.done() && !call.cancelled(), "drain has not run a call");
    other.join();
  });
}

// The last call's done callback submits while the destructor waits for that very worker.
TEST(thread_pool_end_race, destructor_against_a_done_callback_that_submits) {
  int refused = 0;
  int run = 0;
  const bool complete = walk({.max_preemptions = 3}, [&] {
    sync::atomic<int> runs{0};
    std::optional<future<int>> second;
    bool shut_down = false;
    {
      thread_pool_executor pool({.max_workers = 1});
      auto first = pool.submit([] {});
      first.add_done_callback([&](const future<void>&) {
        try {
          second = pool.submit([&] { return runs.fetch_add(1); });
        } catch (const shut_down_error&) {
          shut_down = true;
        }
      });
    }
    must(second.has_value() != shut_down, "neither taken nor refused");
    must(runs.load() == (second ? 1 : 0), "taken and not run");
    must(!second || second->done(), "taken and not done");
    ++(shut_down ? refused : run);
  });
  EXPECT_TRUE(!complete || (refused > 0 && run > 0));
}

// The future of a shutdown may be the last that anybody wants of the pool.
TEST(thread_pool_end_race, destructor_after_an_asynchronous_shutdown) {
  walk({}, [] {
    std::optional<thread_pool_executor> pool(std::in_place, thread_pool_options{.max_workers = 1});
    auto call = pool->submit([] {});
    must(pool->async_shutdown().result(), "ended before its time");
    pool.reset();
    must(call.done(), "ended before its call was done");
  });
}

// ... and its worker may be the one that is told, and destroys the executor.
TEST(thread_pool_end_race, destructor_on_the_worker_that_tells_of_the_end) {
  walk({}, [] {
    auto* const pool = new thread_pool_executor({.max_workers = 1});
    sync::atomic<std::uint32_t> gone{0};
    pool->submit([] {}).result();
    pool->async_shutdown().add_done_callback([&](const future<bool>&) {
      delete pool;
      gone.store(1);
      sync::futex_wake(gone, 1);
    });
    while (gone.load() == 0) sync::futex_wait(gone, 0);
  });
}

// Destroyed where it must not wait: workers that are running, and such that are just being started, end by
// themselves.
TEST(thread_pool_end_race, destructor_on_a_loop_against_workers_that_start) {
  const silent reports;
  const auto body = [] {
    sync::atomic<std::uint32_t> left{2};
    {
      event_loop loop;
      loop.call_soon([&] {
        thread_pool_executor pool({.max_workers = 2});
        for (int i = 0; i < 2; ++i)
          pool.submit([] {}).add_done_callback([&](const future<void>&) {
            left.fetch_sub(1);
            sync::futex_wake(left, 1);
          });
        loop.stop();
      });
      loop.run_forever();
    }
    for (auto now = left.load(); now != 0; now = left.load()) sync::futex_wait(left, now);
  };
  walk({.max_preemptions = 1}, body);
  wander(10'000, body);
}

}  // namespace
}  // namespace plait

#endif
