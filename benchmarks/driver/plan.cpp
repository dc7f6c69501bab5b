#include "benchmarks/driver/plan.hpp"

#include <algorithm>
#include <iterator>

#include <fmt/format.h>
#include <unistd.h>

namespace bench {

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
  return workers == e.workers && (acts.empty() || std::ranges::find(acts, e.act) != acts.end());
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
  words.push_back(std::to_string(scales ? count(speed) / divisor : count(speed)));
  for (const auto n : after) words.push_back(std::to_string(n));
  return words;
}

std::vector<subject> all_subjects(const std::filesystem::path& folder) {
  return {{.name = "plait", .program = folder / "plait_offload", .interpreter = {}, .options = {}, .needs = {}},
          {.name = "limit", .program = folder / "limit_offload", .interpreter = {}, .options = {}, .needs = {}},
          {.name = "limit_spin",
           .program = folder / "limit_offload",
           .interpreter = {},
           .options = {"--spin-us=5"},
           .needs = {}},
          {.name = "asio",
           .program = folder / "peer_asio",
           .interpreter = {},
           .options = {"--form=co_spawn"},
           .speed = pace::asio,
           .needs = "libasio-dev"},
          {.name = "asio_post",
           .program = folder / "peer_asio",
           .interpreter = {},
           .options = {"--form=post"},
           .speed = pace::asio,
           .needs = "libasio-dev"},
          {.name = "libuv",
           .program = folder / "peer_libuv",
           .interpreter = {},
           .options = {},
           .needs = "libuv1-dev",
           .acts = {"lat", "thr", "eff", "mem_call"}},  // it has no coroutines
          {.name = "python",
           .program = folder / "peer_python.py",
           .interpreter = {"/usr/bin/python3"},
           .options = {},
           .speed = pace::python,
           .needs = "python3"},
          {.name = "plait",
           .program = folder / "plait_processes",
           .interpreter = {},
           .options = {},
           .needs = {},
           .workers = worker_kind::processes},
          {.name = "limit",
           .program = folder / "limit_processes",
           .interpreter = {},
           .options = {},
           .needs = {},
           .workers = worker_kind::processes},
          {.name = "limit_spin",
           .program = folder / "limit_processes",
           .interpreter = {},
           .options = {"--spin-us=5"},
           .needs = {},
           .workers = worker_kind::processes,
           .acts = {"lat", "thr"}},
          {.name = "zeromq",
           .program = folder / "peer_zmq",
           .interpreter = {},
           .options = {},
           .speed = pace::asio,
           .needs = "libzmq3-dev",
           .workers = worker_kind::processes,
           .acts = {"lat", "thr", "map", "payload"}},  // it starts no processes
          {.name = "python",
           .program = folder / "peer_python_processes.py",
           .interpreter = {"/usr/bin/python3"},
           .options = {},
           .speed = pace::python,
           .needs = "python3",
           .workers = worker_kind::processes}};
}

std::vector<experiment> all_experiments(const std::string& filter) {
  auto all = thread_experiments();
  std::ranges::move(process_experiments(), std::back_inserter(all));
  for (auto& e : all) std::erase_if(e.questions, [&](auto& q) { return q.text.find(filter) == std::string::npos; });
  std::erase_if(all, [](auto& e) { return e.questions.empty(); });
  return all;
}

bool more_is_better(const std::string& unit) { return unit == "k calls/s" || unit == "%"; }

}  // namespace bench
