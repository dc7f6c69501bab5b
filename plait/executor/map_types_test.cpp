// What kinds of items and results map takes, in chunks too; for every executor.
#include <plait/executor/executor_contract_test.hpp>

#include <memory>
#include <ranges>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace {

using namespace executor_contract;
using testing::ElementsAre;

class executor_map_types : public contract {
 protected:
  /// The results of `items` in chunks of 2, three of them.
  template <class F, class Items> auto three(F f, Items&& items) {
    const auto pool = make({.max_workers = 1});
    auto results = pool->map({.chunk_size = 2}, f, std::forward<Items>(items));
    std::vector<typename decltype(results)::value_type> taken;
    for (auto& result : results) taken.push_back(std::move(result));
    EXPECT_EQ(taken.size(), 3U);
    return taken;
  }
};
PLAIT_FOR_EACH_EXECUTOR(executor_map_types);

const std::vector<int> numbers{1, 2, 3};

std::unique_ptr<int> owned(int n) { return std::make_unique<int>(n); }

TEST_P(executor_map_types, items_that_can_only_be_moved) {
  const auto read = [](std::unique_ptr<int> item) { return *item; };
  EXPECT_THAT(three(read, numbers | std::views::transform(owned)), ElementsAre(1, 2, 3));
}

TEST_P(executor_map_types, results_that_can_only_be_moved) { EXPECT_EQ(*three(owned, numbers).at(2), 3); }

const std::unique_ptr<int> owned_for_good(int n) { return std::make_unique<int>(n); }
TEST_P(executor_map_types, results_that_are_constant) { EXPECT_EQ(*three(owned_for_good, numbers).at(2), 3); }

TEST_P(executor_map_types, truth_values) {
  const auto negated = [](bool item) { return !item; };
  EXPECT_THAT(three(negated, std::vector<bool>{true, false, true}), ElementsAre(false, true, false));
}

TEST_P(executor_map_types, tuples_and_pairs_as_one_argument) {
  const auto sum = [](std::tuple<int, int> item) { return std::get<0>(item) + std::get<1>(item); };
  EXPECT_THAT(three(sum, std::vector<std::tuple<int, int>>{{1, 2}, {3, 4}, {5, 6}}), ElementsAre(3, 7, 11));
  const auto swapped = [](std::pair<int, std::string> item) { return std::pair(item.second, item.first); };
  const auto taken = three(swapped, std::vector<std::pair<int, std::string>>{{1, "a"}, {2, "b"}, {3, "c"}});
  EXPECT_EQ(taken.at(1), std::pair(std::string("b"), 2));
}

TEST_P(executor_map_types, containers) {
  const auto size = [](const std::vector<std::string>& item) { return item.size(); };
  EXPECT_THAT(three(size, std::vector<std::vector<std::string>>{{}, {"a"}, {"a", "b"}}), ElementsAre(0U, 1U, 2U));
}

TEST_P(executor_map_types, nothing_as_a_result) {
  EXPECT_EQ(three([](int) {}, numbers).size(), 3U);
}

}  // namespace
