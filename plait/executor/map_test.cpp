// map off the loop: order, chunks, laziness, failures, early exit; for every executor. On a loop: map_await_test.cpp.
#include <plait/executor/executor_contract_test.hpp>

#include <algorithm>
#include <chrono>
#include <memory>
#include <ranges>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;
using namespace executor_contract;
using plait::map_options;
using test_support::message_of;
using test_support::portable_gate;
using testing::ElementsAre;

class executor_map : public contract {
 protected:
  template <class R>
  static std::vector<typename plait::map_results<R>::value_type> all(plait::map_results<R> results) {
    std::vector<typename plait::map_results<R>::value_type> taken;
    for (auto& result : results) taken.push_back(std::move(result));
    return taken;
  }
  static int fails_at_3(int n) { return n == 3 ? fails(n) : n; }
};
PLAIT_FOR_EACH_EXECUTOR(executor_map);

/// An endless range that counts how far it was read.
auto counted_numbers(int& pulled) {
  return std::views::iota(0) | std::views::transform([&pulled](int n) {
           ++pulled;
           return n;
         });
}

TEST_P(executor_map, gives_the_results_in_the_order_of_the_input) {
  const auto pool = make({.max_workers = 4});
  EXPECT_EQ(all(pool->map(square, std::views::iota(0, 100))), squares(100));
}

TEST_P(executor_map, however_late_the_first_is) {
  const portable_gate gate;
  const auto pool = make({.max_workers = 2});
  const auto first_waits = [](const std::string& path) {
    if (!path.empty()) test_support::pass_gate(path);
    return path.empty();
  };
  auto results = pool->map(first_waits, std::vector<std::string>{gate.path(), "", ""});
  gate.wait_for(1);
  gate.let_through(1);
  EXPECT_THAT(all(std::move(results)), ElementsAre(false, true, true));
}

TEST_P(executor_map, unordered_gives_each_as_soon_as_it_is_there) {
  const portable_gate gate;
  const auto pool = make({.max_workers = 2});
  auto results = pool->map_unordered(
      [](const std::string& path, int n) {
        if (!path.empty()) test_support::pass_gate(path);
        return n;
      },
      std::vector<std::string>{gate.path(), "", ""}, std::views::iota(0));
  gate.wait_for(1);
  std::vector<int> taken;
  for (const int result : results) {
    taken.push_back(result);
    if (taken.size() == 2) gate.let_through(1);  // the held one comes last, though it was the first
  }
  EXPECT_THAT(taken, ElementsAre(1, 2, 0));
}

TEST_P(executor_map, several_ranges_go_side_by_side_until_the_shortest_ends) {
  const auto pool = make();
  const std::vector<std::string> words{"a", "b", "c"};
  const auto repeated = [](const std::string& word, int times) {
    std::string text;
    for (int i = 0; i < times; ++i) text += word;
    return text;
  };
  EXPECT_THAT(all(pool->map(repeated, words, std::views::iota(1))), ElementsAre("a", "bb", "ccc"));
  EXPECT_EQ(words.size(), 3u);
}

TEST_P(executor_map, an_empty_range_gives_nothing) {
  const auto pool = make();
  EXPECT_TRUE(all(pool->map(square, std::vector<int>())).empty());
  EXPECT_TRUE(all(pool->map_unordered(square, std::vector<int>())).empty());
}

TEST_P(executor_map, any_chunk_and_any_buffer_give_the_same) {
  const auto pool = make({.max_workers = 3});
  for (const std::size_t chunk : {1, 2, 7, 50, 1000})
    for (const std::size_t buffer : {1, 3, 50, 1000}) {
      EXPECT_EQ(all(pool->map({.chunk_size = chunk, .buffer_size = buffer}, square, std::views::iota(0, 50))),
                squares(50));
      auto unordered =
          all(pool->map_unordered({.chunk_size = chunk, .buffer_size = buffer}, square, std::views::iota(0, 50)));
      std::ranges::sort(unordered);
      EXPECT_EQ(unordered, squares(50));
    }
}

TEST_P(executor_map, a_chunk_is_one_call) {
  const portable_gate gate;
  const auto pool = make({.max_workers = 1});
  auto held = pool->submit(through_gate, gate.path(), 0);
  gate.wait_for(1);
  auto results = pool->map({.chunk_size = 10}, square, std::views::iota(0, 95));
  EXPECT_EQ(pending(*pool), 10u);
  gate.let_through(1);
  EXPECT_EQ(all(std::move(results)), squares(95));
}

// ── laziness ──

TEST_P(executor_map, a_buffer_bounds_what_is_pulled_from_an_endless_range) {
  const auto pool = make();
  int pulled = 0;
  auto results = pool->map({.buffer_size = 5}, square, counted_numbers(pulled));
  EXPECT_EQ(pulled, 5) << "nothing was taken yet";
  int taken = 0;
  for (const int result : results) {
    EXPECT_EQ(result, taken * taken);
    if (++taken == 100) break;
    EXPECT_LE(pulled, taken + 5);
  }
  EXPECT_LE(pulled, 105);
}

TEST_P(executor_map, a_buffer_is_filled_with_whole_chunks) {
  const auto pool = make();
  int pulled = 0;
  auto results = pool->map({.chunk_size = 4, .buffer_size = 10}, square, counted_numbers(pulled));
  EXPECT_EQ(pulled, 8);
  int pulled_for_a_large_chunk = 0;
  auto large = pool->map({.chunk_size = 20, .buffer_size = 10}, square, counted_numbers(pulled_for_a_large_chunk));
  EXPECT_EQ(pulled_for_a_large_chunk, 20) << "at least one chunk";
}

