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

enum class worker_kind { threads, processes };

struct experiment;

// One way to do the acts: a program and the option that chooses among its forms.
struct subject {
  std::string name;
  std::filesystem::path program;
  std::vector<std::string> interpreter;  // what runs the program, where it can't run by itself
  std::vector<std::string> options;
  pace speed = pace::native;
  std::string needs;  // the package without which it is not built; empty: it is always there
  worker_kind workers = worker_kind::threads;
  std::vector<std::string> acts = {};  // that it can perform; empty: all

  bool present() const;
  bool performs(const experiment& e) const;
  std::vector<std::string> command(const std::vector<std::string>& arguments) const;
};

// One figure of a run answers one question.
struct question {
  std::string text;
  std::string figure;
  std::optional<double> goal = std::nullopt;         // plait's, in the figure's unit
  std::optional<double> times_limit = std::nullopt;  // plait's: so many times the limit's figure of the same round
};

// One act in one place; each subject that can performs it once a round.
struct experiment {
  std::string act;
  worker_kind workers = worker_kind::threads;
  std::vector<unsigned> before = {};  // the numbers before the count of operations
  unsigned native_count = 1;
  unsigned asio_count = 1;
  unsigned python_count = 1;
  std::vector<unsigned> after = {};  // the numbers after it
  surroundings where = surroundings::free;
  bool scales = true;  // with the divisor; else the count is the act's own
  std::vector<question> questions = {};

  unsigned count(pace speed) const;
  std::vector<std::string> arguments(pace speed, unsigned divisor) const;
};

// `folder`: where the programs lie.
std::vector<subject> all_subjects(const std::filesystem::path& folder);

// "free", and "free, 3 workers".
std::string name_of(surroundings where);
std::string place(surroundings where, unsigned workers);

std::vector<experiment> thread_experiments();
std::vector<experiment> process_experiments();

// Those experiments and questions whose text contains `filter`.
std::vector<experiment> all_experiments(const std::string& filter);

// Whether more is better, for a figure of this unit.
bool more_is_better(const std::string& unit);

}  // namespace bench
