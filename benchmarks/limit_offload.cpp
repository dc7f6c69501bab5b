// The limit beside which plait is measured: the acts of measure.hpp on the least runtime there can be.
// Option: --spin-us=N lets a side that finds nothing look again for N µs before it sleeps (default: it sleeps at
// once).
#include <bit>
#include <utility>

#include "benchmarks/limit_runtime.hpp"
#include "benchmarks/measure.hpp"

namespace {

using namespace bench;
using namespace bench::limit;

runtime_options options_for(const arguments& a, std::uint64_t in_flight) {
  return {.workers = a.workers(),
          .spin_ns = parse_number(a.option("--spin-us", "0")) * 1000,
          .max_in_flight = std::bit_ceil(in_flight)};
}

detached sequence(runtime& rt, latency_record& record) {
  for (std::uint64_t i = 0; i < latency_record::warm_up; ++i) co_await offload(rt, i);
  record.start();
  for (std::uint64_t i = 0; i < record.rounds(); ++i) {
    const auto started = now_ns();
    const auto result = co_await offload(rt, i);
    record.add(now_ns() - started);
    require(result == i * i, "wrong result");
  }
  record.finish();
}

void latency(const arguments& a) {
  runtime rt(options_for(a, 1));
  latency_record record(a[1]);
  sequence(rt, record);
  rt.run();
  record.print();
}

detached stream(runtime& rt, std::uint64_t n, std::uint64_t& sum) {
  for (std::uint64_t i = 0; i < n; ++i) sum += co_await offload(rt, i);
}

// IN_FLIGHT streams make N calls; gives the calls made and the time they took.
std::pair<std::uint64_t, std::uint64_t> run_streams(const arguments& a) {
  const auto streams = a[2];
  const auto each = a[1] / streams;
  runtime rt(options_for(a, streams));
  std::uint64_t sum = 0;
  const auto started = now_ns();
  for (std::uint64_t i = 0; i < streams; ++i) stream(rt, each, sum);
  rt.run();
  const auto elapsed = now_ns() - started;
  require(sum == streams * sum_of_calls(each), "wrong sum");
  return {streams * each, elapsed};
}

void throughput(const arguments& a) {
  const auto [calls, elapsed] = run_streams(a);
  report_throughput(calls, elapsed);
}

void efficiency(const arguments& a) {
  const auto [calls, elapsed] = run_streams(a);
  report_efficiency(calls, a[0], elapsed);
}

detached counted_stream(runtime& rt, std::uint64_t n, std::uint64_t& sum, std::uint64_t& running) {
  for (std::uint64_t i = 0; i < n; ++i) sum += co_await offload(rt, i);
  --running;
}

detached sleeps(runtime& rt, const std::uint64_t& running, lateness_record& late) {
  while (running > 0) {
    late.start();
    co_await sleep_until(rt, now_ns() + std::chrono::nanoseconds(lateness_record::sleep).count());
    late.add();
  }
}

void lateness(const arguments& a) {
  const auto streams = a[2];
  const auto each = a[1] / streams;
  runtime rt(options_for(a, streams));
  std::uint64_t sum = 0;
  auto running = streams;
  lateness_record late;
  sleeps(rt, running, late);
  for (std::uint64_t i = 0; i < streams; ++i) counted_stream(rt, each, sum, running);
  rt.run();
  require(sum == streams * sum_of_calls(each), "wrong sum");
  late.print();
}

detached one_call(runtime& rt, std::uint64_t n, std::uint64_t& sum) { sum += co_await offload(rt, n); }

void at_once(const arguments& a) {
  runtime rt(options_for(a, a[1]));
  std::uint64_t sum = 0;
  const auto started = now_ns();
  for (std::uint64_t i = 0; i < a[1]; ++i) one_call(rt, i, sum);
  rt.run();
  report_at_once(a[1], now_ns() - started);
  require(sum == sum_of_calls(a[1]), "wrong sum");
}

detached take_nap(runtime& rt, std::uint64_t ms) { require(co_await offload(rt, ms) == ms, "wrong result"); }

void naps(const arguments& a) {
  auto options = options_for(a, a[1]);
  options.work = nap;
  const auto started = now_ns();
  {
    runtime rt(options);
    for (std::uint64_t i = 0; i < a[1]; ++i) take_nap(rt, a[2]);
    rt.run();
  }
  report_naps(now_ns() - started);
}

// A runtime without workers holds the calls up as well as a gate would.
void memory_of_call(const arguments& a) {
  const auto n = a[0];
  runtime rt({.workers = 0, .max_in_flight = std::bit_ceil(n)});
  std::uint64_t sum = 0;
  const memory_record record;
  for (std::uint64_t i = 0; i < n; ++i) stream(rt, 1, sum);
  rt.turn();
  record.print("memory.call", n);
  std::_Exit(EXIT_SUCCESS);  // the frames end with the process
}

detached sleeper(runtime& rt) { co_await sleep_until(rt, now_ns() + 3600ull * 1'000'000'000); }

void memory_of_sleep(const arguments& a) {
  const auto n = a[0];
  runtime rt({.workers = 0});
  const memory_record record;
  for (std::uint64_t i = 0; i < n; ++i) sleeper(rt);
  rt.turn();
  record.print("memory.sleep", n);
  std::_Exit(EXIT_SUCCESS);
}

detached hand_over(runtime& rt, std::uint64_t n) {
  for (std::uint64_t i = 0; i < n; ++i) co_await next_turn(rt);
}

void task_switch(const arguments& a) {
  runtime rt({.workers = 0});
  const auto each = a[0] / 2;
  const auto started = now_ns();
  hand_over(rt, each);
  hand_over(rt, each);
  rt.run();
  report_switch(2 * each, now_ns() - started);
}

}  // namespace

int main(int argc, char** argv) {
  return perform_act(argc, argv,
                     {{"lat", "WORKERS N", latency},
                      {"thr", "WORKERS N IN_FLIGHT", throughput},
                      {"eff", "WORKERS N IN_FLIGHT WORK_US", efficiency},
                      {"late", "WORKERS N IN_FLIGHT WORK_US", lateness},
                      {"at_once", "WORKERS N", at_once},
                      {"naps", "WORKERS N MS", naps},
                      {"mem_call", "N", memory_of_call},
                      {"mem_sleep", "N", memory_of_sleep},
                      {"switch", "N", task_switch}});
}
