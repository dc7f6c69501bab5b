#include "benchmarks/driver/results.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace bench {
namespace {

constexpr auto plait_name = "plait";
constexpr auto limit_name = "limit";

std::string number(double v) {
  if (v < 10) return fmt::format("{:.2f}", v);
  if (v < 100) return fmt::format("{:.1f}", v);
  return fmt::format("{:.0f}", v);
}

std::vector<double> values_of(const std::map<int, double>& by_round) {
  std::vector<double> values;
  values.reserve(by_round.size());
  for (const auto& [round, value] : by_round) values.push_back(value);
  return values;
}

std::string goal_text(double goal, double reached, const std::string& unit, const char* of = "") {
  const bool more = more_is_better(unit);
  const bool met = more ? reached >= goal : reached <= goal;
  return fmt::format("goal {} {:g}{}: {}", more ? ">=" : "<=", goal, of, met ? "met" : "MISSED");
}

const answer* find(const std::vector<std::pair<std::string, answer>>& answers, const std::string& subject) {
  const auto it = std::ranges::find(answers, subject, [](auto& a) { return a.first; });
  return it == answers.end() ? nullptr : &it->second;
}

}  // namespace

double median(std::vector<double> values) {
  std::ranges::sort(values);
  const auto half = values.size() / 2;
  return values.size() % 2 == 1 ? values.at(half) : (values.at(half - 1) + values.at(half)) / 2;
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

results::topic& results::topic_of(const question& asked, const std::string& unit) {
  const auto it = std::ranges::find(topics_, asked.text, [](auto& t) { return t.asked.text; });
  if (it != topics_.end()) return *it;
  return topics_.emplace_back(topic{asked, unit, {}});
}

void results::add(const question& asked, const std::string& subject, int round, const figure& figure) {
  auto& answers = topic_of(asked, figure.unit).answers;
  auto it = std::ranges::find(answers, subject, [](auto& a) { return a.first; });
  if (it == answers.end()) it = answers.insert(answers.end(), {subject, {}});
  it->second.add(round, figure.value);
}

void results::print(std::FILE* to) const {
  for (const auto& topic : topics_) {
    fmt::print(to, "\n{} [{}]\n", topic.asked.text, topic.unit);
    const answer* plait = find(topic.answers, plait_name);
    for (const auto& [subject, given] : topic.answers) {
      const auto spread = fmt::format("({}-{})", number(given.min()), number(given.max()));
      std::string remark;
      if (subject == plait_name) {
        if (topic.asked.goal) remark = goal_text(*topic.asked.goal, given.median(), topic.unit);
        const answer* limit = topic.asked.times_limit ? find(topic.answers, limit_name) : nullptr;
        if (const auto ratio = limit != nullptr ? given.ratio_to(*limit) : std::nullopt)
          remark = goal_text(*topic.asked.times_limit, *ratio, topic.unit, " of the limit");
      } else if (const auto ratio = plait != nullptr ? plait->ratio_to(given) : std::nullopt) {
        remark = fmt::format("plait / {}: {:.2f}", subject, *ratio);
      }
      const auto line = fmt::format("  {:<11}{:>9}  {:<17}  {}", subject, number(given.median()), spread, remark);
      fmt::print(to, "{}\n", line.substr(0, line.find_last_not_of(' ') + 1));
    }
  }
}

nlohmann::ordered_json results::json() const {
  auto list = nlohmann::ordered_json::array();
  for (const auto& topic : topics_) {
    for (const auto& [subject, given] : topic.answers) {
      nlohmann::ordered_json goal;
      nlohmann::ordered_json times_limit;
      if (subject == plait_name && topic.asked.goal) goal = *topic.asked.goal;
      if (subject == plait_name && topic.asked.times_limit) times_limit = *topic.asked.times_limit;
      list.push_back({{"question", topic.asked.text},
                      {"subject", subject},
                      {"unit", topic.unit},
                      {"median", given.median()},
                      {"min", given.min()},
                      {"max", given.max()},
                      {"rounds", given.rounds()},
                      {"goal", goal},
                      {"goal_times_limit", times_limit}});
    }
  }
  return list;
}

}  // namespace bench
