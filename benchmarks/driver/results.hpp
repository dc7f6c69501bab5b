// The figures of all rounds, what they say of plait's goals, and the two plain ways to show them.
#pragma once
#include <cstdio>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "benchmarks/driver/plan.hpp"
#include <nlohmann/json_fwd.hpp>

namespace bench {

inline constexpr std::string_view plait_name = "plait";
inline constexpr std::string_view limit_name = "limit";

double median(std::vector<double> values);  // of at least one value

std::string shown(double value);  // with the digits that are worth reading

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

// What was asked, and what each subject answered.
struct comparison {
  question asked;
  std::string unit;
  std::vector<std::pair<std::string, answer>> answers;  // by subject

  const answer* of(std::string_view subject) const;  // null where it gave none
};

// Whether plait reached its goal.
struct verdict {
  std::string goal;  // "<= 1.4", ">= 6000", "<= 1.25 of the limit"
  bool met = false;
  double mark = 0;  // where the goal lies, in the figure's unit
};
std::optional<verdict> judge(const comparison& c);  // none where it has no goal, or what it is measured by is missing

// Questions in the order in which they were first answered, subjects in the order of the plan.
class results {
 public:
  void add(const question& asked, const std::string& subject, int round, const figure& figure);

  const std::vector<comparison>& comparisons() const noexcept { return comparisons_; }

  // Each question with a line a subject: median (min-max), and the ratio of plait to it, or plait's goal.
  void print(std::FILE* to) const;

  // A list of objects {question, subject, unit, median, min, max, rounds, goal, goal_times_limit, series, at, axis};
  // the goals are null where there are none, the last three where the question belongs to no series.
  // Whether more is better follows from the unit (see more_is_better).
  nlohmann::ordered_json json() const;

 private:
  comparison& comparison_of(const question& asked, const std::string& unit);

  std::vector<comparison> comparisons_;
};

}  // namespace bench
