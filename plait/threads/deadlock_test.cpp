// Calls that wait for calls of the same pool: reported where nobody can ever go on, and only there.
#include <plait/threads/thread_pool_executor.hpp>

#include <chrono>
#include <latch>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <tests/support/gate.hpp>
#include <tests/support/recorded_reports.hpp>

namespace {

using namespace std::chrono_literals;
using plait::thread_pool_executor;
using test_support::counter;
using test_support::gate;
using test_support::recorded_reports;
using testing::HasSubstr;

/// The reports, as soon as there is one.
std::string wait_for_report() {
  for (;;) {
    if (const auto text = recorded_reports::text(); !text.empty()) return text;
    std::this_thread::yield();
  }
}

TEST(deadlock, a_call_that_waits_for_one_behind_it_is_reported_with_both_names) {
  const recorded_reports reports;
  thread_pool_executor pool({.max_workers = 1, .thread_name_prefix = "narrow"});
  plait::future<int> inner;
  gate submitted;
  const auto outer_body = [&] {
    submitted.wait();
    try {
      return inner.result();
    } catch (const plait::cancelled_error&) {
      return -1;
    }
  };
  auto outer = pool.submit({.name = "outer"}, outer_body);
  inner = pool.submit({.name = "inner"}, [] { return 1; });
  submitted.open();
  const auto report = wait_for_report();
  EXPECT_THAT(report, HasSubstr("deadlock: all 1 workers of the executor narrow"));
  EXPECT_THAT(report, HasSubstr("\"outer\" waits for \"inner\", which is queued"));
  EXPECT_EQ(inner.cancel(), plait::cancel_outcome::dropped);  // and so it is resolved
  EXPECT_EQ(outer.result(), -1);
}

TEST(deadlock, all_of_several_workers_that_wait_are_reported_once) {
  const recorded_reports reports;
  thread_pool_executor pool({.max_workers = 2});
  std::vector<plait::future<int>> inner(2), outer;
  gate submitted;
  for (int i = 0; i < 2; ++i) {
    const auto body = [&, i] {
      submitted.wait();
      try {
        return inner[i].result();
      } catch (const plait::cancelled_error&) {
        return -1;
      }
    };
    outer.push_back(pool.submit(body));
  }
  for (auto& f : inner) f = pool.submit([] { return 1; });
  submitted.open();
  EXPECT_THAT(wait_for_report(), HasSubstr("(no name) waits for (no name), which is queued"));
  inner[0].cancel();
  EXPECT_EQ(outer[0].result(), -1);
  EXPECT_EQ(outer[1].result(), 1) << "the free worker has run it";
  EXPECT_EQ(recorded_reports::text(), "");
}

TEST(deadlock, of_a_call_that_waits_for_one_that_runs_and_waits_is_reported) {
  const recorded_reports reports;
  thread_pool_executor pool({.max_workers = 2});
  plait::future<int> queued;
  gate all_are_known;
  auto waits_for_queued = pool.submit([&] {
    all_are_known.wait();
    try {
      return queued.result();
    } catch (const plait::cancelled_error&) {
      return -1;
    }
  });
  counter running;
  auto waits_for_it = pool.submit([&] {
    running.add();
    all_are_known.wait();
    return waits_for_queued.result();
  });
  running.wait_for(1);
  queued = pool.submit([] { return 1; });
  all_are_known.open();
  EXPECT_THAT(wait_for_report(), HasSubstr("which runs"));
  queued.cancel();
  EXPECT_EQ(waits_for_it.result(), -1);
}

TEST(deadlock, a_wait_with_a_timeout_is_none) {
  const recorded_reports reports;
  thread_pool_executor pool({.max_workers = 1});
  plait::future<int> queued;
  gate is_known;
  const auto waits_a_while = pool.submit([&] {
    is_known.wait();
    try {
      return queued.result(1ms);
    } catch (const plait::timeout_error&) {
      return -1;
    }
  });
  queued = pool.submit([] { return 1; });
  is_known.open();
  EXPECT_EQ(waits_a_while.result(), -1);
  EXPECT_EQ(queued.result(), 1);
  EXPECT_EQ(recorded_reports::text(), "");
}

TEST(deadlock, a_slow_pool_is_not_reported) {
  const recorded_reports reports;
  thread_pool_executor pool({.max_workers = 1}), other({.max_workers = 1});
  gate submitted, release;
  auto foreign = other.submit([&] {
    release.wait();
    return 2;
  });
  auto waits_for_another_pool = pool.submit([&] {
    submitted.wait();
    return foreign.result();
  });
  auto behind = pool.submit([] { return 3; });
  submitted.open();
  EXPECT_THROW(behind.result(20ms), plait::timeout_error);  // it does wait, for something that will come
  release.open();
  EXPECT_EQ(waits_for_another_pool.result(), 2);
  EXPECT_EQ(behind.result(), 3);
  EXPECT_EQ(recorded_reports::text(), "");
}

TEST(deadlock, a_call_that_waits_while_a_worker_is_free_is_not_reported) {
  const recorded_reports reports;
  thread_pool_executor pool({.max_workers = 2});
  const auto outer = [&pool] { return pool.submit([] { return 1; }).result(); };
  for (int i = 0; i < 200; ++i) EXPECT_EQ(pool.submit(outer).result(), 1);
  EXPECT_EQ(recorded_reports::text(), "");
}

TEST(deadlock, waiting_for_what_is_done_is_not_reported) {
  const recorded_reports reports;
  thread_pool_executor pool({.max_workers = 1});
  auto first = pool.submit([] { return 1; });
  auto second = pool.submit([first] { return first.result() + 1; });
  EXPECT_EQ(second.result(), 2);
  EXPECT_EQ(recorded_reports::text(), "");
}

}  // namespace
