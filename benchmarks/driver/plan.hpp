// What is asked, of whom, and what plait wants to reach.
#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "benchmarks/driver/child.hpp"

namespace bench {

// How many operations make a run of a fraction of a second.
enum class pace { native, asio, python };

// One way to do the acts: a program and the option that chooses among its forms.
struct subject {
  std::string name;
  std::filesystem::path program;
  std::vector<std::string> interpreter;  // what runs the program, where it can't run by itself
  std::vector<std::string> options;
  pace speed = pace::native;
  std::string needs;  // the package without which it is not built; empty: it is always there
  bool has_coroutines = true;

  bool present() const;
  std::vector<std::string> command(const std::vector<std::string>& arguments) const;
};

// One figure of a run answers one question.
struct question {
  std::string text;
  std::string figure;
  std::optional<double> goal = std::nullopt;  // plait's, in the figure's unit
};

// One act in one place; each subject performs it once a round.
struct experiment {
  std::string act;
  std::vector<unsigned> before;  // the numbers before the count of operations
  unsigned native_count, asio_count, python_count;
  std::vector<unsigned> after;  // the numbers after it
  surroundings where = surroundings::free;
  bool needs_coroutines = false;
  std::vector<question> questions;

  unsigned count(pace speed) const;
  std::vector<std::string> arguments(pace speed, unsigned divisor) const;
};

// `folder`: where the programs lie.
std::vector<subject> all_subjects(const std::filesystem::path& folder);

// Those experiments and questions whose text contains `filter`.
std::vector<experiment> all_experiments(const std::string& filter);

// Whether more is better, for a figure of this unit.
bool more_is_better(const std::string& unit);

}  // namespace bench
