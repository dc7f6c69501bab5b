// The limit beside which plait's pool of processes is measured: the acts of measure_processes.hpp on the least
// machinery there can be. Option: --spin-us=N lets a side that finds nothing look again for N µs before it sleeps
// (default: it sleeps at once).
#include "benchmarks/limit_processes.hpp"

#include <memory>

#include "benchmarks/limit_process_runtime.hpp"
#include "benchmarks/measure_processes.hpp"

namespace {

using namespace bench;
using namespace bench::limit;

process_options options_for(const arguments& a) {
  return {.workers = a.workers(), .spin_ns = parse_number(a.option("--spin-us", "0")) * 1000};
}

detached_process_call sequence(process_runtime& rt, latency_record& record) {
  for (std::uint64_t i = 0; i < latency_record::warm_up; ++i) co_await offload_to_process(rt, i);
  record.start();
  for (std::uint64_t i = 0; i < record.rounds(); ++i) {
    const auto started = now_ns();
    const auto result = co_await offload_to_process(rt, i);
    record.add(now_ns() - started);
    require(result == i * i, "wrong result");
  }
  record.finish();
}

void latency(const arguments& a) {
  process_runtime rt(options_for(a));
  latency_record record(a[1]);
  sequence(rt, record);
  rt.run();
  record.print();
}

detached_process_call stream(process_runtime& rt, std::uint64_t n, std::uint64_t& sum) {
  for (std::uint64_t i = 0; i < n; ++i) sum += co_await offload_to_process(rt, i);
}

void run_streams(process_runtime& rt, std::uint64_t streams, std::uint64_t each) {
  std::uint64_t sum = 0;
  for (std::uint64_t i = 0; i < streams; ++i) stream(rt, each, sum);
  rt.run();
  require(sum == streams * sum_of_calls(each), "wrong sum");
}

void throughput(const arguments& a) {
  const auto streams = a[2];
  const auto each = a[1] / streams;
  require(streams <= slots_of_ring, "more streams than slots");
  process_runtime rt(options_for(a));
  run_streams(rt, streams, 1);
  const auto started = now_ns();
  run_streams(rt, streams, each);
  report_throughput(streams * each, now_ns() - started);
}

// ---- chunks: a message names a slot in shared memory, where a chunk's arguments become its results ----

std::uint64_t* chunk_memory = nullptr;  // set before any worker exists
std::uint64_t chunk_size = 0;

std::uint64_t run_chunk(std::uint64_t slot) {
  for (auto& value : std::span(chunk_memory + slot * chunk_size, chunk_size)) value = call(value);
  return slot;
}

detached_process_call stream_of_chunks(process_runtime& rt, std::uint64_t slot, std::uint64_t n, std::uint64_t& next,
                                       std::uint64_t& sum) {
  const std::span values(chunk_memory + slot * chunk_size, chunk_size);
  while (next < n) {
    for (auto& value : values) value = next++;
    co_await offload_to_process(rt, slot);
    for (const auto value : values) sum += value;
  }
}

void map(const arguments& a) {
  chunk_size = a[2];
  const auto n = a[1] / chunk_size * chunk_size;
  const shared_pages memory(chunks_in_flight * chunk_size * sizeof(std::uint64_t));
  chunk_memory = static_cast<std::uint64_t*>(memory.get());
  auto options = options_for(a);
  options.work = run_chunk;
  process_runtime rt(options);
  const auto run = [&](std::uint64_t calls) {
    std::uint64_t next = 0;
    std::uint64_t sum = 0;
    for (std::uint64_t slot = 0; slot < chunks_in_flight; ++slot) stream_of_chunks(rt, slot, calls, next, sum);
    rt.run();
    require(sum == sum_of_calls(calls), "wrong sum");
  };
  run(chunks_in_flight * chunk_size);
  const auto started = now_ns();
  run(n);
  report_throughput(n, now_ns() - started);
}

detached_process_call take_nap(process_runtime& rt, std::uint64_t ms) {
  require(co_await offload_to_process(rt, ms) == ms, "wrong result");
}

void naps(const arguments& a) {
  auto options = options_for(a);
  options.work = nap;
  const auto started = now_ns();
  {
    process_runtime rt(options);
    for (std::uint64_t i = 0; i < a[1]; ++i) take_nap(rt, a[2]);
    rt.run();
  }
  report_naps(now_ns() - started);
}

}  // namespace

int main(int argc, char** argv) {
  become_started(argc, argv);
  return perform_act(argc, argv,
                     {{"lat", "WORKERS N", latency},
                      {"thr", "WORKERS N IN_FLIGHT", throughput},
                      {"map", "WORKERS N CHUNK", map},
                      {"payload", "WORKERS N BYTES", payload},
                      {"payload_text", "WORKERS N BYTES", payload_text},
                      {"shared", "WORKERS N BYTES", shared_bytes},
                      {"start", "WORKERS N", start},
                      {"start_spawn", "WORKERS N", start_spawn},
                      {"start_big", "WORKERS N MIB", start_big},
                      {"naps", "WORKERS N MS", naps}});
}
