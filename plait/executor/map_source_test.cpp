// What the ranges of map throw, and the time that passes while map waits for room.
#include <plait/executor/executor_contract_test.hpp>
#include <plait/loop/event_loop.hpp>

#include <chrono>
#include <memory>
#include <ranges>
#include <stdexcept>
#include <vector>

#include <tests/support/throw_foreign.hpp>

namespace {

using namespace std::chrono_literals;
using namespace executor_contract;
using test_support::portable_gate;
using testing::ElementsAre;

class executor_map_source : public contract {
 protected:
  static int fails_to_give_the_third(int n) {
    if (n == 2) throw std::range_error("no third item");
    return n;
  }
  static int fails_foreign_at_the_third(int n) {
    if (n == 2) test_support::throw_foreign();
    return n;
  }
};
PLAIT_FOR_EACH_EXECUTOR(executor_map_source);

/// The error comes behind the first two results, and once.
template <class Error> void expect_error_of_the_third(plait::map_results<int> results) {
  auto at = results.begin();
  EXPECT_EQ(*at, 0);
  EXPECT_EQ(*++at, 1);
  ++at;
  ASSERT_NE(at, results.end());
  EXPECT_THROW(static_cast<void>(*at), Error);
  EXPECT_EQ(at, results.end());
}

TEST_P(executor_map_source, what_a_range_throws_comes_once_behind_what_was_submitted) {
  const auto pool = make();
  expect_error_of_the_third<std::range_error>(
      pool->map(square, std::views::iota(0, 5) | std::views::transform(fails_to_give_the_third)));
}

TEST_P(executor_map_source, an_exception_that_is_none_of_cpp_comes_as_bad_exception) {
  const auto pool = make();
  expect_error_of_the_third<std::bad_exception>(
      pool->map(square, std::views::iota(0, 5) | std::views::transform(fails_foreign_at_the_third)));
}

plait::task<std::vector<int>> take_until_error(plait::map_results<int> results) {
  std::vector<int> taken;
  for (bool more = true; more;) {
    try {
      const auto result = co_await results.next();
      more = result.has_value();
      if (more) taken.push_back(*result);
    } catch (const std::range_error&) {
      taken.push_back(-1);
    }
  }
  co_return taken;
}

TEST_P(executor_map_source, on_a_loop_too) {
  const auto pool = make();
  plait::event_loop loop;
  EXPECT_THAT(loop.run_until_complete(take_until_error(
                  pool->map(square, std::views::iota(0, 5) | std::views::transform(fails_to_give_the_third)))),
              ElementsAre(0, 1, -1));
}

TEST_P(executor_map_source, waiting_for_room_counts_against_the_timeout) {
  const portable_gate gate;
  const auto pool = make({.max_workers = 1, .max_pending = 1});
  auto running = pool->submit(through_gate, gate.path(), 1);
  gate.wait_for(1);
  auto waiting = pool->submit(square, 1);
  auto results = pool->map({.timeout = 1ms}, square, std::views::iota(0, 3));
  EXPECT_THROW(static_cast<void>(*results.begin()), plait::timeout_error);
  plait::event_loop loop;
  const auto next = [](plait::map_results<int>& from) -> plait::task<void> {
    static_cast<void>(co_await from.next());
  };
  EXPECT_THROW(loop.run_until_complete(next(results)), plait::timeout_error);
  gate.let_through(1);
  EXPECT_EQ(running.result() + waiting.result(), 2);
}

// ── slots ──

TEST_P(executor_map_source, waiters_for_room_that_were_dropped_in_masses_make_way) {
  const auto pool = make({.max_workers = 1, .max_pending = 1});
  auto room = pool->acquire_slot().result();
  for (int i = 0; i < 200'000; ++i) static_cast<void>(pool->acquire_slot());
  const auto last = pool->acquire_slot();
  room = {};
  EXPECT_TRUE(last.done());
}

TEST_P(executor_map_source, after_shutdown_there_is_no_room) {
  const auto pool = make({.max_workers = 1, .max_pending = 1});
  pool->shutdown();
  EXPECT_THROW(static_cast<void>(pool->acquire_slot().result()), plait::shut_down_error);
}

TEST_P(executor_map_source, an_unbounded_executor_refuses_another_executors_slot) {
  const auto bounded = make({.max_workers = 1, .max_pending = 1});
  const auto unbounded = make();
  EXPECT_THROW(unbounded->submit(bounded->acquire_slot().result(), square, 1), std::invalid_argument);
  EXPECT_EQ(unbounded->submit(unbounded->acquire_slot().result(), square, 3).result(), 9);
}

}  // namespace
