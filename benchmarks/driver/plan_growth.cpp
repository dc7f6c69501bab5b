// How costs grow with the number of calls, of loops, and of worker processes: questions of a full run only.
#include <utility>

#include "benchmarks/driver/plan.hpp"
#include <fmt/format.h>

namespace bench {
namespace {

constexpr unsigned workers = 3;
constexpr unsigned streams = 1000;
constexpr auto where = surroundings::free;

// The most calls that a subject of each pace makes in a few seconds.
struct most {
  unsigned native;
  unsigned asio;
  unsigned python;
};

experiment growing(const char* act, worker_kind kind, unsigned n, most calls) {
  return {.act = act,
          .workers = kind,
          .before = {workers},
          .native_count = n <= calls.native ? n : 0,
          .asio_count = n <= calls.asio ? n : 0,
          .python_count = n <= calls.python ? n : 0,
          .after = {},
          .where = where,
          .scales = false,
          .how_often = frequency::full_only};
}

const char* name_of(worker_kind kind) { return kind == worker_kind::processes ? "process" : "thread"; }

experiment throughput_of(worker_kind kind, unsigned n, most calls) {
  auto e = growing("thr", kind, n, calls);
  e.after = {streams};
  const auto what = fmt::format("{} offload throughput", name_of(kind));
  const auto at = fmt::format("{}, {} streams", place(where, workers), streams);
  question asked{fmt::format("{} of {} calls, {}", what, n, at), "throughput"};
  asked.series = fmt::format("{} by calls, {}", what, at);
  asked.at = n;
  asked.axis = "calls";
  e.questions = {std::move(asked)};
  return e;
}

experiment at_once(unsigned n) {
  auto e = growing("at_once", worker_kind::threads, n, {10'000'000, 1'000'000, 100'000});
  question asked{fmt::format("a call among {} at once, threads, {}", n, place(where, workers)), "at_once"};
  asked.series = fmt::format("a call among many at once, threads, {}", place(where, workers));
  asked.at = n;
  asked.axis = "calls";
  e.questions = {std::move(asked)};
  return e;
}

experiment loops(unsigned n) {
  auto e = growing("loops", worker_kind::threads, 0, {});
  e.native_count = 2'000'000;
  e.asio_count = 200'000;
  e.python_count = 15'000;
  e.after = {streams, n};
  const auto at = fmt::format("{}, {} streams", place(where, workers), streams);
  question asked{fmt::format("thread offload throughput of {} loop{}, {}", n, n == 1 ? "" : "s", at), "throughput"};
  asked.series = fmt::format("thread offload throughput by loops, {}", at);
  asked.at = n;
  asked.axis = "loops";
  e.questions = {std::move(asked)};
  return e;
}

experiment throughput_of_processes(unsigned n) {
  auto e = growing("thr", worker_kind::processes, 0, {});
  e.before = {n};
  e.native_count = 1'000'000;
  e.asio_count = 500'000;
  e.python_count = 5'000;
  e.after = {streams};
  question asked{fmt::format("process offload throughput, {}, {} streams", place(where, n), streams), "throughput"};
  asked.series = fmt::format("process offload throughput by workers, free, {} streams", streams);
  asked.at = n;
  asked.axis = "workers";
  e.questions = {std::move(asked)};
  return e;
}

}  // namespace

std::vector<experiment> growth_experiments() {
  using enum worker_kind;
  std::vector<experiment> all;
  for (const unsigned n : {10'000u, 100'000u, 1'000'000u, 10'000'000u}) {
    all.push_back(throughput_of(threads, n, {10'000'000, 1'000'000, 100'000}));
    all.push_back(at_once(n));
    all.push_back(throughput_of(processes, n, {10'000'000, 1'000'000, 10'000}));
  }
  for (const unsigned n : {1u, 2u, 3u, 4u}) all.push_back(loops(n));
  for (const unsigned n : {1u, 2u, 4u, 8u, 16u, 32u, 64u}) all.push_back(throughput_of_processes(n));
  return all;
}

}  // namespace bench
