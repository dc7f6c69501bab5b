// What a worker says of the calls that wait behind the one it completes.
#include <plait/core/internal/backlog.hpp>
#include <plait/threads/thread_pool_executor.hpp>

#include <algorithm>
#include <vector>

#include <gtest/gtest.h>
#include <tests/support/gate.hpp>

namespace {

using plait::detail::leaves_backlog;

// A done callback runs where the call is completed.
TEST(backlog, is_left_while_many_calls_wait_for_each_worker_and_is_no_matter_of_calls) {
  constexpr auto many = static_cast<int>(leaves_backlog::many);
  constexpr int calls = 2 * many;
  test_support::gate gate;
  plait::thread_pool_executor pool({.max_workers = 1});
  std::vector<char> seen_by_calls(calls);
  std::vector<char> seen_behind(calls);
  auto first = pool.submit([&] { gate.wait(); });
  std::vector<plait::future<void>> results;
  for (int i = 0; i < calls; ++i) {
    const auto n = static_cast<std::size_t>(i);
    results.push_back(pool.submit([&, n] { seen_by_calls[n] = leaves_backlog::here(); }));
    results.back().add_done_callback([&, n](const auto&) { seen_behind[n] = leaves_backlog::here(); });
  }
  gate.open();
  pool.shutdown();
  first.result();
  for (auto& each : results) each.result();
  EXPECT_EQ(std::ranges::count(seen_by_calls, 1), 0);
  for (int i = 0; i < calls; ++i) {
    const int waiting = calls - 1 - i;
    EXPECT_EQ(seen_behind[static_cast<std::size_t>(i)], waiting >= many) << waiting << " wait behind it";
  }
}

}  // namespace
