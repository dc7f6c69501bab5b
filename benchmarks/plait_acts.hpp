// What plait is measured by, whatever its executor.
#pragma once
#include <plait/plait.hpp>

#include <cstdint>
#include <vector>

#include "benchmarks/measure.hpp"

namespace bench {

inline plait::task<void> sequence(plait::executor& pool, latency_record& record) {
  auto& loop = plait::get_running_loop();
  for (std::uint64_t i = 0; i < latency_record::warm_up; ++i) co_await loop.run_in_executor(pool, call, i);
  record.start();
  for (std::uint64_t i = 0; i < record.rounds(); ++i) {
    const auto started = now_ns();
    const auto result = co_await loop.run_in_executor(pool, call, i);
    record.add(now_ns() - started);
    require(result == i * i, "wrong result");
  }
  record.finish();
}

inline void measure_latency(plait::executor& pool, std::uint64_t n) {
  plait::event_loop loop;
  latency_record record(n);
  loop.run_until_complete(sequence(pool, record));
  record.print();
}

inline plait::task<void> stream(plait::executor& pool, std::uint64_t n, std::uint64_t& sum) {
  auto& loop = plait::get_running_loop();
  for (std::uint64_t i = 0; i < n; ++i) sum += co_await loop.run_in_executor(pool, call, i);
}

inline plait::task<void> all_streams(plait::executor& pool, std::uint64_t streams, std::uint64_t each,
                                     std::uint64_t& sum) {
  auto& loop = plait::get_running_loop();
  std::vector<plait::task_handle<void>> running;
  running.reserve(streams);
  for (std::uint64_t i = 0; i < streams; ++i) running.push_back(loop.create_task(stream(pool, each, sum)));
  for (auto& s : running) co_await s;
}

// `streams` make `each` calls; gives the time they took.
inline std::uint64_t time_streams(plait::event_loop& loop, plait::executor& pool, std::uint64_t streams,
                                  std::uint64_t each) {
  std::uint64_t sum = 0;
  const auto started = now_ns();
  loop.run_until_complete(all_streams(pool, streams, each, sum));
  const auto elapsed = now_ns() - started;
  require(sum == streams * sum_of_calls(each), "wrong sum");
  return elapsed;
}

inline plait::task<void> take_naps(plait::executor& pool, std::uint64_t n, std::uint64_t ms) {
  auto& loop = plait::get_running_loop();
  std::vector<plait::future<std::uint64_t>> naps;
  for (std::uint64_t i = 0; i < n; ++i) naps.push_back(loop.run_in_executor(pool, nap, ms));
  auto [completed, pending] = co_await plait::wait(naps);
  for (auto& one : completed) require(one.result() == ms, "wrong result");
  require(pending.empty(), "a nap has not ended");
}

}  // namespace bench
