// map on a loop: item by item, without ever blocking; for every executor.
#include <plait/executor/executor_contract_test.hpp>
#include <plait/loop/event_loop.hpp>

#include <algorithm>
#include <chrono>
#include <memory>
#include <ranges>
#include <string>
#include <vector>

namespace {

using namespace std::chrono_literals;
using namespace executor_contract;
using test_support::portable_gate;
using testing::ElementsAre;

class executor_map_await : public contract {
 protected:
  template <class T> static T run(plait::task<T> body) {
    plait::event_loop loop;
    return loop.run_until_complete(std::move(body));
  }
  static int fails_at_3(int n) { return n == 3 ? fails(n) : n; }
};
PLAIT_FOR_EACH_EXECUTOR(executor_map_await);

plait::task<std::vector<int>> take_all(plait::map_results<int> results) {
  std::vector<int> taken;
  while (auto result = co_await results.next()) taken.push_back(*result);
  co_return taken;
}

TEST_P(executor_map_await, gives_the_results_one_by_one) {
  const auto pool = make();
  EXPECT_EQ(run(take_all(pool->map(square, std::views::iota(0, 100)))), squares(100));
  EXPECT_EQ(run(take_all(pool->map({.chunk_size = 8, .buffer_size = 20}, square, std::views::iota(0, 100)))),
            squares(100));
}

TEST_P(executor_map_await, gives_nothing_at_the_end_each_time) {
  const auto pool = make();
  auto body = [](plait::map_results<int> results) -> plait::task<int> {
    int empty = 0;
    for (int i = 0; i < 3; ++i) {
      const auto result = co_await results.next();
      if (!result) ++empty;
    }
    co_return empty;
  };
  EXPECT_EQ(run(body(pool->map(square, std::views::iota(0, 1)))), 2);
}

TEST_P(executor_map_await, goes_on_behind_an_item_that_failed) {
  const auto pool = make();
  auto body = [](plait::map_results<int> results) -> plait::task<std::vector<int>> {
    std::vector<int> taken;
    for (;;) {
      try {
        const auto result = co_await results.next();
        if (!result) break;
        taken.push_back(*result);
      } catch (const std::out_of_range&) {
        taken.push_back(-1);
      }
    }
    co_return taken;
  };
  EXPECT_THAT(run(body(pool->map({.chunk_size = 3}, &fails_at_3, std::views::iota(0, 6)))),
              ElementsAre(0, 1, 2, -1, 4, 5));
}

TEST_P(executor_map_await, waits_for_room_in_a_bounded_executor_without_blocking_the_loop) {
  const auto pool = make({.max_workers = 2, .max_pending = 3});
  EXPECT_EQ(run(take_all(pool->map(square, std::views::iota(0, 200)))), squares(200));
  auto unordered = run(take_all(pool->map_unordered(square, std::views::iota(0, 200))));
  std::ranges::sort(unordered);
  EXPECT_EQ(unordered, squares(200));
}

TEST_P(executor_map_await, waits_for_the_first_room_where_others_have_filled_the_executor) {
  const portable_gate gate;
  const auto pool = make({.max_workers = 1, .max_pending = 1});
  auto running = pool->submit(through_gate, gate.path(), 1);
  gate.wait_for(1);
  auto waiting = pool->submit(square, 1);
  plait::event_loop loop;
  auto mapping = [](plait::executor& pool) -> plait::task<std::vector<int>> {
    auto results = pool.map(square, std::views::iota(0, 5));
    auto taken = co_await take_all(std::move(results));
    co_return taken;
  };
  auto task = loop.create_task(mapping(*pool));
  loop.call_later(1ms, [&] { gate.let_through(1); });  // the loop goes on meanwhile
  EXPECT_EQ(loop.run_until_complete(task), squares(5));
}

TEST_P(executor_map_await, a_result_that_does_not_come_in_time_is_a_timeout) {
  const portable_gate gate;
  const auto pool = make();
  auto results =
      pool->map({.timeout = 10ms}, through_gate, std::vector<std::string>(1, gate.path()), std::views::iota(1));
  EXPECT_THROW(run(take_all(std::move(results))), plait::timeout_error);
  gate.let_through(1);
}

TEST_P(executor_map_await, unordered_times_out_too) {
  const portable_gate gate;
  const auto pool = make();
  auto results = pool->map_unordered({.timeout = 10ms}, through_gate, std::vector<std::string>(1, gate.path()),
                                     std::views::iota(1));
  EXPECT_THROW(run(take_all(std::move(results))), plait::timeout_error);
  gate.let_through(1);
}

TEST_P(executor_map_await, cancelling_who_waits_loses_no_item) {
  const auto pool = make();
  for (const bool ordered : {true, false}) {
    const portable_gate gate;
    const std::vector<std::string> paths(1, gate.path());
    auto results = ordered ? pool->map(through_gate, paths, std::views::iota(7))
                           : pool->map_unordered(through_gate, paths, std::views::iota(7));
    gate.wait_for(1);
    auto takes_one = [](plait::map_results<int>& results) -> plait::task<int> {
      const auto result = co_await results.next();
      co_return result.value();
    };
    plait::event_loop loop;
    auto first = loop.create_task(takes_one(results));
    loop.call_soon([&] { first.cancel(); });
    EXPECT_THROW(loop.run_until_complete(first), plait::cancelled_error);
    gate.let_through(1);
    EXPECT_EQ(loop.run_until_complete(takes_one(results)), 7);
  }
}

TEST_P(executor_map_await, results_may_be_of_a_type_that_can_only_be_moved_or_nothing) {
  const auto pool = make();
  auto body = [](plait::executor& pool) -> plait::task<int> {
    int sum = 0;
    auto pointers = pool.map([](int n) { return std::make_unique<int>(n); }, std::views::iota(1, 5));
    while (auto result = co_await pointers.next()) sum += **result;
    auto nothings = pool.map([](int) {}, std::views::iota(0, 3));
    while (auto result = co_await nothings.next()) sum += 100;
    co_return sum;
  };
  EXPECT_EQ(run(body(*pool)), 310);
}

}  // namespace