TEST_P(executor_map, without_a_buffer_all_is_submitted_at_once) {
  const auto pool = make();
  int pulled = 0;
  auto results = pool->map(square, counted_numbers(pulled) | std::views::take(30));
  EXPECT_EQ(pulled, 30);
}

// ── failures ──

TEST_P(executor_map, one_failing_item_fails_alone_also_inside_a_chunk) {
  const auto pool = make();
  for (const std::size_t chunk : {1, 3, 100}) {
    auto results = pool->map({.chunk_size = chunk}, &fails_at_3, std::views::iota(0, 8));
    std::vector<int> taken;
    int failures = 0;
    for (auto at = results.begin(); at != results.end(); ++at) {
      try {
        taken.push_back(*at);
      } catch (const std::out_of_range& error) {
        EXPECT_STREQ(error.what(), "no such item: 3");
        ++failures;
      }
    }
    EXPECT_EQ(failures, 1);
    EXPECT_THAT(taken, ElementsAre(0, 1, 2, 4, 5, 6, 7));
  }
}

TEST_P(executor_map, items_may_be_skipped_without_being_read) {
  const auto pool = make();
  auto results = pool->map(&fails_at_3, std::views::iota(0, 8));
  auto at = results.begin();
  for (int i = 0; i < 5; ++i) ++at;  // past the failing one
  EXPECT_EQ(*at, 5);
  EXPECT_EQ(*at, 5) << "reading twice gives the same";
}

TEST_P(executor_map, a_result_that_does_not_come_in_time_is_a_timeout) {
  const portable_gate gate;
  const auto pool = make();
  auto results =
      pool->map({.timeout = 50ms}, through_gate, std::vector{std::string(gate.path())}, std::views::iota(1));
  gate.wait_for(1);
  EXPECT_EQ(message_of<plait::timeout_error>([&] { return *results.begin(); }),
            "plait: map: the result after the first 0 was not there by the timeout");
  gate.let_through(1);
}

TEST_P(executor_map, sizes_of_0_and_negative_timeouts_are_refused) {
  const auto pool = make();
  const auto refused = [&](const map_options& options) {
    return message_of<std::invalid_argument>([&] { all(pool->map(options, square, std::views::iota(0, 3))); });
  };
  EXPECT_EQ(refused({.chunk_size = 0}), "plait: chunk_size is 0; expected 1 or more");
  EXPECT_EQ(refused({.buffer_size = 0}), "plait: buffer_size is 0; expected 1 or more");
  EXPECT_EQ(refused({.timeout = -1s}), "plait: timeout is -1 s; expected 0 or more");
  EXPECT_THROW(all(pool->map_unordered({.chunk_size = 0}, square, std::views::iota(0, 3))), std::invalid_argument);
}

TEST_P(executor_map, after_shutdown_it_is_refused) {
  const auto pool = make();
  pool->shutdown();
  EXPECT_THROW(all(pool->map(square, std::views::iota(0, 3))), plait::shut_down_error);
}

TEST_P(executor_map, a_shutdown_meanwhile_cancels_the_items_left) {
  const portable_gate gate;
  const auto pool = make({.max_workers = 1});
  auto results = pool->map(through_gate, std::vector<std::string>(3, gate.path()), std::views::iota(0));
  gate.wait_for(1);
  EXPECT_FALSE(pool->shutdown(plait::shutdown_mode::cancel_pending, 0s));
  gate.let_through(1);
  auto at = results.begin();
  EXPECT_EQ(*at, 0);
  ++at;
  EXPECT_THROW(*at, plait::cancelled_error);
  ++at;
  EXPECT_THROW(*at, plait::cancelled_error);
  ++at;
  EXPECT_TRUE(at == results.end());
}

TEST_P(executor_map, leaving_early_cancels_the_rest) {
  const portable_gate gate;
  const auto pool = make({.max_workers = 1});
  {
    auto results = pool->map(through_gate, std::vector<std::string>(20, gate.path()), std::views::iota(0));
    gate.wait_for(1);
    EXPECT_EQ(pending(*pool), 19u);
  }
  EXPECT_EQ(pending(*pool), 0u);
  gate.let_through(1);
}

// ── kinds of results and functions ──

TEST_P(executor_map, results_may_be_of_a_type_that_can_only_be_moved) {
  const auto pool = make();
  auto results = pool->map([](int n) { return std::make_unique<int>(n); }, std::views::iota(0, 4));
  std::vector<int> taken;
  for (auto& result : results) {
    const std::unique_ptr<int> mine = std::move(result);
    taken.push_back(*mine);
  }
  EXPECT_THAT(taken, ElementsAre(0, 1, 2, 3));
}

TEST_P(executor_map, functions_may_return_nothing) {
  const auto pool = make();
  int count = 0;
  for ([[maybe_unused]] auto& result : pool->map({.chunk_size = 2}, [](int) {}, std::views::iota(0, 5))) ++count;
  EXPECT_EQ(count, 5);
}

TEST_P(executor_map, functions_may_take_a_stop_token) {
  const auto pool = make();
  const auto f = [](std::stop_token stop, int n) { return stop.stop_requested() ? -1 : n; };
  EXPECT_THAT(all(pool->map(f, std::views::iota(0, 3))), ElementsAre(0, 1, 2));
}

TEST_P(executor_map, more_items_than_a_bounded_executor_takes_at_once) {
  const auto pool = make({.max_workers = 2, .max_pending = 3});
  EXPECT_EQ(all(pool->map(square, std::views::iota(0, 200))), squares(200));
  EXPECT_EQ(all(pool->map({.chunk_size = 7, .buffer_size = 100}, square, std::views::iota(0, 200))), squares(200));
  auto unordered = all(pool->map_unordered(square, std::views::iota(0, 200)));
  std::ranges::sort(unordered);
  EXPECT_EQ(unordered, squares(200));
}

}  // namespace
