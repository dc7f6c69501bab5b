#include "benchmarks/driver/results.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace bench {
namespace {

std::vector<double> values_of(const std::map<int, double>& by_round) {
  std::vector<double> values;
  values.reserve(by_round.size());
  for (const auto& [round, value] : by_round) values.push_back(value);
  return values;
}

verdict judged(double goal, double reached, double mark, const std::string& unit, const char* of = "") {
  const bool more = more_is_better(unit);
  const bool met = more ? reached >= goal : reached <= goal;
  return {.goal = fmt::format("{} {:g}{}", more ? ">=" : "<=", goal, of), .met = met, .mark = mark};
}

}  // namespace

double median(std::vector<double> values) {
  std::ranges::sort(values);
  const auto half = values.size() / 2;
  return values.size() % 2 == 1 ? values.at(half) : (values.at(half - 1) + values.at(half)) / 2;
}

std::string shown(double v) {
  if (v < 10) return fmt::format("{:.2f}", v);
  if (v < 100) return fmt::format("{:.1f}", v);
  return fmt::format("{:.0f}", v);
}

double answer::median() const { return bench::median(values_of(by_round_)); }
double answer::min() const { return std::ranges::min(values_of(by_round_)); }
double answer::max() const { return std::ranges::max(values_of(by_round_)); }

std::optional<double> answer::ratio_to(const answer& other) const {
  std::vector<double> ratios;
  for (const auto& [round, value] : by_round_) {
    const auto there = other.by_round_.find(round);
    if (there != other.by_round_.end() && there->second != 0) ratios.push_back(value / there->second);
  }
  if (ratios.empty()) return std::nullopt;
  return bench::median(std::move(ratios));
}

const answer* comparison::of(std::string_view subject) const {
  const auto it = std::ranges::find(answers, subject, [](auto& a) { return a.first; });
  return it == answers.end() ? nullptr : &it->second;
}

std::optional<verdict> judge(const comparison& c) {
  const answer* plait = c.of(plait_name);
  if (plait == nullptr) return std::nullopt;
  if (c.asked.times_limit) {
    const answer* limit = c.of(limit_name);
    const auto ratio = limit != nullptr ? plait->ratio_to(*limit) : std::nullopt;
    if (ratio)
      return judged(*c.asked.times_limit, *ratio, *c.asked.times_limit * limit->median(), c.unit, " of the limit");
  }
  if (c.asked.goal) return judged(*c.asked.goal, plait->median(), *c.asked.goal, c.unit);
  return std::nullopt;
}

comparison& results::comparison_of(const question& asked, const std::string& unit) {
  const auto it = std::ranges::find(comparisons_, asked.text, [](auto& c) { return c.asked.text; });
  if (it != comparisons_.end()) return *it;
  return comparisons_.emplace_back(comparison{asked, unit, {}});
}

void results::add(const question& asked, const std::string& subject, int round, const figure& figure) {
  auto& answers = comparison_of(asked, figure.unit).answers;
  auto it = std::ranges::find(answers, subject, [](auto& a) { return a.first; });
  if (it == answers.end()) it = answers.insert(answers.end(), {subject, {}});
  it->second.add(round, figure.value);
}

void results::print(std::FILE* to) const {
  for (const auto& c : comparisons_) {
    fmt::print(to, "\n{} [{}]\n", c.asked.text, c.unit);
    const answer* plait = c.of(plait_name);
    for (const auto& [subject, given] : c.answers) {
      const auto spread = fmt::format("({}-{})", shown(given.min()), shown(given.max()));
      std::string remark;
      if (subject == plait_name) {
        if (const auto v = judge(c)) remark = fmt::format("goal {}: {}", v->goal, v->met ? "met" : "MISSED");
      } else if (const auto ratio = plait != nullptr ? plait->ratio_to(given) : std::nullopt) {
        remark = fmt::format("plait / {}: {:.2f}", subject, *ratio);
      }
      const auto line = fmt::format("  {:<11}{:>9}  {:<17}  {}", subject, shown(given.median()), spread, remark);
      fmt::print(to, "{}\n", line.substr(0, line.find_last_not_of(' ') + 1));
    }
  }
}

nlohmann::ordered_json results::json() const {
  auto list = nlohmann::ordered_json::array();
  for (const auto& c : comparisons_) {
    for (const auto& [subject, given] : c.answers) {
      nlohmann::ordered_json goal;
      nlohmann::ordered_json times_limit;
      if (subject == plait_name && c.asked.goal) goal = *c.asked.goal;
      if (subject == plait_name && c.asked.times_limit) times_limit = *c.asked.times_limit;
      nlohmann::ordered_json series;
      nlohmann::ordered_json at;
      nlohmann::ordered_json axis;
      if (!c.asked.series.empty()) {
        series = c.asked.series;
        at = c.asked.at;
        axis = c.asked.axis;
      }
      list.push_back({{"question", c.asked.text},
                      {"subject", subject},
                      {"unit", c.unit},
                      {"median", given.median()},
                      {"min", given.min()},
                      {"max", given.max()},
                      {"rounds", given.rounds()},
                      {"goal", goal},
                      {"goal_times_limit", times_limit},
                      {"series", series},
                      {"at", at},
                      {"axis", axis}});
    }
  }
  return list;
}

}  // namespace bench
