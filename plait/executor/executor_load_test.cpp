// Executors under load: how many workers start, results of every size, races of completion; for every executor.
#include <plait/core/promise.hpp>
#include <plait/executor/executor_contract_test.hpp>

#include <algorithm>
#include <chrono>
#include <thread>
#include <vector>

#include <tests/support/recorded_reports.hpp>
#include <tests/support/sanitized.hpp>

namespace {

using namespace std::chrono_literals;
using namespace executor_contract;
using test_support::portable_gate;
using test_support::recorded_reports;
using test_support::sanitized;

class executor_load : public contract {
 protected:
  /// Then a start takes milliseconds, and a sanitizer slows both ends of each call.
  [[nodiscard]] static bool workers_are_processes() { return GetParam().name == "processes"; }
};
PLAIT_FOR_EACH_EXECUTOR(executor_load);

// ── workers (scenario 22) ──

TEST_P(executor_load, exactly_as_many_workers_start_as_there_is_work_for) {
  for (const int most : {1, 2, 3, 8, 64}) {
    const auto pool = make({.max_workers = most});
    EXPECT_EQ(pool->max_workers(), most);
    EXPECT_EQ(workers(*pool), 0) << "none starts before the first call";
    const portable_gate gate;
    std::vector<plait::future<int>> calls;
    for (int i = 0; i < 2 * most; ++i) calls.push_back(pool->submit(through_gate, gate.path(), i));
    gate.wait_for(most);  // all of them run at the same time
    EXPECT_EQ(workers(*pool), most);
    EXPECT_EQ(pending(*pool), static_cast<std::size_t>(most));
    gate.let_through(2 * most);
    gate.wait_for(most);
    for (int i = 0; i < 2 * most; ++i) EXPECT_EQ(calls[i].result(), i);
    EXPECT_EQ(workers(*pool), most);
  }
}

TEST_P(executor_load, sequential_calls_use_one_worker) {
  const auto pool = make({.max_workers = 64});
  for (int i = 0; i < 300; ++i) pool->submit(square, i).result();
  EXPECT_EQ(workers(*pool), 1);
}

TEST_P(executor_load, sequential_calls_from_done_callbacks_use_one_worker) {
  const auto pool = make({.max_workers = 64});
  plait::promise<void> done;
  const auto ended = done.get_future();
  std::function<void(int)> next = [&](int n) {
    if (n == 0) return done.set_value();
    pool->submit(square, n).add_done_callback([&, n](const plait::future<int>&) { next(n - 1); });
  };
  next(100);
  ended.result();
  EXPECT_EQ(workers(*pool), 1);
}

TEST_P(executor_load, a_burst_is_spread_over_the_workers_it_needs) {
  const auto pool = make({.max_workers = 4});
  for (int round = 0; round < 50; ++round) {
    const portable_gate gate;
    std::vector<plait::future<int>> calls;
    for (int i = 0; i < 4; ++i) calls.push_back(pool->submit(through_gate, gate.path(), i));
    gate.wait_for(4);  // hangs unless each got a worker
    gate.let_through(4);
    for (auto& f : calls) f.result();
  }
  EXPECT_EQ(workers(*pool), 4);
}

// ── idle workers (scenario 19) ──

TEST_P(executor_load, an_idle_timeout_racing_a_submit_loses_no_call) {
  // Nearly every call may start a worker.
  const int alone = workers_are_processes() ? 100 : 2000;
  const int each = workers_are_processes() ? 30 : 500;
  const auto pool = make({.max_workers = 2, .idle_timeout = 1us});
  for (int i = 0; i < alone; ++i) {
    ASSERT_EQ(pool->submit(square, i).result(), i * i);
    if (i % 3 == 0) std::this_thread::yield();
  }
  std::vector<std::thread> submitting;
  for (int t = 0; t < 3; ++t)
    submitting.emplace_back([&] {
      for (int i = 0; i < each; ++i) ASSERT_EQ(pool->submit(square, i).result(), i * i);
    });
  for (auto& thread : submitting) thread.join();
}

TEST_P(executor_load, idle_workers_go_and_come_again) {
  const auto pool = make({.max_workers = 3, .idle_timeout = 1us});
  for (int round = 0; round < 3; ++round) {
    const portable_gate gate;
    std::vector<plait::future<int>> calls;
    for (int i = 0; i < 3; ++i) calls.push_back(pool->submit(through_gate, gate.path(), i));
    gate.wait_for(3);
    gate.let_through(3);
    while (workers(*pool) > 0) std::this_thread::yield();  // the watchdog ends it where they stay
    for (int i = 0; i < 3; ++i) EXPECT_EQ(calls[i].result(), i);
  }
}

// ── failures and results (scenarios 11, 4, 24) ──

TEST_P(executor_load, calls_that_fail_and_calls_that_do_not_side_by_side) {
  const auto pool = make({.max_workers = 4, .max_pending = 10});
  std::vector<plait::future<int>> good, bad;
  for (int i = 0; i < 100; ++i) {
    bad.push_back(pool->submit(fails, i));
    good.push_back(pool->submit(square, i));
  }
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(good[i].result(), i * i);
    EXPECT_EQ(test_support::message_of<std::out_of_range>([&] { return bad[i].result(); }),
              "no such item: " + std::to_string(i));
  }
}

TEST_P(executor_load, a_result_of_no_bytes) {
  const auto pool = make();
  EXPECT_TRUE(pool->submit([] { return std::vector<char>(); }).result().empty());
}

TEST_P(executor_load, a_million_results_of_eight_bytes) {
  constexpr std::uint64_t batch = 10'000;
  const std::uint64_t many = sanitized && workers_are_processes() ? 100'000 : 1'000'000;
  const auto pool = make({.max_workers = 2});
  std::uint64_t sum = 0;
  for (std::uint64_t from = 0; from < many; from += batch) {
    std::vector<plait::future<std::uint64_t>> calls;
    calls.reserve(batch);
    for (std::uint64_t i = from; i < from + batch; ++i)
      calls.push_back(pool->submit([](std::uint64_t n) { return n; }, i));
    for (auto& f : calls) sum += std::move(f).result();
  }
  EXPECT_EQ(sum, many * (many - 1) / 2);
}

// ── wake-ups (scenario 23) ──

TEST_P(executor_load, a_hundred_futures_and_four_workers_miss_no_wakeup) {
  const int rounds = sanitized && workers_are_processes() ? 100 : 1000;
  const auto pool = make({.max_workers = 4});
  for (int round = 0; round < rounds; ++round) {
    std::vector<plait::future<int>> calls;
    for (int i = 0; i < 100; ++i) calls.push_back(pool->submit(square, i));
    for (int i = 99; i >= 0; --i) ASSERT_EQ(calls[i].result(), i * i);
  }
}

TEST_P(executor_load, a_done_callback_that_throws_harms_no_call) {
  const recorded_reports reports;
  const auto pool = make();
  std::vector<plait::future<int>> calls;
  for (int i = 0; i < 20; ++i) {
    calls.push_back(pool->submit(square, i));
    calls.back().add_done_callback([](const plait::future<int>&) { throw std::runtime_error("no"); });
  }
  for (int i = 0; i < 20; ++i) EXPECT_EQ(calls[i].result(), i * i);
  pool->shutdown();
  EXPECT_EQ(recorded_reports::take().size(), 20u);
}

}  // namespace
