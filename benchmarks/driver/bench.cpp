// Measures plait beside the limit and the peers, in interleaved rounds of one run: in a round every program that is
// asked performs an act once, all programs one after the other before the next act, so that two figures of a round
// come from the same minute of the machine. Ratios of one run count; single absolute times do not.
#include <algorithm>
#include <chrono>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>

#include "benchmarks/driver/charts.hpp"
#include "benchmarks/driver/child.hpp"
#include "benchmarks/driver/machine.hpp"
#include "benchmarks/driver/page.hpp"
#include "benchmarks/driver/plan.hpp"
#include "benchmarks/driver/report.hpp"
#include "benchmarks/driver/results.hpp"
#include "benchmarks/driver/snapshot.hpp"
#include <CLI/CLI.hpp>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

namespace {

using namespace bench;
using steady = std::chrono::steady_clock;

constexpr std::chrono::seconds timeout{120};  // a run takes less than ten seconds on a machine that is well

struct settings {
  int rounds = 7;
  bool quick = false;
  bool peers = false;  // all of them are wanted
  std::string filter;
  std::filesystem::path json = PLAIT_BENCH_JSON;
  std::filesystem::path html;      // empty: beside the json
  std::filesystem::path markdown;  // empty: none
  std::string command;             // as it was typed

  std::filesystem::path html_file() const {
    return html.empty() ? std::filesystem::path(json).replace_extension(".html") : html;
  }
  int actual_rounds() const { return quick ? std::min(rounds, 3) : rounds; }
  unsigned divisor() const { return quick ? 8 : 1; }
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
    progress shown(runs());
    for (int round = 0; round < settings_.actual_rounds(); ++round) {
      for (const auto& e : experiments_) {
        if (!e.is_in_round(round, settings_.quick)) continue;
        std::optional<cpu_hogs> hogs;
        if (e.where == surroundings::hogs) hogs.emplace();
        for (std::size_t i = 0; i < subjects_.size(); ++i) {
          // Each round begins with another subject: none always has the place after the same neighbour.
          const auto& s = subjects_[(i + static_cast<std::size_t>(round)) % subjects_.size()];
          if (!s.is_asked(e, round, settings_.quick)) continue;
          shown.begin(round, fmt::format("{}: {}", s.name, e.questions.front().text));
          perform(s, e, round);
        }
      }
    }
  }

  const results& figures() const noexcept { return results_; }
  const std::map<std::string, std::string>& failures() const noexcept { return failures_; }

 private:
  std::size_t runs() const {
    std::size_t n = 0;
    for (int round = 0; round < settings_.actual_rounds(); ++round) {
      for (const auto& e : experiments_)
        n += static_cast<std::size_t>(
            std::ranges::count_if(subjects_, [&](auto& s) { return s.is_asked(e, round, settings_.quick); }));
    }
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

void write(const std::filesystem::path& path, const std::string& text) {
  if (path.has_parent_path()) std::filesystem::create_directories(path.parent_path());
  std::ofstream file(path);
  file << text;
  if (!file.flush()) throw std::runtime_error(fmt::format("{} can't be written", path.string()));
  fmt::print("Written to {}.\n", path.string());
}

// The figures first: they are there whatever becomes of the ways to show them.
void write_all(const settings& s, const run_record& record, const results& figures) {
  write(s.json, figures.json().dump(2) + '\n');
  const auto sections = sections_of(figures);
  if (!s.markdown.empty()) write(s.markdown, markdown_snapshot(record, sections));
  std::vector<panel> panels;
  for (const auto& in : sections) panels.insert(panels.end(), in.panels.begin(), in.panels.end());
  const auto charts = draw(panels);
  if (!charts.error.empty()) fmt::print("No charts: they need gnuplot (package gnuplot-nox): {}\n", charts.error);
  write(s.html_file(), html_page(record, sections, charts));
}

int run(const settings& s) {
  auto subjects = all_subjects(std::filesystem::canonical("/proc/self/exe").parent_path());
  auto experiments = all_experiments(s.filter);
  if (experiments.empty()) throw std::invalid_argument(fmt::format("--filter: no question contains '{}'", s.filter));

  const auto left_out = s.quick ? left_out_by_quick(experiments) : 0;
  std::erase_if(experiments, [&](auto& e) { return s.quick && e.how_often == frequency::full_only; });
  if (experiments.empty()) throw std::invalid_argument("--quick leaves out what --filter asks for");

  run_record record{.date = fmt::format("{:%Y-%m-%d %H:%M} UTC", fmt::gmtime(std::time(nullptr))),
                    .command = s.command,
                    .rounds = s.actual_rounds(),
                    .quick = s.quick,
                    .machine = facts_of_machine(subjects),
                    .failures = {}};
  print(stdout, record.machine);
  std::fflush(stdout);
  const bool wanted_missing =
      std::ranges::any_of(subjects, [&](auto& x) { return (s.peers || x.needs.empty()) && !x.present(); });
  std::erase_if(subjects, [](auto& x) { return !x.present(); });

  const auto started = steady::now();
  benchmark all(s, std::move(subjects), std::move(experiments));
  all.run();
  const auto taken = std::chrono::duration<double>(steady::now() - started).count();
  all.figures().print(stdout);
  fmt::print("\n{} in {:.0f} s, median (min-max) of them; ratios are medians of the ratios of each round.\n",
             rounds_in_words(record), taken);
  if (left_out > 0) fmt::print("left out by --quick: {} questions\n", left_out);
  for (const auto& [name, error] : all.failures()) record.failures.push_back({name, error});
  write_all(s, record, all.figures());
  std::fflush(stdout);
  for (const auto& [name, error] : all.failures()) fmt::print(stderr, "FAILED: {}: {}\n", name, error);
  return all.failures().empty() && !wanted_missing ? EXIT_SUCCESS : EXIT_FAILURE;
}

}  // namespace

int main(int argc, char** argv) {
  settings s;
  CLI::App app("Measures plait beside the limit of this machine and other libraries.");
  app.add_option("--rounds", s.rounds, "How often everything is run")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_flag("--quick", s.quick, "At most 3 rounds, with an eighth of the operations, of fewer questions");
  app.add_flag("--peers", s.peers, "Fails where a peer is missing; ./bench --peers installs them first");
  app.add_option("--filter", s.filter, "Only the questions that contain this text")->type_name("TEXT");
  app.add_option("--json", s.json, "Where the figures are written")->type_name("FILE")->capture_default_str();
  app.add_option("--html", s.html, "Where the page with the charts is written; default: beside the figures")
      ->type_name("FILE");
  app.add_option("--markdown", s.markdown, "Where a document with the same tables is written; default: nowhere")
      ->type_name("FILE");
  CLI11_PARSE(app, argc, argv);
  s.command = command_line({argv + 1, argv + argc});
  try {
    return run(s);
  } catch (const std::exception& e) {
    fmt::print(stderr, "bench: {}\n", e.what());
    return EXIT_FAILURE;
  }
}
