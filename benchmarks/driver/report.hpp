// A run as one reads it, whether as a page or as a text: what was measured on what, and the figures in their groups.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "benchmarks/driver/machine.hpp"
#include "benchmarks/driver/results.hpp"

namespace bench {

struct run_record {
  std::string date;
  std::string command;  // as it was typed
  int rounds = 0;
  bool quick = false;
  std::vector<fact> machine;
  std::vector<fact> failures;  // the command that failed, and why
};

std::string command_line(const std::vector<std::string>& arguments);  // of ./bench, quoted as a shell needs it
std::string rounds_in_words(const run_record& run);  // "3 rounds, each with an eighth of the operations"

// What belongs in one picture: the answers to one question, or to those of one series by growing n.
struct panel {
  std::string title;
  std::vector<const comparison*> parts;  // at least one

  bool is_series() const { return !parts.front()->asked.series.empty(); }
  const std::string& unit() const { return parts.front()->unit; }
  const std::string& axis() const { return parts.front()->asked.axis; }
};

// Panels of one topic, which is what their titles say before the first comma.
struct section {
  std::string topic;
  std::vector<panel> panels;
};

// In the order of the figures, which have to outlive the sections.
std::vector<section> sections_of(const results& figures);

std::string within_topic(const section& s, const std::string& title);  // without the topic, where it begins with that

// Every subject that answered one of the questions, each once, in the order of the plan: plait, the limits, the
// peers.
std::vector<std::string> subjects_of(const panel& p);
std::vector<std::string> subjects_of(const section& s);

}  // namespace bench
