// The figures of all rounds, and the two ways to show them.
#pragma once
#include <cstdio>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "benchmarks/driver/plan.hpp"
#include <nlohmann/json_fwd.hpp>

namespace bench {

double median(std::vector<double> values);  // of at least one value

// What one subject answered to one question. A round in which it failed has no value.
class answer {
 public:
  void add(int round, double value) { by_round_[round] = value; }
  bool empty() const noexcept { return by_round_.empty(); }
  std::size_t rounds() const noexcept { return by_round_.size(); }
  double median() const;
  double min() const;
  double max() const;

  // The median of the ratios of this to `other`, each of two figures of the same round; none where they share no
  // round.
  std::optional<double> ratio_to(const answer& other) const;

 private:
  std::map<int, double> by_round_;
};

// Questions in the order in which they were first answered, subjects in the order of the plan.
class results {
 public:
  void add(const question& asked, const std::string& subject, int round, const figure& figure);

  // Each question with a line a subject: median (min-max), and the ratio of plait to it, or plait's goal.
  void print(std::FILE* to) const;

  // A list of objects {question, subject, unit, median, min, max, rounds, goal, goal_times_limit}; the goals are null
  // where there are none.
  // Whether more is better follows from the unit (see more_is_better).
  nlohmann::ordered_json json() const;

 private:
  struct topic {
    question asked;
    std::string unit;
    std::vector<std::pair<std::string, answer>> answers;
  };
  topic& topic_of(const question& asked, const std::string& unit);

  std::vector<topic> topics_;
};

}  // namespace bench
