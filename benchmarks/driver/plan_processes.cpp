// The process pool's experiments.
#include <utility>

#include "benchmarks/driver/plan.hpp"
#include <fmt/format.h>

namespace bench {
namespace {

constexpr unsigned workers = 3;

experiment latency(surroundings where, double mean_goal) {
  const auto at = place(where, workers);
  return {.act = "lat",
          .workers = worker_kind::processes,
          .before = {workers},
          .native_count = where == surroundings::one_core ? 150'000u : 30'000u,
          .asio_count = where == surroundings::one_core ? 20'000u : 5'000u,
          .python_count = 1'500,
          .after = {},
          .where = where,
          .how_often = frequency::every_round,
          .questions = {{"process offload latency, " + at + ", mean", "latency.mean", mean_goal},
                        {"process offload latency, " + at + ", p50", "latency.p50"},
                        {"process offload latency, " + at + ", p99", "latency.p99"}}};
}

experiment throughput(surroundings where, std::optional<double> goal = std::nullopt) {
  constexpr unsigned streams = 1000;
  question asked{fmt::format("process offload throughput, {}, {} streams", place(where, workers), streams),
                 "throughput", goal};
  if (where == surroundings::free) {
    asked.series = fmt::format("process offload throughput by workers, free, {} streams", streams);
    asked.at = workers;
    asked.axis = "workers";
  }
  return {.act = "thr",
          .workers = worker_kind::processes,
          .before = {workers},
          .native_count = 1'500'000,
          .asio_count = 1'000'000,
          .python_count = 8'000,
          .after = {streams},
          .where = where,
          .how_often = often_if(goal.has_value()),
          .questions = {std::move(asked)}};
}

experiment map_in_chunks(surroundings where, std::optional<double> goal = std::nullopt) {
  constexpr unsigned chunk = 1000;
  return {.act = "map",
          .workers = worker_kind::processes,
          .before = {workers},
          .native_count = 20'000'000,
          .asio_count = 10'000'000,
          .python_count = 500'000,
          .after = {chunk},
          .where = where,
          .how_often = often_if(goal.has_value()),
          .questions = {{fmt::format("map over processes, {}, chunks of {}", place(where, workers), chunk),
                         "throughput", goal}}};
}

struct start_goals {
  std::optional<double> first = std::nullopt;
  std::optional<double> later = std::nullopt;
};

experiment start(const char* act, const char* how, surroundings where, std::vector<unsigned> after,
                 start_goals goals = {}) {
  const auto what = fmt::format("start of a pool of {} processes{}, {}", workers, how, name_of(where));
  const bool big = !after.empty();
  return {
      .act = act,
      .workers = worker_kind::processes,
      .before = {workers},
      .native_count = big ? 5u : 20u,
      .asio_count = big ? 5u : 20u,
      .python_count = 5,
      .after = std::move(after),
      .where = where,
      .how_often = big && where != surroundings::free ? frequency::full_only : frequency::few,
      .questions = {{what + ", first", "start.first", goals.first}, {what + ", later", "start.later", goals.later}}};
}

experiment naps() {
  constexpr unsigned calls = 6;
  constexpr unsigned ms = 100;
  return {.act = "naps",
          .workers = worker_kind::processes,
          .before = {workers},
          .native_count = calls,
          .asio_count = calls,
          .python_count = calls,
          .after = {ms},
          .scales = false,
          .how_often = frequency::every_round,
          .questions = {
              {fmt::format("{} naps of {} ms on {} processes, pool and all", calls, ms, workers), "naps", 202}}};
}

}  // namespace

std::vector<experiment> process_experiments() {
  using enum surroundings;
  constexpr unsigned gibibyte = 1024;  // in MiB
  return {
      latency(one_core, 2),
      latency(free, 8),
      throughput(free, 4'000),
      throughput(one_core),
      map_in_chunks(free, 60'000),
      map_in_chunks(one_core),
      start("start", "", free, {}, {.first = 3, .later = 0.8}),
      start("start", "", one_core, {}),
      start("start_spawn", " by spawn", free, {}, {.first = 4}),
      start("start_spawn", " by spawn", one_core, {}),
      start("start_big", " from a program of 1 GiB", free, {gibibyte}, {.first = 3}),
      start("start_big", " from a program of 1 GiB", one_core, {gibibyte}),
      naps(),
  };
}

}  // namespace bench
