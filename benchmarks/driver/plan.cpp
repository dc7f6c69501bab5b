#include "benchmarks/driver/plan.hpp"

#include <algorithm>
#include <array>
#include <iterator>

#include <fmt/format.h>
#include <unistd.h>

namespace bench {
namespace {

// One of so many rounds.
constexpr int every = 3, every_of_further = 6;

}  // namespace

std::string name_of(surroundings where) {
  switch (where) {
    case surroundings::free:
      return "free";
    case surroundings::one_core:
      return "one core";
    case surroundings::hogs:
      return "beside two hogs";
  }
  return {};
}

std::string place(surroundings where, unsigned workers) {
  return fmt::format("{}, {} worker{}", name_of(where), workers, workers == 1 ? "" : "s");
}

bool subject::present() const {
  return access(program.c_str(), interpreter.empty() ? X_OK : R_OK) == 0 &&
         (interpreter.empty() || access(interpreter.front().c_str(), X_OK) == 0);
}

bool subject::performs(const experiment& e) const {
  const auto takes_too_long = [&](const question& q) {
    return std::ranges::any_of(too_long, [&](auto& text) { return q.text.find(text) != std::string::npos; });
  };
  return workers == e.workers && e.count(speed) > 0 && std::ranges::none_of(e.questions, takes_too_long) &&
         (acts.empty() || std::ranges::find(acts, e.act) != acts.end());
}

bool subject::is_asked(const experiment& e, int round, bool quick) const {
  if (!performs(e) || !e.is_in_round(round, quick)) return false;
  if (!further) return true;
  if (quick && e.how_often != frequency::every_round) return false;
  return round % every_of_further == 0 && e.is_in_round(round / every_of_further, quick);
}

std::string bytes_text(unsigned bytes) {
  constexpr unsigned step = 1024;
  std::size_t steps = 0;
  for (; bytes >= step; ++steps) bytes /= step;
  return fmt::format("{} {}", bytes, std::array{"B", "KiB", "MiB", "GiB"}.at(steps));
}

std::vector<std::string> subject::command(const std::vector<std::string>& arguments) const {
  std::vector<std::string> words = interpreter;
  words.push_back(program.string());
  words.insert(words.end(), arguments.begin(), arguments.end());
  words.insert(words.end(), options.begin(), options.end());
  return words;
}

unsigned experiment::count(pace speed) const {
  switch (speed) {
    case pace::native:
      return native_count;
    case pace::asio:
      return asio_count;
    case pace::python:
      return python_count;
  }
  return 0;
}

std::vector<std::string> experiment::arguments(pace speed, unsigned divisor) const {
  std::vector<std::string> words{act};
  for (const auto n : before) words.push_back(std::to_string(n));
  words.push_back(std::to_string(scales ? std::max(1u, count(speed) / divisor) : count(speed)));
  for (const auto n : after) words.push_back(std::to_string(n));
  return words;
}

bool experiment::is_in_round(int round, bool quick) const {
  switch (how_often) {
    case frequency::every_round:
      return true;
    case frequency::few:
      return round % every == 0;
    case frequency::full_only:
      return !quick && round % every == 0;
  }
  return false;
}

std::vector<experiment> all_experiments(const std::string& filter) {
  auto all = thread_experiments();
  for (auto more : {process_experiments, payload_experiments, loop_experiments, growth_experiments})
    std::ranges::move(more(), std::back_inserter(all));
  for (auto& e : all) std::erase_if(e.questions, [&](auto& q) { return q.text.find(filter) == std::string::npos; });
  std::erase_if(all, [](auto& e) { return e.questions.empty(); });
  return all;
}

std::size_t left_out_by_quick(const std::vector<experiment>& experiments) {
  std::size_t n = 0;
  for (const auto& e : experiments) n += e.how_often == frequency::full_only ? e.questions.size() : 0;
  return n;
}

bool more_is_better(const std::string& unit) { return unit == "k calls/s" || unit == "%"; }

}  // namespace bench
