// The thread pool's experiments.
#include "benchmarks/driver/plan.hpp"
#include <fmt/format.h>

namespace bench {
namespace {

struct latency_goals {
  std::optional<double> mean = std::nullopt;
  std::optional<double> p50 = std::nullopt;
};

experiment latency(surroundings where, unsigned workers, latency_goals goals = {}) {
  const auto at = place(where, workers);
  const bool hogs = where == surroundings::hogs;  // there a call may cost a time slice of the scheduler
  return {.act = "lat",
          .before = {workers},
          .native_count = hogs ? 2'000u : 10'000u,
          .asio_count = hogs ? 1'000u : 10'000u,
          .python_count = hogs ? 200u : 3'000u,
          .after = {},
          .where = where,
          .questions = {{"thread offload latency, " + at + ", mean", "latency.mean", goals.mean},
                        {"thread offload latency, " + at + ", p50", "latency.p50", goals.p50},
                        {"thread offload latency, " + at + ", p99", "latency.p99"},
                        {"context switches of a sequential offload, " + at, "latency.switches"},
                        {"CPU time of a sequential offload, " + at, "latency.cpu"}}};
}

experiment throughput(surroundings where, unsigned workers, std::optional<double> goal = std::nullopt) {
  constexpr unsigned streams = 1000;
  const bool hogs = where == surroundings::hogs;
  return {.act = "thr",
          .before = {workers},
          .native_count = hogs ? 400'000u : 1'000'000u,
          .asio_count = hogs ? 80'000u : 200'000u,
          .python_count = hogs ? 8'000u : 20'000u,
          .after = {streams},
          .where = where,
          .questions = {{fmt::format("thread offload throughput, {}, {} streams", place(where, workers), streams),
                         "throughput", goal}}};
}

experiment efficiency(surroundings where, unsigned work_us, unsigned calls,
                      std::optional<double> goal = std::nullopt) {
  constexpr unsigned workers = 3;
  constexpr unsigned streams = 100;
  return {.act = "eff",
          .before = {workers},
          .native_count = calls,
          .asio_count = calls,
          .python_count = calls / 4,
          .after = {streams, work_us},
          .where = where,
          .questions = {
              {fmt::format("efficiency, calls of {} us, {}", work_us, place(where, workers)), "efficiency", goal}}};
}

experiment memory_of_call() {
  return {.act = "mem_call",
          .before = {},
          .native_count = 200'000,
          .asio_count = 100'000,
          .python_count = 40'000,
          .after = {},
          .questions = {{"memory of a pending call", "memory.call", 192}}};
}

experiment memory_of_sleep() {
  return {.act = "mem_sleep",
          .before = {},
          .native_count = 200'000,
          .asio_count = 100'000,
          .python_count = 40'000,
          .after = {},
          .questions = {{"memory of a sleeping coroutine", "memory.sleep", 256}}};
}

experiment task_switch(surroundings where) {
  return {.act = "switch",
          .before = {},
          .native_count = 2'000'000,
          .asio_count = 1'000'000,
          .python_count = 100'000,
          .after = {},
          .where = where,
          .questions = {{"task switch, " + name_of(where), "switch"}}};
}

}  // namespace

std::vector<experiment> thread_experiments() {
  using enum surroundings;
  return {
      latency(one_core, 3, {.mean = 1.4}),
      latency(one_core, 1),
      latency(free, 3, {.mean = 5, .p50 = 1.5}),
      latency(free, 1),
      latency(hogs, 3, {.mean = 100}),
      throughput(free, 3, 6'000),
      throughput(free, 1),
      throughput(one_core, 3, 15'000),
      throughput(one_core, 1),
      throughput(hogs, 3, 2'000),
      efficiency(free, 10, 20'000, 85),
      efficiency(free, 100, 4'000, 96),
      efficiency(one_core, 10, 20'000),
      efficiency(one_core, 100, 4'000),
      memory_of_call(),
      memory_of_sleep(),
      task_switch(one_core),
      task_switch(free),
  };
}

}  // namespace bench
