#include "benchmarks/driver/report.hpp"

#include <algorithm>
#include <cctype>

#include <fmt/format.h>

namespace bench {
namespace {

std::string topic_of(const std::string& title) { return title.substr(0, title.find(", ")); }

std::string quoted_for_shell(const std::string& word) {
  const auto plain = [](unsigned char c) {
    return std::isalnum(c) != 0 || std::string_view("_./=:,+-").find(static_cast<char>(c)) != std::string_view::npos;
  };
  if (!word.empty() && std::ranges::all_of(word, plain)) return word;
  std::string quoted = "'";
  for (const char c : word) quoted += c == '\'' ? "'\\''" : std::string(1, c);
  return quoted + "'";
}

void add_subjects(std::vector<std::string>& names, const panel& p) {
  for (const auto* c : p.parts) {
    for (const auto& [subject, given] : c->answers) {
      if (std::ranges::find(names, subject) == names.end()) names.push_back(subject);
    }
  }
}

}  // namespace

std::string command_line(const std::vector<std::string>& arguments) {
  std::string line = "./bench";
  for (const auto& word : arguments) line += " " + quoted_for_shell(word);
  return line;
}

std::string rounds_in_words(const run_record& run) {
  const auto each = run.rounds == 1 ? "with" : "each with";
  return fmt::format("{} round{}{}", run.rounds, run.rounds == 1 ? "" : "s",
                     run.quick ? fmt::format(", {} an eighth of the operations", each) : "");
}

std::vector<section> sections_of(const results& figures) {
  std::vector<section> sections;
  for (const auto& c : figures.comparisons()) {
    const auto& title = c.asked.series.empty() ? c.asked.text : c.asked.series;
    const auto topic = topic_of(title);
    auto in = std::ranges::find(sections, topic, &section::topic);
    if (in == sections.end()) in = sections.insert(in, {topic, {}});
    auto shown_in = std::ranges::find_if(in->panels, [&](auto& p) { return p.is_series() && p.title == title; });
    if (c.asked.series.empty() || shown_in == in->panels.end())
      shown_in = in->panels.insert(in->panels.end(), {title, {}});
    shown_in->parts.push_back(&c);
    std::ranges::sort(shown_in->parts, {}, [](const comparison* part) { return part->asked.at; });
  }
  return sections;
}

std::string within_topic(const section& s, const std::string& title) {
  return title.starts_with(s.topic + ", ") ? title.substr(s.topic.size() + 2) : title;
}

std::vector<std::string> subjects_of(const panel& p) {
  std::vector<std::string> names;
  add_subjects(names, p);
  return names;
}

std::vector<std::string> subjects_of(const section& s) {
  std::vector<std::string> names;
  for (const auto& p : s.panels) add_subjects(names, p);
  return names;
}

}  // namespace bench
