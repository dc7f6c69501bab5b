// Measures plait beside the limit and the peers, in interleaved rounds of one run: in a round every program performs
// every act once, all programs one after the other before the next act, so that two figures of a round come from the
// same minute of the machine. Ratios of one run count; single absolute times do not.
#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>

#include "benchmarks/driver/child.hpp"
#include "benchmarks/driver/machine.hpp"
#include "benchmarks/driver/plan.hpp"
#include "benchmarks/driver/results.hpp"
#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

namespace {

using namespace bench;
using steady = std::chrono::steady_clock;

constexpr std::chrono::seconds timeout{60};  // a run takes less than two seconds on a machine that is well

struct settings {
  int rounds = 9;
  bool quick = false;
  std::string filter;
  std::filesystem::path json = PLAIT_BENCH_JSON;

  int actual_rounds() const { return quick ? std::min(rounds, 3) : rounds; }
  unsigned divisor() const { return quick ? 4 : 1; }
};

// One line on a terminal, nothing elsewhere.
class progress {
 public:
  explicit progress(std::size_t total) : total_(total) {}
  ~progress() { clear(); }
  progress(const progress&) = delete;
  progress& operator=(const progress&) = delete;

  void begin(int round, const std::string& what) {
    if (shown_) {
      const auto spent = std::chrono::duration<double>(steady::now() - started_).count();
      const auto left = done_ == 0 ? 0 : spent / static_cast<double>(done_) * static_cast<double>(total_ - done_);
      fmt::print(stderr, "\r\x1b[K[{}/{}] round {}, {:.0f} s left: {}", done_, total_, round + 1, left, what);
      std::fflush(stderr);
    }
    ++done_;
  }
  void clear() const {
    if (shown_) fmt::print(stderr, "\r\x1b[K");
  }

 private:
  const bool shown_ = isatty(STDERR_FILENO) == 1;
  const steady::time_point started_ = steady::now();
  std::size_t total_;
  std::size_t done_ = 0;
};

// Performs the plan; what failed is not tried again in later rounds.
class benchmark {
 public:
  benchmark(const settings& s, std::vector<subject> subjects, std::vector<experiment> experiments)
      : settings_(s), subjects_(std::move(subjects)), experiments_(std::move(experiments)) {}

  void run() {
    progress shown(static_cast<std::size_t>(settings_.actual_rounds()) * pairs());
    for (int round = 0; round < settings_.actual_rounds(); ++round) {
      for (const auto& e : experiments_) {
        std::optional<cpu_hogs> hogs;
        if (e.where == surroundings::hogs) hogs.emplace();
        for (std::size_t i = 0; i < subjects_.size(); ++i) {
          // Each round begins with another subject: none always has the place after the same neighbour.
          const auto& s = subjects_[(i + static_cast<std::size_t>(round)) % subjects_.size()];
          if (!s.performs(e)) continue;
          shown.begin(round, fmt::format("{}: {}", s.name, e.questions.front().text));
          perform(s, e, round);
        }
      }
    }
  }

  const results& figures() const noexcept { return results_; }
  const std::map<std::string, std::string>& failures() const noexcept { return failures_; }

 private:
  std::size_t pairs() const {
    std::size_t n = 0;
    for (const auto& e : experiments_)
      n += static_cast<std::size_t>(std::ranges::count_if(subjects_, [&](auto& s) { return s.performs(e); }));
    return n;
  }

  void perform(const subject& s, const experiment& e, int round) {
    const auto command = s.command(e.arguments(s.speed, settings_.divisor()));
    const auto name = fmt::format("{} ({})", fmt::join(command, " "), e.questions.front().text);
    if (failures_.contains(name)) return;
    const auto outcome = run_program(command, e.where, timeout);
    if (!outcome.error.empty()) {
      failures_[name] = outcome.error;
      return;
    }
    for (const auto& q : e.questions) {
      const auto given = outcome.figures.find(q.figure);
      if (given != outcome.figures.end()) {
        results_.add(q, s.name, round, given->second);
      } else {
        failures_[name] = fmt::format("gave no figure '{}'", q.figure);
      }
    }
  }

  const settings settings_;
  const std::vector<subject> subjects_;
  const std::vector<experiment> experiments_;
  results results_;
  std::map<std::string, std::string> failures_;  // by command
};

void write_json(const std::filesystem::path& path, const nlohmann::ordered_json& list) {
  if (path.has_parent_path()) std::filesystem::create_directories(path.parent_path());
  std::ofstream file(path);
  file << list.dump(2) << '\n';
  if (!file.flush()) throw std::runtime_error(fmt::format("{} can't be written", path.string()));
}

int run(const settings& s) {
  auto subjects = all_subjects(std::filesystem::canonical("/proc/self/exe").parent_path());
  auto experiments = all_experiments(s.filter);
  if (experiments.empty()) throw std::invalid_argument(fmt::format("--filter: no question contains '{}'", s.filter));

  print_machine(stdout, subjects);
  std::fflush(stdout);
  const bool ours_missing = std::ranges::any_of(subjects, [](auto& x) { return x.needs.empty() && !x.present(); });
  std::erase_if(subjects, [](auto& x) { return !x.present(); });

  benchmark all(s, std::move(subjects), std::move(experiments));
  all.run();
  all.figures().print(stdout);
  write_json(s.json, all.figures().json());
  fmt::print(
      "\n{} round{}, median (min-max) of them; ratios are medians of the ratios of each round. Written to {}.\n",
      s.actual_rounds(), s.actual_rounds() == 1 ? "" : "s", s.json.string());
  std::fflush(stdout);
  for (const auto& [name, error] : all.failures()) fmt::print(stderr, "FAILED: {}: {}\n", name, error);
  return all.failures().empty() && !ours_missing ? EXIT_SUCCESS : EXIT_FAILURE;
}

}  // namespace

int main(int argc, char** argv) {
  settings s;
  CLI::App app("Measures plait beside the limit of this machine and other libraries.");
  app.add_option("--rounds", s.rounds, "How often everything is run")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_flag("--quick", s.quick, "At most 3 rounds, with a quarter of the operations: under two minutes");
  app.add_option("--filter", s.filter, "Only the questions that contain this text")->type_name("TEXT");
  app.add_option("--json", s.json, "Where the figures are written")->type_name("FILE")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  try {
    return run(s);
  } catch (const std::exception& e) {
    fmt::print(stderr, "bench: {}\n", e.what());
    return EXIT_FAILURE;
  }
}
