// libuv (https://libuv.org): uv_queue_work from its loop to its pool of threads and back. It has callbacks and no
// coroutines, so there is nothing here to sleep and nothing to switch to.
#include <memory>
#include <semaphore>
#include <utility>

#include "benchmarks/measure.hpp"
#include <uv.h>

namespace {

using namespace bench;

void check(int status, const char* what) {
  if (status < 0) throw std::runtime_error(std::string(what) + ": " + uv_strerror(status));
}

// libuv reads the number of its threads when the first work is queued.
void set_workers(std::uint64_t workers) {
  check(uv_os_setenv("UV_THREADPOOL_SIZE", std::to_string(workers).c_str()), "uv_os_setenv");
}

// Makes its calls one after the other.
struct stream {
  uv_work_t request{};
  std::uint64_t next = 0;
  std::uint64_t end = 0;
  std::uint64_t result = 0;
  std::uint64_t sum = 0;

  void queue_next() {
    request.data = this;
    const auto work = [](uv_work_t* r) {
      auto& s = *static_cast<stream*>(r->data);
      s.result = call(s.next);
    };
    const auto done = [](uv_work_t* r, int) {
      auto& s = *static_cast<stream*>(r->data);
      s.sum += s.result;
      if (++s.next != s.end) s.queue_next();
    };
    uv_queue_work(uv_default_loop(), &request, work, done);
  }
};

struct sequence {
  explicit sequence(std::uint64_t n) : record(n) { request.data = this; }

  uv_work_t request{};
  latency_record record;
  std::uint64_t made = 0;
  std::uint64_t result = 0;
  std::uint64_t started = 0;

  void queue_next() {
    if (made == latency_record::warm_up) record.start();
    const auto work = [](uv_work_t* r) {
      auto& s = *static_cast<sequence*>(r->data);
      s.result = call(s.made);
    };
    const auto done = [](uv_work_t* r, int) { static_cast<sequence*>(r->data)->complete(); };
    started = now_ns();
    uv_queue_work(uv_default_loop(), &request, work, done);
  }

  void complete() {
    if (made >= latency_record::warm_up) record.add(now_ns() - started);
    if (result != made * made) std::terminate();
    if (++made < latency_record::warm_up + record.rounds()) return queue_next();
    record.finish();
  }
};

void latency(const arguments& a) {
  set_workers(a[0]);
  sequence calls(a[1]);
  calls.queue_next();
  uv_run(uv_default_loop(), UV_RUN_DEFAULT);
  calls.record.print();
}

// IN_FLIGHT streams make N calls; gives the calls made and the time they took.
std::pair<std::uint64_t, std::uint64_t> run_streams(const arguments& a) {
  set_workers(a[0]);
  std::vector<stream> streams(a[2]);
  const auto each = a[1] / streams.size();
  const auto started = now_ns();
  for (auto& s : streams) {
    s.end = each;
    s.queue_next();
  }
  uv_run(uv_default_loop(), UV_RUN_DEFAULT);
  const auto elapsed = now_ns() - started;
  for (const auto& s : streams) require(s.sum == sum_of_calls(each), "wrong sum");
  return {streams.size() * each, elapsed};
}

void throughput(const arguments& a) {
  const auto [calls, elapsed] = run_streams(a);
  report_throughput(calls, elapsed);
}

void efficiency(const arguments& a) {
  const auto [calls, elapsed] = run_streams(a);
  report_efficiency(calls, a[0], elapsed);
}

// A timer that is set anew as long as the streams run. libuv counts whole milliseconds.
struct sleeper {
  explicit sleeper(const std::vector<stream>& streams) : streams(streams) {
    check(uv_timer_init(uv_default_loop(), &timer), "uv_timer_init");
    timer.data = this;
  }
  void set() {
    uv_update_time(uv_default_loop());
    late.start();
    const auto fired = [](uv_timer_t* t) {
      auto& self = *static_cast<sleeper*>(t->data);
      self.late.add();
      if (std::ranges::any_of(self.streams, [](auto& s) { return s.next != s.end; })) self.set();
    };
    check(uv_timer_start(&timer, fired, lateness_record::sleep.count(), 0), "uv_timer_start");
  }

  const std::vector<stream>& streams;
  uv_timer_t timer{};
  lateness_record late;
};

void lateness(const arguments& a) {
  set_workers(a[0]);
  std::vector<stream> streams(a[2]);
  const auto each = a[1] / streams.size();
  for (auto& s : streams) {
    s.end = each;
    s.queue_next();
  }
  sleeper beside(streams);
  beside.set();
  uv_run(uv_default_loop(), UV_RUN_DEFAULT);
  for (const auto& s : streams) require(s.sum == sum_of_calls(each), "wrong sum");
  beside.late.print();
}

void memory_of_call(const arguments& a) {
  struct pending_call {
    uv_work_t request{};
    std::uint64_t value = 0;
  };
  static std::binary_semaphore held(0);
  static std::binary_semaphore gate(0);
  set_workers(1);
  uv_work_t blocker{};
  const auto hold = [](uv_work_t*) {
    held.release();
    gate.acquire();
  };
  uv_queue_work(uv_default_loop(), &blocker, hold, nullptr);
  held.acquire();

  const auto n = a[0];
  std::uint64_t sum = 0;
  const memory_record record;
  for (std::uint64_t i = 0; i < n; ++i) {
    auto owned = std::make_unique<pending_call>();
    owned->request.data = &sum;
    const auto work = [](uv_work_t* r) { reinterpret_cast<pending_call*>(r)->value = call(1); };
    const auto done = [](uv_work_t* r, int) {
      const std::unique_ptr<pending_call> mine(reinterpret_cast<pending_call*>(r));
      *static_cast<std::uint64_t*>(r->data) += mine->value;
    };
    check(uv_queue_work(uv_default_loop(), &owned.release()->request, work, done), "uv_queue_work");
  }
  record.print("memory.call", n);
  gate.release();
  uv_run(uv_default_loop(), UV_RUN_DEFAULT);
  require(sum == n, "wrong sum");
}

void version(const arguments&) { std::printf("version\t%s\t\n", uv_version_string()); }

}  // namespace

int main(int argc, char** argv) {
  return perform_act(argc, argv,
                     {{"lat", "WORKERS N", latency},
                      {"thr", "WORKERS N IN_FLIGHT", throughput},
                      {"eff", "WORKERS N IN_FLIGHT WORK_US", efficiency},
                      {"late", "WORKERS N IN_FLIGHT WORK_US", lateness},
                      {"mem_call", "N", memory_of_call},
                      {"version", "", version}});
}
