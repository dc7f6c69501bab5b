// plait: a task on an event loop offloads calls to a process_pool_executor and awaits them.
#include <plait/plait.hpp>

#include <algorithm>
#include <memory>
#include <ranges>
#include <span>
#include <utility>
#include <vector>

#include "benchmarks/measure_processes.hpp"
#include "benchmarks/plait_acts.hpp"
#include <unistd.h>

namespace {

using namespace bench;

plait::process_pool_options workers_of(const arguments& a) { return {.max_workers = a.workers()}; }

// Short ones may all go to those that are awake.
int process_id(std::uint64_t spins_ns) {
  for (const auto end = now_ns() + spins_ns; now_ns() < end;) {
  }
  return static_cast<int>(getpid());
}

// Until each of the pool's workers has answered a call: new ones get one each, whatever it is.
plait::task<void> all_answer(plait::executor& pool, int workers) {
  auto& loop = plait::get_running_loop();
  std::vector<int> answered;
  for (std::uint64_t spins_ns = 0; answered.size() < static_cast<std::size_t>(workers); spins_ns = 50'000) {
    std::vector<plait::future<int>> asked;
    for (int i = 0; i < workers; ++i) asked.push_back(loop.run_in_executor(pool, process_id, spins_ns));
    for (auto& one : asked) answered.push_back(co_await one);
    std::ranges::sort(answered);
    const auto twice = std::ranges::unique(answered);
    answered.erase(twice.begin(), twice.end());
  }
}

void latency(const arguments& a) {
  plait::process_pool_executor pool{workers_of(a)};
  measure_latency(pool, a[1]);
}

void throughput(const arguments& a) {
  const auto streams = a[2];
  const auto each = a[1] / streams;
  plait::process_pool_executor pool{workers_of(a)};
  plait::event_loop loop;
  loop.run_until_complete(all_answer(pool, a.workers()));
  report_throughput(streams * each, time_streams(loop, pool, streams, each));
}

// Off the loop, as a plain range; on it `co_await results.next()` gives one at a time.
void map(const arguments& a) {
  plait::process_pool_executor pool{workers_of(a)};
  plait::event_loop loop;
  loop.run_until_complete(all_answer(pool, a.workers()));
  const plait::map_options options{.chunk_size = a[2], .buffer_size = chunks_in_flight * a[2]};
  std::uint64_t sum = 0;
  const auto started = now_ns();
  for (const auto one : pool.map(options, call, std::views::iota(std::uint64_t{0}, a[1]))) sum += one;
  const auto elapsed = now_ns() - started;
  require(sum == sum_of_calls(a[1]), "wrong sum");
  report_throughput(a[1], elapsed);
}

template <class T> plait::task<T> call_with(plait::executor& pool, T (*function)(T), T value) {
  co_return co_await plait::get_running_loop().run_in_executor(pool, function, std::move(value));
}

template <class Bytes> void payload(const arguments& a) {
  plait::process_pool_executor pool{workers_of(a)};
  plait::event_loop loop;
  loop.run_until_complete(all_answer(pool, a.workers()));
  measure_payload<Bytes>(a[1], a[2], [&](Bytes bytes) {
    return loop.run_until_complete(call_with(pool, echo<Bytes>, std::move(bytes)));
  });
}

std::span<unsigned char> bytes_of(const plait::shared_buffer& buffer) {
  return {reinterpret_cast<unsigned char*>(buffer.data()), buffer.size()};
}

plait::shared_buffer first_written(plait::shared_buffer buffer) {
  write_to_first(bytes_of(buffer));
  return buffer;
}

plait::shared_buffer pages_written(plait::shared_buffer buffer) {
  write_to_each_page(bytes_of(buffer));
  return buffer;
}

void shared(const arguments& a) {
  plait::process_pool_executor pool{workers_of(a)};
  plait::event_loop loop;
  loop.run_until_complete(all_answer(pool, a.workers()));
  const plait::shared_buffer buffer(a[2]);
  const auto hand_to = [&](auto written) {
    const auto back = loop.run_until_complete(call_with(pool, written, buffer));
    require(back == buffer, "another buffer came back");
  };
  measure_shared(a[1], bytes_of(buffer), [&] { hand_to(first_written); }, [&] { hand_to(pages_written); });
}

void measure_pools(const arguments& a, plait::start_method how) {
  plait::event_loop loop;
  measure_start(a[1], [&] {
    auto pool = std::make_unique<plait::process_pool_executor>(
        plait::process_pool_options{.max_workers = a.workers(), .start = how});
    loop.run_until_complete(all_answer(*pool, a.workers()));
    return pool;
  });
}

void start(const arguments& a) { measure_pools(a, plait::start_method::fork_server); }

void start_spawn(const arguments& a) { measure_pools(a, plait::start_method::spawn); }

void start_big(const arguments& a) {
  const touched_memory held(a[2]);
  start(a);
}

void naps(const arguments& a) {
  const auto started = now_ns();
  {
    plait::process_pool_executor pool{workers_of(a)};
    plait::event_loop loop;
    loop.run_until_complete(take_naps(pool, a[1], a[2]));
  }
  report_naps(now_ns() - started);
}

}  // namespace

int main(int argc, char** argv) {
  return perform_act(argc, argv,
                     {{"lat", "WORKERS N", latency},
                      {"thr", "WORKERS N IN_FLIGHT", throughput},
                      {"map", "WORKERS N CHUNK", map},
                      {"payload", "WORKERS N BYTES", payload<block>},
                      {"payload_text", "WORKERS N BYTES", payload<std::string>},
                      {"shared", "WORKERS N BYTES", shared},
                      {"start", "WORKERS N", start},
                      {"start_spawn", "WORKERS N", start_spawn},
                      {"start_big", "WORKERS N MIB", start_big},
                      {"naps", "WORKERS N MS", naps}});
}
