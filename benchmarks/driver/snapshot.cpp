#include "benchmarks/driver/snapshot.hpp"

#include <algorithm>
#include <cctype>
#include <optional>

#include <fmt/format.h>

namespace bench {
namespace {

using row = std::vector<std::string>;

std::string table_row(const row& cells) { return fmt::format("| {} |\n", fmt::join(cells, " | ")); }

// plait and the limit have columns of their own; the others follow.
std::vector<std::string> peers_of(const section& s) {
  auto names = subjects_of(s);
  std::erase_if(names, [](auto& name) { return name == plait_name || name == limit_name; });
  return names;
}

std::string median_of(const answer* given) { return given != nullptr ? shown(given->median()) : ""; }

std::string with_spread(const answer* given) {
  if (given == nullptr) return {};
  return fmt::format("{} ({}-{})", shown(given->median()), shown(given->min()), shown(given->max()));
}

std::string ratio_of(const answer* plait, const answer* limit) {
  const auto ratio = plait != nullptr && limit != nullptr ? plait->ratio_to(*limit) : std::nullopt;
  return ratio ? fmt::format("{:.2f}", *ratio) : "";
}

std::string goal_of(const comparison& c) {
  const auto v = judge(c);
  return v ? fmt::format("{}: {}", markdown_escaped(v->goal), v->met ? "met" : "**missed**") : "";
}

std::string table(const section& s) {
  const auto peers = peers_of(s);
  row head{"question", "unit", "plait (min-max)", "limit", "plait / limit", "goal"};
  for (const auto& peer : peers) head.push_back(markdown_escaped(peer));
  std::string text = table_row(head);
  text += "|---|---|";
  for (std::size_t i = 2; i < head.size(); ++i) text += i == 5 ? "---|" : "--:|";
  text += '\n';
  for (const auto& p : s.panels) {
    for (const auto* c : p.parts) {
      const auto* plait = c->of(plait_name);
      const auto* limit = c->of(limit_name);
      row cells{markdown_escaped(within_topic(s, c->asked.text)),
                markdown_escaped(c->unit),
                with_spread(plait),
                median_of(limit),
                ratio_of(plait, limit),
                goal_of(*c)};
      for (const auto& peer : peers) cells.push_back(median_of(c->of(peer)));
      text += table_row(cells);
    }
  }
  return text;
}

}  // namespace

std::string markdown_escaped(std::string_view text) {
  const auto in_word = [&](std::size_t i) {
    return i < text.size() && std::isalnum(static_cast<unsigned char>(text[i]));
  };
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    // An underscore within a word is no markup, and names are full of them.
    const bool markup = c == '_' ? !(i > 0 && in_word(i - 1) && in_word(i + 1))
                                 : std::string_view("\\`*[]<>&|~").find(c) != std::string_view::npos;
    if (markup) result += '\\';
    result += static_cast<unsigned char>(c) < ' ' ? ' ' : c;
  }
  return result;
}

std::string markdown_snapshot(const run_record& run, const std::vector<section>& sections) {
  std::string text = fmt::format(
      "# Benchmarks\n\n"
      "One run of `bench`, as it wrote it: no line is edited by hand. "
      "[benchmarks/README.md](../benchmarks/README.md) tells "
      "what is measured, and how to read it.\nFigures are medians of {}; plait / limit is the median of the ratios "
      "of each "
      "round. Ratios of one run can be compared; times of\ndifferent runs can not.\n\n",
      rounds_in_words(run));
  text += table_row({"date", markdown_escaped(run.date)});
  text += "|---|---|\n";
  for (const auto& f : run.machine) text += table_row({markdown_escaped(f.name), markdown_escaped(f.value)});
  text += fmt::format("\n```\n{}\n```\n", run.command);
  for (const auto& s : sections) text += fmt::format("\n## {}\n\n{}", markdown_escaped(s.topic), table(s));
  if (!run.failures.empty()) {
    text += "\n## Failed\n\n";
    for (const auto& f : run.failures)
      text += fmt::format("- {}: {}\n", markdown_escaped(f.name), markdown_escaped(f.value));
  }
  return text;
}

}  // namespace bench
