// The thread pool's experiments.
#include <algorithm>
#include <utility>

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
  experiment e{.act = "lat",
               .before = {workers},
               .native_count = 200'000,
               .asio_count = 100'000,
               .python_count = 10'000,
               .after = {},
               .where = where,
               .how_often = often_if(goals.mean.has_value()),
               .questions = {{"thread offload latency, " + at + ", mean", "latency.mean", goals.mean},
                             {"thread offload latency, " + at + ", p50", "latency.p50", goals.p50},
                             {"thread offload latency, " + at + ", p99", "latency.p99"},
                             {"context switches of a sequential offload, " + at, "latency.switches"},
                             {"CPU time of a sequential offload, " + at, "latency.cpu"}}};
  if (where == surroundings::free) {  // where cores may have to be woken
    e.native_count = 30'000;
    e.asio_count = 15'000;
    e.python_count = 4'000;
  }
  if (where == surroundings::hogs) {  // where a call may cost a time slice of the scheduler
    e.native_count = 3'000;
    e.asio_count = 1'000;
    e.python_count = 200;
  }
  return e;
}

experiment throughput(surroundings where, unsigned workers, std::optional<double> goal = std::nullopt) {
  constexpr unsigned streams = 1000;
  const bool hogs = where == surroundings::hogs;
  question asked{fmt::format("thread offload throughput, {}, {} streams", place(where, workers), streams),
                 "throughput", goal};
  if (where == surroundings::free) {
    asked.series = fmt::format("thread offload throughput by workers, free, {} streams", streams);
    asked.at = workers;
    asked.axis = "workers";
  }
  return {.act = "thr",
          .before = {workers},
          .native_count = hogs ? 500'000u : 3'000'000u,
          .asio_count = hogs ? 100'000u : 200'000u,
          .python_count = hogs ? 8'000u : 15'000u,
          .after = {streams},
          .where = where,
          .how_often = often_if(goal.has_value()),
          .questions = {std::move(asked)}};
}

experiment throughput_of_more_workers(unsigned workers) {
  auto e = throughput(surroundings::free, workers);
  e.how_often = frequency::full_only;
  return e;
}

// How it goes on where streams have to wait for room. Of the others, Python alone has what bounds the calls.
experiment throughput_with_room_for(unsigned calls) {
  constexpr unsigned workers = 3;
  constexpr unsigned streams = 1000;
  constexpr auto where = surroundings::one_core;
  question asked{fmt::format("thread offload throughput, room for {} calls, {}, {} streams", calls,
                             place(where, workers), streams),
                 "throughput"};
  asked.series =
      fmt::format("thread offload throughput by room in the queue, {}, {} streams", place(where, workers), streams);
  asked.at = calls;
  asked.axis = "calls that may wait";
  return {.act = "full",
          .before = {workers},
          .native_count = calls < 100 ? 100'000u : 1'000'000u,
          .asio_count = 0,
          .python_count = 15'000,
          .after = {streams, calls},
          .where = where,
          .how_often = frequency::full_only,
          .questions = {std::move(asked)}};
}

// What it does in half a second, and one call a stream with --quick at least.
experiment efficiency(surroundings where, unsigned work_us, std::optional<double> goal = std::nullopt) {
  constexpr unsigned workers = 3;
  constexpr unsigned streams = 100;
  const unsigned fewest = 8 * streams;
  const auto calls_of = [work_us, fewest](unsigned us) { return std::max(fewest, us / work_us); };
  question asked{fmt::format("efficiency, calls of {} us, {}", work_us, place(where, workers)), "efficiency", goal};
  asked.series = "efficiency by work, " + place(where, workers);
  asked.at = work_us;
  asked.axis = "us of work";
  return {.act = "eff",
          .before = {workers},
          .native_count = calls_of(500'000),
          .asio_count = std::min(100'000u, calls_of(500'000)),
          .python_count = std::min(10'000u, calls_of(200'000)),
          .after = {streams, work_us},
          .where = where,
          .how_often = often_if(goal.has_value()),
          .questions = {std::move(asked)}};
}

// How long a loop takes to see that something is due, while its pool has all the cores.
experiment lateness(unsigned work_us) {
  constexpr unsigned workers = 3;
  constexpr unsigned streams = 100;
  constexpr auto where = surroundings::free;
  const auto text =
      fmt::format("lateness of a sleep of 1 ms beside calls of {} us, {}, ", work_us, place(where, workers));
  const auto calls_of = [work_us](unsigned us) { return us / work_us; };
  return {.act = "late",
          .before = {workers},
          .native_count = calls_of(2'000'000),
          .asio_count = calls_of(1'000'000),
          .python_count = calls_of(500'000),
          .after = {streams, work_us},
          .where = where,
          .how_often = frequency::full_only,
          .questions = {{text + "p50", "late.p50"}, {text + "p99", "late.p99"}}};
}

experiment memory(const char* act, const char* figure, const char* text, double goal) {
  return {.act = act,
          .before = {},
          .native_count = 200'000,
          .asio_count = 100'000,
          .python_count = 40'000,
          .after = {},
          .questions = {{text, figure, goal}}};
}

experiment task_switch(surroundings where) {
  return {.act = "switch",
          .before = {},
          .native_count = 10'000'000,
          .asio_count = 1'000'000,
          .python_count = 200'000,
          .after = {},
          .where = where,
          .questions = {{"task switch, " + name_of(where), "switch"}}};
}

experiment naps() {
  constexpr unsigned calls = 6;
  constexpr unsigned workers = 3;
  constexpr unsigned ms = 100;
  return {.act = "naps",
          .before = {workers},
          .native_count = calls,
          .asio_count = calls,
          .python_count = calls,
          .after = {ms},
          .scales = false,
          .how_often = frequency::every_round,
          .questions = {
              {fmt::format("{} naps of {} ms on {} threads, pool and all", calls, ms, workers), "naps", 201.2}}};
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
      throughput_of_more_workers(2),
      throughput_of_more_workers(4),
      throughput_of_more_workers(8),
      throughput_of_more_workers(16),
      throughput_of_more_workers(32),
      throughput_of_more_workers(64),
      throughput(one_core, 3, 15'000),
      throughput(one_core, 1),
      throughput(hogs, 3, 2'000),
      throughput_with_room_for(1),
      throughput_with_room_for(10),
      throughput_with_room_for(100),
      throughput_with_room_for(1'000),
      throughput_with_room_for(10'000),
      efficiency(free, 1),
      efficiency(free, 10, 85),
      efficiency(free, 100, 96),
      efficiency(free, 1000),
      efficiency(one_core, 1),
      efficiency(one_core, 10),
      efficiency(one_core, 100),
      efficiency(one_core, 1000),
      lateness(10),
      lateness(100),
      memory("mem_call", "memory.call", "memory of a pending call", 192),
      memory("mem_sleep", "memory.sleep", "memory of a sleeping coroutine", 256),
      task_switch(one_core),
      task_switch(free),
      naps(),
  };
}

}  // namespace bench
