// What is particular to threads: how they are named, made and let go; bad options; the limits of the machine.
#include <plait/core/internal/cpus.hpp>
#include <plait/core/thread_name.hpp>
#include <plait/threads/thread_pool_executor.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <limits>
#include <memory>
#include <mutex>
#include <ranges>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <tests/support/expect_throw.hpp>
#include <tests/support/gate.hpp>
#include <tests/support/recorded_reports.hpp>

namespace {

using namespace std::chrono_literals;
using plait::thread_pool_executor;
using plait::thread_pool_options;
using test_support::counter;
using test_support::gate;
using test_support::message_in;
using test_support::message_of;
using test_support::recorded_reports;
using testing::HasSubstr;
using testing::MatchesRegex;

std::string name_in_kernel() {
  char name[16] = {};
  pthread_getname_np(pthread_self(), name, sizeof name);
  return name;
}

// ── names ──

TEST(thread_pool, threads_are_named_by_prefix_and_number) {
  thread_pool_executor pool({.max_workers = 3, .thread_name_prefix = "decoder"});
  std::mutex mutex;
  std::set<std::string> names;
  counter arrived;
  gate release;
  std::vector<plait::future<void>> calls;
  for (int i = 0; i < 3; ++i) {
    const auto note = [&] {
      {
        const std::lock_guard lock(mutex);
        names.insert(plait::thread_name());
      }
      arrived.add();
      release.wait();
    };
    calls.push_back(pool.submit(note));
  }
  arrived.wait_for(3);
  release.open();
  pool.shutdown();
  EXPECT_EQ(names, (std::set<std::string>{"decoder_0", "decoder_1", "decoder_2"}));
}

TEST(thread_pool, the_prefix_counts_the_programs_pools) {
  const auto name = [] {
    thread_pool_executor pool;
    return pool.submit([] { return plait::thread_name(); }).result();
  };
  const std::string first = name(), second = name();
  EXPECT_THAT(first, MatchesRegex("ThreadPoolExecutor-[0-9]+_0"));
  const auto number = [](const std::string& text) { return std::stoi(text.substr(text.find('-') + 1)); };
  EXPECT_EQ(number(second), number(first) + 1);
}

TEST(thread_pool, the_kernel_sees_the_tail_of_the_name) {
  thread_pool_executor pool({.max_workers = 1, .thread_name_prefix = "a_very_long_prefix_indeed"});
  EXPECT_EQ(pool.submit([] { return plait::thread_name(); }).result(), "a_very_long_prefix_indeed_0");
  EXPECT_EQ(pool.submit(name_in_kernel).result(), "prefix_indeed_0");
}

TEST(thread_pool, numbers_of_threads_that_went_are_used_again) {
  thread_pool_executor pool({.max_workers = 2, .thread_name_prefix = "p", .idle_timeout = 1us});
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(pool.submit([] { return plait::thread_name(); }).result(), "p_0");
    while (pool.workers() > 0) std::this_thread::yield();
  }
}

// ── defaults and bad options ──

TEST(thread_pool, has_four_threads_more_than_processors_at_most_32) {
  thread_pool_executor pool;
  EXPECT_EQ(pool.max_workers(), std::min(32, plait::detail::usable_cpus() + 4));
  EXPECT_GE(plait::detail::usable_cpus(), 1);
}

TEST(thread_pool, options_that_can_not_be_are_refused_with_name_and_value) {
  const auto refused = [](const thread_pool_options& options) {
    return message_of<std::invalid_argument>([&] { thread_pool_executor pool(options); });
  };
  EXPECT_EQ(refused({.max_workers = 0}), "plait: max_workers is 0; expected 1 or more");
  EXPECT_EQ(refused({.max_workers = -3}), "plait: max_workers is -3; expected 1 or more");
  EXPECT_EQ(refused({.idle_timeout = -1s}), "plait: idle_timeout is -1 s; expected 0 or more");
  EXPECT_EQ(refused({.max_pending = 0}), "plait: max_pending is 0; expected 1 or more");
  EXPECT_EQ(refused({.max_pending_bytes = 0}), "plait: max_pending_bytes is 0; expected 1 or more");
}

TEST(thread_pool, retries_of_a_call_that_can_only_be_moved_are_refused) {
  thread_pool_executor pool;
  const auto taking = [](const std::unique_ptr<int>&) {};
  EXPECT_EQ(message_of<std::invalid_argument>(
                [&] { return pool.submit({.retries = 1}, taking, std::make_unique<int>(1)); }),
            "plait: retries is 1; expected 0, since the callable or an argument of this call can only be moved");
}

TEST(thread_pool, an_idle_timeout_of_0_lets_them_go_at_once) {
  thread_pool_executor pool({.max_workers = 2, .idle_timeout = 0s});
  for (int i = 0; i < 100; ++i) EXPECT_EQ(pool.submit([i] { return i; }).result(), i);
  while (pool.workers() > 0) std::this_thread::yield();
}

// ── the initializer ──

