// The end of the whole program with pools that still live. Each test body that ends in std::exit is a program of its
// own: a death test runs it in this program started anew, and looks at its exit code and at what it wrote to stderr.
#include <plait/loop/event_loop.hpp>
#include <plait/threads/thread_pool_executor.hpp>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <stop_token>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <tests/support/gate.hpp>

namespace {

using namespace std::chrono_literals;
using plait::thread_pool_executor;
using test_support::gate;
using testing::ExitedWithCode;

constexpr auto clean = "";

/// A pool that nobody ever destroys.
thread_pool_executor& everlasting(int workers) {
  static auto* const pool = new thread_pool_executor({.max_workers = workers});
  return *pool;
}

TEST(process_end, with_an_idle_pool) {
  EXPECT_EXIT(
      {
        everlasting(2).submit([] {}).result();
        std::exit(0);
      },
      ExitedWithCode(0), testing::Eq(clean));
}

TEST(process_end, with_calls_that_wait_and_calls_that_run) {
  const auto program = [] {
    auto& pool = everlasting(2);
    static gate started;
    static std::vector<plait::future<void>> calls;
    const auto until_asked = [](std::stop_token stop) {
      started.open();
      while (!stop.stop_requested()) std::this_thread::yield();
    };
    for (int i = 0; i < 100; ++i) calls.push_back(pool.submit(until_asked));
    started.wait();
    std::exit(0);
  };
  EXPECT_EXIT(program(), ExitedWithCode(0), testing::Eq(clean));
}

TEST(process_end, with_a_call_that_does_not_end) {
  const auto program = [] {
    static gate started, never;
    const auto endless = [] {
      started.open();
      never.wait();
    };
    static auto f = everlasting(1).submit(endless);
    started.wait();
    std::exit(0);
  };
  EXPECT_EXIT(program(), ExitedWithCode(0), testing::Eq(clean));
}

TEST(process_end, with_a_pool_of_static_storage_that_is_busy) {
  const auto program = [] {
    static thread_pool_executor pool({.max_workers = 1});
    static std::vector<plait::future<int>> calls;
    for (int i = 0; i < 100; ++i) calls.push_back(pool.submit([i] { return i; }));
    std::exit(0);
  };
  EXPECT_EXIT(program(), ExitedWithCode(0), testing::Eq(clean));
}

TEST(process_end, on_a_running_loops_thread) {
  const auto program = [] {
    static gate started;
    const auto until_asked = [](std::stop_token stop) {
      started.open();
      while (!stop.stop_requested()) std::this_thread::yield();
    };
    static auto f = everlasting(1).submit(until_asked);
    started.wait();
    plait::event_loop loop;
    loop.call_soon([] { std::exit(3); });
    loop.run_forever();
  };
  EXPECT_EXIT(program(), ExitedWithCode(3), testing::Eq(clean));
}

TEST(process_end, on_a_worker) {
  const auto program = [] { everlasting(2).submit([] { std::exit(4); }).result(); };
  EXPECT_EXIT(program(), ExitedWithCode(4), testing::Eq(clean));
}

TEST(process_end, submit_from_a_static_destructor_is_an_error) {
  const auto program = [] {
    static struct at_end {
      ~at_end() {
        try {
          static_cast<void>(everlasting(1).submit([] {}));
          std::fputs("it was taken", stderr);
        } catch (const plait::shut_down_error& error) {
          std::fputs(error.what(), stderr);
        }
      }
    } made_before_the_pool;
    everlasting(1).submit([] {}).result();
    std::exit(0);
  };
  EXPECT_EXIT(program(), ExitedWithCode(0), testing::Eq("plait: submit while the program is leaving"));
}

TEST(process_end, a_pool_may_be_made_and_used_by_a_static_destructor_where_it_drains) {
  const auto program = [] {
    static thread_pool_executor first;
    static struct at_end {
      ~at_end() {
        thread_pool_executor pool;  // made after `first`, so destroyed before it: the program is not leaving yet
        std::fprintf(stderr, "%d", pool.submit([] { return 42; }).result());
      }
    } made_after_the_pool;
    std::exit(0);
  };
  EXPECT_EXIT(program(), ExitedWithCode(0), testing::Eq("42"));
}

}  // namespace
