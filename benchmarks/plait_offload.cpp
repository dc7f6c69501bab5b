// plait: a task on an event loop offloads a call to a thread_pool_executor and awaits it.
#include <plait/plait.hpp>

#include <chrono>
#include <semaphore>
#include <thread>
#include <utility>
#include <vector>

#include "benchmarks/measure.hpp"
#include "benchmarks/plait_acts.hpp"

namespace {

using namespace bench;

plait::thread_pool_options workers_of(const arguments& a) { return {.max_workers = a.workers()}; }

void latency(const arguments& a) {
  plait::thread_pool_executor pool{workers_of(a)};
  measure_latency(pool, a[1]);
}

// IN_FLIGHT streams make N calls; gives the calls made and the time they took.
std::pair<std::uint64_t, std::uint64_t> run_streams(const arguments& a) {
  const auto streams = a[2];
  const auto each = a[1] / streams;
  plait::thread_pool_executor pool{workers_of(a)};
  plait::event_loop loop;
  return {streams * each, time_streams(loop, pool, streams, each)};
}

void throughput(const arguments& a) {
  const auto [calls, elapsed] = run_streams(a);
  report_throughput(calls, elapsed);
}

plait::task<void> patient_stream(plait::thread_pool_executor& pool, std::uint64_t n, std::uint64_t& sum) {
  for (std::uint64_t i = 0; i < n; ++i) {
    auto room = co_await pool.acquire_slot();
    sum += co_await pool.submit(std::move(room), call, i);
  }
}

plait::task<void> patient_streams(plait::thread_pool_executor& pool, std::uint64_t streams, std::uint64_t each) {
  auto& loop = plait::get_running_loop();
  std::uint64_t sum = 0;
  std::vector<plait::task_handle<void>> running;
  for (std::uint64_t i = 0; i < streams; ++i) running.push_back(loop.create_task(patient_stream(pool, each, sum)));
  for (auto& s : running) co_await s;
  require(sum == streams * sum_of_calls(each), "wrong sum");
}

void throughput_of_a_full_queue(const arguments& a) {
  const auto streams = a[2];
  const auto each = a[1] / streams;
  auto options = workers_of(a);
  options.max_pending = a[3];
  plait::thread_pool_executor pool{options};
  plait::event_loop loop;
  const auto started = now_ns();
  loop.run_until_complete(patient_streams(pool, streams, each));
  report_throughput(streams * each, now_ns() - started);
}

void efficiency(const arguments& a) {
  const auto [calls, elapsed] = run_streams(a);
  report_efficiency(calls, a[0], elapsed);
}

plait::task<void> sleeps(const bool& over, lateness_record& late) {
  while (!over) {
    late.start();
    co_await plait::sleep(lateness_record::sleep);
    late.add();
  }
}

plait::task<void> streams_beside_sleeps(plait::executor& pool, std::uint64_t streams, std::uint64_t each,
                                        std::uint64_t& sum, lateness_record& late) {
  bool over = false;
  auto sleeper = plait::get_running_loop().create_task(sleeps(over, late));
  co_await all_streams(pool, streams, each, sum);
  over = true;
  co_await sleeper;
}

void lateness(const arguments& a) {
  const auto streams = a[2];
  const auto each = a[1] / streams;
  plait::thread_pool_executor pool{workers_of(a)};
  plait::event_loop loop;
  lateness_record late;
  std::uint64_t sum = 0;
  loop.run_until_complete(streams_beside_sleeps(pool, streams, each, sum, late));
  require(sum == streams * sum_of_calls(each), "wrong sum");
  late.print();
}

// A pool may serve several loops.
void loops(const arguments& a) {
  const auto streams = a[2] / a[3];
  const auto each = a[1] / a[3] / streams;
  plait::thread_pool_executor pool{workers_of(a)};
  std::vector<std::thread> threads;
  const auto started = now_ns();
  for (std::uint64_t i = 0; i < a[3]; ++i) {
    threads.emplace_back([&] {
      plait::event_loop loop;
      time_streams(loop, pool, streams, each);
    });
  }
  for (auto& t : threads) t.join();
  report_throughput(a[3] * streams * each, now_ns() - started);
}

plait::task<std::uint64_t> all_at_once(plait::executor& pool, std::uint64_t n) {
  auto& loop = plait::get_running_loop();
  std::vector<plait::future<std::uint64_t>> calls;
  calls.reserve(n);
  for (std::uint64_t i = 0; i < n; ++i) calls.push_back(loop.run_in_executor(pool, call, i));
  std::uint64_t sum = 0;
  for (auto& one : calls) sum += co_await one;
  co_return sum;
}

void at_once(const arguments& a) {
  plait::thread_pool_executor pool{workers_of(a)};
  plait::event_loop loop;
  const auto started = now_ns();
  const auto sum = loop.run_until_complete(all_at_once(pool, a[1]));
  report_at_once(a[1], now_ns() - started);
  require(sum == sum_of_calls(a[1]), "wrong sum");
}

void naps(const arguments& a) {
  const auto started = now_ns();
  {
    plait::thread_pool_executor pool{workers_of(a)};
    plait::event_loop loop;
    loop.run_until_complete(take_naps(pool, a[1], a[2]));
  }
  report_naps(now_ns() - started);
}

int square(int n) { return n * n; }

// int(int), named and cancellable. The vector of the handles is made and touched before; what a future refers to
// counts.
void memory_of_call(const arguments& a) {
  const auto n = a[0];
  std::binary_semaphore held(0);
  std::binary_semaphore gate(0);
  plait::thread_pool_executor pool{{.max_workers = 1}};
  auto blocker = pool.submit([&] {
    held.release();
    gate.acquire();
  });
  held.acquire();
  std::vector<plait::future<int>> pending(n);
  const memory_record record;
  for (auto& f : pending) f = pool.submit({.name = "square"}, square, 3);
  record.print("memory.call", n);
  gate.release();
  for (auto& f : pending) require(f.result() == 9, "wrong result");
}

plait::task<void> sleeper() { co_await plait::sleep(std::chrono::hours(1)); }

plait::task<void> sleepers(std::uint64_t n) {
  auto& loop = plait::get_running_loop();
  std::vector<plait::task_handle<void>> asleep(n);
  const memory_record record;
  for (auto& s : asleep) s = loop.create_task(sleeper());
  co_await plait::sleep(std::chrono::seconds(0));  // each gets to its sleep
  record.print("memory.sleep", n);
  for (auto& s : asleep) s.cancel();
}

void memory_of_sleep(const arguments& a) {
  plait::event_loop loop;
  loop.run_until_complete(sleepers(a[0]));
}

plait::task<void> hand_over(std::uint64_t n) {
  for (std::uint64_t i = 0; i < n; ++i) co_await plait::sleep(std::chrono::seconds(0));
}

plait::task<void> two_tasks(std::uint64_t each) {
  auto& loop = plait::get_running_loop();
  auto first = loop.create_task(hand_over(each));
  auto second = loop.create_task(hand_over(each));
  co_await first;
  co_await second;
}

void task_switch(const arguments& a) {
  plait::event_loop loop;
  const auto each = a[0] / 2;
  const auto started = now_ns();
  loop.run_until_complete(two_tasks(each));
  report_switch(2 * each, now_ns() - started);
}

void version(const arguments&) {
  std::printf("version\t%d.%d.%d\t\n", PLAIT_VERSION_MAJOR, PLAIT_VERSION_MINOR, PLAIT_VERSION_PATCH);
}

}  // namespace

int main(int argc, char** argv) {
  return perform_act(argc, argv,
                     {{"lat", "WORKERS N", latency},
                      {"thr", "WORKERS N IN_FLIGHT", throughput},
                      {"full", "WORKERS N IN_FLIGHT ROOM", throughput_of_a_full_queue},
                      {"eff", "WORKERS N IN_FLIGHT WORK_US", efficiency},
                      {"late", "WORKERS N IN_FLIGHT WORK_US", lateness},
                      {"loops", "WORKERS N IN_FLIGHT LOOPS", loops},
                      {"at_once", "WORKERS N", at_once},
                      {"naps", "WORKERS N MS", naps},
                      {"mem_call", "N", memory_of_call},
                      {"mem_sleep", "N", memory_of_sleep},
                      {"switch", "N", task_switch},
                      {"version", "", version}});
}