TEST(thread_pool, the_initializer_runs_once_in_each_thread_before_its_first_call) {
  static thread_local int initialized_here = 0;
  std::atomic<int> initialized{0};
  const auto initialize = [&] {
    ++initialized_here;
    ++initialized;
  };
  thread_pool_executor pool({.max_workers = 3, .initializer = initialize});
  EXPECT_EQ(initialized, 0);
  counter arrived;
  gate release;
  std::vector<plait::future<int>> calls;
  for (int i = 0; i < 9; ++i) {
    const auto look = [&] {
      arrived.add();
      release.wait();
      return initialized_here;
    };
    calls.push_back(pool.submit(look));
  }
  arrived.wait_for(3);
  EXPECT_EQ(initialized, 3);
  release.open();
  for (const auto& f : calls) EXPECT_EQ(f.result(), 1);
  EXPECT_EQ(initialized, 3);
}

TEST(thread_pool, an_initializer_that_throws_breaks_the_pool_and_fails_what_waits) {
  const recorded_reports reports;
  gate release;
  const auto throws = [&] {
    release.wait();
    throw std::runtime_error("no licence");
  };
  thread_pool_executor pool({.max_workers = 1, .thread_name_prefix = "solver", .initializer = throws});
  std::vector<plait::future<int>> calls;
  for (int i = 0; i < 3; ++i) calls.push_back(pool.submit([i] { return i; }));
  release.open();
  for (const auto& f : calls) {
    const auto error = f.exception();
    EXPECT_EQ(message_in<plait::broken_executor>(error),
              "plait: the executor is broken: its initializer threw std::runtime_error: no licence");
    try {
      std::rethrow_exception(error);
    } catch (const plait::broken_executor& broken) {
      EXPECT_EQ(message_in<std::runtime_error>(broken.cause()), "no licence");
    }
  }
  EXPECT_THAT(message_of<plait::broken_executor>([&] { return pool.submit([] {}); }), HasSubstr("no licence"));
  EXPECT_TRUE(pool.shutdown());
  EXPECT_EQ(recorded_reports::text(),
            "the initializer of the executor solver threw std::runtime_error: no licence; the executor is broken\n");
}

TEST(thread_pool, an_initializer_that_throws_tells_who_waits_for_room) {
  const recorded_reports reports;
  gate release;
  const auto throws = [&] {
    release.wait();
    throw 7;
  };
  thread_pool_executor pool({.max_workers = 1, .initializer = throws, .max_pending = 1});
  auto queued = pool.submit([] {});
  auto room = pool.acquire_slot();
  release.open();
  EXPECT_THROW(queued.result(), plait::broken_executor);
  EXPECT_THROW(static_cast<void>(room.result()), plait::broken_executor);
  EXPECT_THAT(recorded_reports::text(), HasSubstr("an exception that is no std::exception"));
}

TEST(thread_pool, an_initializer_that_throws_in_the_second_thread_lets_the_first_finish) {
  const recorded_reports reports;
  std::atomic<int> made{0};
  const auto second_throws = [&] {
    if (++made == 2) throw std::runtime_error("one is enough");
  };
  thread_pool_executor pool({.max_workers = 2, .initializer = second_throws});
  gate started, release;
  const auto hold = [&] {
    started.open();
    release.wait();
    return 1;
  };
  auto running = pool.submit(hold);
  started.wait();
  auto waiting = pool.submit([] { return 2; });
  EXPECT_THROW(waiting.result(), plait::broken_executor);
  release.open();
  EXPECT_EQ(running.result(), 1);
}

// ── bounds ──

TEST(thread_pool, a_bound_by_bytes_counts_what_arguments_hold) {
  thread_pool_executor pool({.max_workers = 1, .max_pending_bytes = 10'000});
  gate started, release;
  auto running = pool.submit([&] {
    started.open();
    release.wait();
  });
  started.wait();
  const auto size = [](const std::string& text) { return text.size(); };
  auto large = pool.try_submit(size, std::string(50'000, 'x'));
  ASSERT_TRUE(large) << "a call larger than the bound is let in alone";
  EXPECT_FALSE(pool.try_submit(size, std::string(10, 'x')));
  EXPECT_EQ(large->cancel(), plait::cancel_outcome::dropped);
  auto first = pool.try_submit(size, std::string(6'000, 'x'));
  ASSERT_TRUE(first);
  EXPECT_FALSE(pool.try_submit(size, std::string(6'000, 'x')));
  auto second = pool.try_submit(size, std::string(100, 'x'));
  EXPECT_TRUE(second);
  release.open();
  EXPECT_EQ(first->result(), 6'000u);
  EXPECT_EQ(second->result(), 100u);
  EXPECT_TRUE(pool.try_submit(size, std::string(9'000, 'x')));
}

TEST(thread_pool, map_on_its_own_worker_does_not_wait_for_itself) {
  thread_pool_executor pool({.max_workers = 1, .max_pending = 1});
  const auto square = [](int n) { return n * n; };
  auto nested = pool.submit([&] {
    auto waiting = pool.submit(square, 1);
    auto results = pool.map(square, std::views::iota(0, 3));
    try {
      return *results.begin();
    } catch (const plait::queue_full&) {
      return -1;
    }
  });
  EXPECT_EQ(nested.result(), -1);
}

TEST(thread_pool, submit_on_its_own_worker_refuses_rather_than_wait_for_itself) {
  thread_pool_executor pool({.max_workers = 1, .max_pending = 1});
  const auto submits = [&pool] {
    auto first = pool.submit([] { return 1; });
    return message_of<plait::queue_full>([&] { return pool.submit([] { return 2; }); });
  };
  EXPECT_THAT(pool.submit(submits).result(), HasSubstr("one of its own workers"));
}

}  // namespace
