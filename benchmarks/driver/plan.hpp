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

enum class worker_kind { threads, processes, none };

// Which rounds perform an experiment.
enum class frequency {
  every_round,  // what has a goal, and takes no longer than others
  few,          // one of three
  full_only,    // one of three, and none of --quick: what shows growth, and what takes long
};

inline frequency often_if(bool has_goal) { return has_goal ? frequency::every_round : frequency::few; }

struct experiment;

// One way to do the acts: a program and the option that chooses among its forms.
struct subject {
  std::string name;
  std::filesystem::path program;
  std::vector<std::string> interpreter;  // what runs the program, where it can't run by itself
  std::vector<std::string> options;
  pace speed = pace::native;
  std::string needs;     // the package without which it is not built, and how to get it; empty: it is always there
  bool further = false;  // only --peers installs it
  worker_kind workers = worker_kind::threads;
  std::vector<std::string> acts = {};  // that it can perform; empty: all
  // In the text of questions that it leaves out, as they would take it too long: "of 1 GiB".
  std::vector<std::string> too_long = {};

  bool present() const;
  bool performs(const experiment& e) const;
  // Performs it in that round. Further peers are asked in one round of six, what has no goal in fewer of these, and
  // in none of --quick: with all of them in each round, a full run would take more than an hour.
  bool is_asked(const experiment& e, int round, bool quick) const;
  std::vector<std::string> command(const std::vector<std::string>& arguments) const;
};

// One figure of a run answers one question. Questions that ask the same for growing n form a series: they have
// `series` and `axis` in common, and the page of results shows them as one chart with a line a subject, not as many
// of bars.
struct question {
  std::string text;
  std::string figure;
  std::optional<double> goal = std::nullopt;         // plait's, in the figure's unit
  std::optional<double> times_limit = std::nullopt;  // plait's: so many times the limit's figure of the same round
  std::string series = {};                           // the chart's title, "wait on futures, one core"; empty: none
  double at = 0;                                     // n of this question, more than 0; the chart's scale is a log's
  std::string axis = {};                             // what n counts: "futures"
};

// One act in one place; each subject that is asked performs it once a round.
struct experiment {
  std::string act;
  worker_kind workers = worker_kind::threads;
  std::vector<unsigned> before = {};  // the numbers before the count of operations
  // How many operations, by the subject's pace: half a second of them. 0: those subjects leave it out, since it would
  // take them too long.
  unsigned native_count = 1;
  unsigned asio_count = 1;
  unsigned python_count = 1;
  std::vector<unsigned> after = {};  // the numbers after it
  surroundings where = surroundings::free;
  bool scales = true;  // with the divisor; else the count is the act's own
  frequency how_often = frequency::few;
  std::vector<question> questions = {};

  unsigned count(pace speed) const;
  bool is_in_round(int round, bool quick) const;
  std::vector<std::string> arguments(pace speed, unsigned divisor) const;
};

// `folder`: where the programs lie.
std::vector<subject> all_subjects(const std::filesystem::path& folder);

// "free", and "free, 3 workers".
std::string name_of(surroundings where);
std::string place(surroundings where, unsigned workers);

// "64 KiB"
std::string bytes_text(unsigned bytes);

std::vector<experiment> thread_experiments();
std::vector<experiment> process_experiments();
std::vector<experiment> payload_experiments();
std::vector<experiment> loop_experiments();
std::vector<experiment> growth_experiments();

// Those experiments and questions whose text contains `filter`.
std::vector<experiment> all_experiments(const std::string& filter);

// How many questions --quick leaves out.
std::size_t left_out_by_quick(const std::vector<experiment>& experiments);

// Whether more is better, for a figure of this unit.
bool more_is_better(const std::string& unit);

}  // namespace bench
