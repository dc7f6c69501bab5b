#include "benchmarks/driver/results.hpp"

#include <cstdlib>
#include <tuple>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace bench {
namespace {

std::string printed(const results& r) {
  char* text = nullptr;
  std::size_t size = 0;
  std::FILE* file = open_memstream(&text, &size);
  r.print(file);
  std::fclose(file);
  std::string copy(text, size);
  std::free(text);
  return copy;
}

TEST(median, is_the_middle_or_the_mean_of_the_two_middle_values) {
  EXPECT_EQ(median({3, 1, 2}), 2);
  EXPECT_EQ(median({4, 1, 3, 2}), 2.5);
  EXPECT_EQ(median({7}), 7);
}

TEST(answer, ratio_pairs_the_figures_of_each_round) {
  answer a;
  answer b;
  for (const auto& [round, x, y] : {std::tuple{0, 1.0, 2.0}, {1, 100.0, 200.0}, {2, 6.0, 3.0}}) {
    a.add(round, x);
    b.add(round, y);
  }
  b.add(3, 1000);  // a has no figure of this round
  EXPECT_EQ(a.ratio_to(b), 0.5);
  EXPECT_EQ(a.ratio_to(answer()), std::nullopt);
}

TEST(results, json_has_a_goal_on_plaits_rows_only) {
  const question asked{"latency", "latency.mean", 1.4};
  results r;
  r.add(asked, "plait", 0, {1.0, "us"});
  r.add(asked, "plait", 1, {3.0, "us"});
  r.add(asked, "limit", 0, {0.5, "us"});
  const auto expected = nlohmann::json::parse(R"([
    {"question": "latency", "subject": "plait", "unit": "us", "median": 2.0, "min": 1.0, "max": 3.0, "rounds": 2,
     "goal": 1.4, "goal_times_limit": null, "series": null, "at": null, "axis": null},
    {"question": "latency", "subject": "limit", "unit": "us", "median": 0.5, "min": 0.5, "max": 0.5, "rounds": 1,
     "goal": null, "goal_times_limit": null, "series": null, "at": null, "axis": null}
  ])");
  EXPECT_EQ(nlohmann::json(r.json()), expected);
}

TEST(results, json_tells_the_place_in_a_series) {
  results r;
  r.add({.text = "wait on 10 futures", .figure = "", .series = "wait on futures", .at = 10, .axis = "futures"},
        "plait", 0, {1.0, "us"});
  const auto row = r.json().at(0);
  EXPECT_EQ(row["series"], "wait on futures");
  EXPECT_EQ(row["at"], 10);
  EXPECT_EQ(row["axis"], "futures");
}

TEST(results, a_goal_is_met_from_above_or_below_as_its_unit_says) {
  results r;
  r.add({"latency", "", 1.4}, "plait", 0, {1.5, "us"});
  r.add({"memory", "", 192}, "plait", 0, {192, "B"});
  r.add({"throughput", "", 6000}, "plait", 0, {6001, "k calls/s"});
  r.add({"efficiency", "", 85}, "plait", 0, {84.9, "%"});
  const auto text = printed(r);
  EXPECT_NE(text.find("goal <= 1.4: MISSED"), std::string::npos) << text;
  EXPECT_NE(text.find("goal <= 192: met"), std::string::npos) << text;
  EXPECT_NE(text.find("goal >= 6000: met"), std::string::npos) << text;
  EXPECT_NE(text.find("goal >= 85: MISSED"), std::string::npos) << text;
}

TEST(results, a_goal_may_be_a_multiple_of_the_limit_of_the_same_round) {
  question asked{.text = "payload", .figure = "", .times_limit = 1.25};
  results r;
  for (const auto& [round, plait, limit] : {std::tuple{0, 50.0, 41.0}, {1, 500.0, 410.0}}) {
    r.add(asked, "plait", round, {plait, "ms"});
    r.add(asked, "limit", round, {limit, "ms"});
  }
  EXPECT_NE(printed(r).find("goal <= 1.25 of the limit: met"), std::string::npos) << printed(r);
  EXPECT_EQ(r.json()[0]["goal_times_limit"], 1.25);
  EXPECT_EQ(r.json()[1]["goal_times_limit"], nullptr);
  r.add(asked, "plait", 0, {60, "ms"});
  r.add(asked, "plait", 1, {600, "ms"});
  EXPECT_NE(printed(r).find("goal <= 1.25 of the limit: MISSED"), std::string::npos) << printed(r);
}

TEST(results, a_goal_beside_the_limit_says_nothing_where_the_limit_failed) {
  results r;
  r.add({.text = "payload", .figure = "", .times_limit = 1.25}, "plait", 0, {50, "ms"});
  EXPECT_EQ(printed(r).find("goal"), std::string::npos) << printed(r);
}

TEST(results, prints_the_ratio_of_plait_to_each_other_whatever_the_order_of_their_runs) {
  const question asked{"latency", "latency.mean"};
  results r;
  r.add(asked, "asio", 0, {4, "us"});
  r.add(asked, "plait", 0, {1, "us"});
  EXPECT_NE(printed(r).find("plait / asio: 0.25"), std::string::npos) << printed(r);
}

}  // namespace
}  // namespace bench
