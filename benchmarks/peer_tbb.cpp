// oneTBB (https://github.com/oneapi-src/oneTBB): task_arena::enqueue to its threads, and a concurrent_bounded_queue
// back, in which the thread that stands for the loop waits. It has no event loop and no timers; its task::suspend,
// which could await, takes a stack for each task and is slower.
#include <memory>
#include <semaphore>
#include <thread>
#include <utility>
#include <vector>

#include "benchmarks/measure.hpp"
#include <oneapi/tbb/concurrent_queue.h>
#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/task_arena.h>
#include <oneapi/tbb/version.h>

namespace {

using namespace bench;
namespace tbb = oneapi::tbb;

// Threads that only run what is enqueued. At its end they have ended: that is what finalize waits for.
class thread_pool {
 public:
  explicit thread_pool(std::uint64_t workers)
      : threads_(tbb::global_control::max_allowed_parallelism, workers + 1), arena_(static_cast<int>(workers), 0) {}
  ~thread_pool() {
    arena_.terminate();
    tbb::finalize(scheduler_, std::nothrow);
  }
  thread_pool(const thread_pool&) = delete;
  thread_pool& operator=(const thread_pool&) = delete;

  template <class Function> void enqueue(Function function) { arena_.enqueue(std::move(function)); }

 private:
  tbb::task_scheduler_handle scheduler_{tbb::attach{}};
  tbb::global_control threads_;  // the caller's too
  tbb::task_arena arena_;
};

// What comes back to the thread that waits here.
template <class T> class completions {
 public:
  void push(T value) { queue_.push(std::move(value)); }
  T pop() {
    T value{};
    queue_.pop(value);
    return value;
  }

 private:
  tbb::concurrent_bounded_queue<T> queue_;
};

void latency(const arguments& a) {
  thread_pool pool(a[0]);
  completions<std::uint64_t> back;
  measure_sequence(a[1], [&](std::uint64_t n) {
    pool.enqueue([&back, n] { back.push(call(n)); });
    return back.pop();
  });
}

// Makes its calls one after the other.
struct stream {
  std::uint64_t next = 0;
  std::uint64_t result = 0;
  std::uint64_t sum = 0;
};

// Each of `streams` makes `each` calls.
void make_calls(thread_pool& pool, std::uint64_t streams, std::uint64_t each) {
  std::vector<stream> all(streams);
  completions<stream*> back;
  const auto enqueue_next = [&](stream& s) {
    pool.enqueue([&s, &back] {
      s.result = call(s.next);
      back.push(&s);
    });
  };
  for (auto& s : all) enqueue_next(s);
  for (auto left = streams * each; left > 0; --left) {
    auto& s = *back.pop();
    s.sum += s.result;
    if (++s.next != each) enqueue_next(s);
  }
  for (const auto& s : all) require(s.sum == sum_of_calls(each), "wrong sum");
}

// IN_FLIGHT streams make N calls; gives the calls made and the time they took.
std::pair<std::uint64_t, std::uint64_t> run_streams(const arguments& a) {
  const auto each = a[1] / a[2];
  thread_pool pool(a[0]);
  const auto started = now_ns();
  make_calls(pool, a[2], each);
  return {a[2] * each, now_ns() - started};
}

void throughput(const arguments& a) {
  const auto [calls, elapsed] = run_streams(a);
  report_throughput(calls, elapsed);
}

void efficiency(const arguments& a) {
  const auto [calls, elapsed] = run_streams(a);
  report_efficiency(calls, a[0], elapsed);
}

// The pool is shared; each thread has its streams.
void loops(const arguments& a) {
  const auto streams = a[2] / a[3];
  const auto each = a[1] / a[3] / streams;
  thread_pool pool(a[0]);
  std::vector<std::thread> threads;
  const auto started = now_ns();
  for (std::uint64_t i = 0; i < a[3]; ++i) threads.emplace_back([&] { make_calls(pool, streams, each); });
  for (auto& t : threads) t.join();
  report_throughput(a[3] * streams * each, now_ns() - started);
}

void at_once(const arguments& a) {
  thread_pool pool(a[0]);
  completions<std::uint64_t> back;
  std::uint64_t sum = 0;
  const auto started = now_ns();
  for (std::uint64_t i = 0; i < a[1]; ++i) pool.enqueue([&back, i] { back.push(call(i)); });
  for (std::uint64_t i = 0; i < a[1]; ++i) sum += back.pop();
  report_at_once(a[1], now_ns() - started);
  require(sum == sum_of_calls(a[1]), "wrong sum");
}

void naps(const arguments& a) {
  const auto started = now_ns();
  {
    thread_pool pool(a[0]);
    completions<std::uint64_t> back;
    for (std::uint64_t i = 0; i < a[1]; ++i) pool.enqueue([&back, ms = a[2]] { back.push(nap(ms)); });
    for (std::uint64_t i = 0; i < a[1]; ++i) require(back.pop() == a[2], "wrong result");
  }
  report_naps(now_ns() - started);
}

void memory_of_call(const arguments& a) {
  const auto n = a[0];
  thread_pool pool(1);
  completions<std::uint64_t> back;
  std::binary_semaphore held(0);
  std::binary_semaphore gate(0);
  pool.enqueue([&] {
    held.release();
    gate.acquire();
  });
  held.acquire();
  const memory_record record;
  for (std::uint64_t i = 0; i < n; ++i) pool.enqueue([&back] { back.push(call(1)); });
  record.print("memory.call", n);
  gate.release();
  std::uint64_t sum = 0;
  for (std::uint64_t i = 0; i < n; ++i) sum += back.pop();
  require(sum == n, "wrong sum");
}

void version(const arguments&) { std::printf("version\t%s\t\n", TBB_runtime_version()); }

}  // namespace

int main(int argc, char** argv) {
  return perform_act(argc, argv,
                     {{"lat", "WORKERS N", latency},
                      {"thr", "WORKERS N IN_FLIGHT", throughput},
                      {"eff", "WORKERS N IN_FLIGHT WORK_US", efficiency},
                      {"loops", "WORKERS N IN_FLIGHT LOOPS", loops},
                      {"at_once", "WORKERS N", at_once},
                      {"naps", "WORKERS N MS", naps},
                      {"mem_call", "N", memory_of_call},
                      {"version", "", version}});
}
