// Calls against workers that come and go: nobody sleeps while a call waits (a lost wake-up is a deadlock here), and
// what was accepted is run.
#if defined(PLAIT_SIMULATED)

#include <plait/core/report.hpp>
#include <plait/threads/thread_pool_executor.hpp>

#include <chrono>
#include <optional>
#include <stdexcept>

#include <gtest/gtest.h>
#include <tests/support/walk.hpp>

namespace plait {
namespace {

using namespace std::chrono_literals;
using test_support::must;
using test_support::walk;
using test_support::wander;

TEST(thread_pool_race, two_submits_with_two_workers) {
  const auto body = [] {
    sync::atomic<int> runs{0};
    {
      thread_pool_executor pool({.max_workers = 2});
      const auto submit = [&] { return pool.submit([&] { return runs.fetch_add(1); }); };
      sync::thread other([&] { submit().result(); });
      submit().result();
      other.join();
    }
    must(runs.load() == 2, "a call was lost or ran twice");
  };
  walk({.max_preemptions = 1}, body);
  wander(20'000, body);
}

// Two calls that need each other at the same time: the second must not wait behind the first.
TEST(thread_pool_race, two_calls_that_must_run_at_once) {
  const auto body = [] {
    thread_pool_executor pool({.max_workers = 2});
    sync::atomic<std::uint32_t> met{0};
    const auto meet = [&] {
      met.fetch_add(1);
      sync::futex_wake(met, sync::everybody);
      while (met.load() < 2) sync::futex_wait(met, 1);
    };
    auto first = pool.submit(meet);
    auto second = pool.submit(meet);
    first.result();
    second.result();
  };
  walk({.max_preemptions = 2}, body);
  wander(10'000, body);
}

// A worker that was told to be idle for too long against the call that counts on it.
TEST(thread_pool_race, idle_exit_against_submit) {
  walk({.early_timeouts = true}, [] {
    thread_pool_executor pool({.max_workers = 1, .idle_timeout = 1s});
    pool.submit([] {}).result();
    must(pool.submit([] { return 7; }).result() == 7, "another value");
  });
}

TEST(thread_pool_race, idle_exit_against_two_submits) {
  wander(10'000,
         [] {
           thread_pool_executor pool({.max_workers = 2, .idle_timeout = 1s});
           sync::thread other([&] {
             pool.submit([] {}).result();
             pool.submit([] {}).result();
           });
           pool.submit([] {}).result();
           pool.submit([] {}).result();
           other.join();
         },
         {.early_timeouts = true});
}

// A worker that ends at once against who still has to note its thread.
TEST(thread_pool_race, end_of_a_worker_against_its_start) {
  walk({.max_preemptions = 2, .early_timeouts = true}, [] {
    thread_pool_executor pool({.max_workers = 1, .idle_timeout = 0s});
    sync::thread other([&] { pool.submit([] {}).result(); });
    pool.submit([] {}).result();
    other.join();
  });
}

TEST(thread_pool_race, initializer_that_throws_against_submit) {
  static constexpr report_function nowhere = [](severity, std::string_view) noexcept {};
  const auto before = set_report_function(nowhere);
  walk({}, [] {
    thread_pool_executor pool({.max_workers = 1, .initializer = [] { throw std::runtime_error("x"); }});
    int refused = 0;
    for (int i = 0; i < 2; ++i) {
      try {
        pool.submit([] { must(false, "run by a worker that was not initialised"); }).result();
      } catch (const broken_executor&) {
        ++refused;
      }
    }
    must(refused == 2, "a broken executor has run a call");
  });
  set_report_function(before);
}

}  // namespace
}  // namespace plait

#endif
