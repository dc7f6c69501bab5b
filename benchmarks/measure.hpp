// What every measured program shares: one clock, one call to offload, one way to count, one line a figure.
//
// A program performs one act a run and is told which on its command line, the same for all of them:
//
//   lat WORKERS N                      a coroutine offloads a call and awaits it, N times, one after the other
//   thr WORKERS N IN_FLIGHT            IN_FLIGHT coroutines do that at once, N calls together
//   full WORKERS N IN_FLIGHT ROOM      as thr, where at most ROOM calls may wait for a worker
//   eff WORKERS N IN_FLIGHT WORK_US    the same with calls that burn WORK_US of CPU time each
//   late WORKERS N IN_FLIGHT WORK_US   as thr, with calls that compute for about WORK_US, while one coroutine more
//                                      sleeps for a millisecond again and again
//   loops WORKERS N IN_FLIGHT LOOPS    as thr, the coroutines shared among LOOPS loops, each on a thread of its own
//   at_once WORKERS N                  N calls are handed over before the first result is awaited; then all are
//   naps WORKERS N MS                  a pool, N calls that sleep MS ms each, and its end
//   mem_call N                         N calls wait for a worker that a gate holds up
//   mem_sleep N                        N coroutines sleep for an hour
//   switch N                           two coroutines on one loop hand over to each other, N times together
//   version                            of the library that is measured
//
// Figures go to stdout: name TAB value TAB unit. Every act checks what its calls returned, so that a figure never
// comes from work that was not done.
#pragma once
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <exception>
#include <functional>
#include <initializer_list>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

namespace bench {

// ---- clocks ----

inline std::uint64_t read_clock(clockid_t clock) {
  timespec t{};
  clock_gettime(clock, &t);
  return static_cast<std::uint64_t>(t.tv_sec) * 1'000'000'000u + static_cast<std::uint64_t>(t.tv_nsec);
}

inline std::uint64_t now_ns() { return read_clock(CLOCK_MONOTONIC); }

// ---- the call that is offloaded ----

// Set before any worker exists, read by all of them.
inline std::uint64_t work_ns = 0;
inline std::uint64_t work_steps = 0;

// Asks nobody for anything meanwhile. (Who asks the kernel for its CPU time lets it see whether its turn is over.)
inline void compute(std::uint64_t steps) {
  for (std::uint64_t x = steps; steps > 0; --steps) {
    x = x * 6364136223846793005u + 1442695040888963407u;
    asm volatile("" : "+r"(x));
  }
}

inline std::uint64_t steps_in(std::uint64_t us) {
  constexpr std::uint64_t many = 10'000'000;
  const auto started = read_clock(CLOCK_THREAD_CPUTIME_ID);
  compute(many);
  return many * us * 1000 / (read_clock(CLOCK_THREAD_CPUTIME_ID) - started);
}

// Burns work_ns of the thread's own CPU time: a worker that was preempted did not work in the meantime.
inline std::uint64_t call(std::uint64_t n) {
  compute(work_steps);
  if (work_ns != 0) {
    const auto end = read_clock(CLOCK_THREAD_CPUTIME_ID) + work_ns;
    while (read_clock(CLOCK_THREAD_CPUTIME_ID) < end) {
    }
  }
  return n * n;
}

inline std::uint64_t nap(std::uint64_t ms) {
  std::this_thread::sleep_for(std::chrono::milliseconds(ms));
  return ms;
}

// What the calls 0 … n-1 add up to.
inline std::uint64_t sum_of_calls(std::uint64_t n) {
  std::uint64_t sum = 0;
  for (std::uint64_t i = 0; i < n; ++i) sum += i * i;
  return sum;
}

inline void require(bool holds, const char* what) {
  if (!holds) throw std::logic_error(what);
}

// ---- figures ----

inline void report(const char* name, double value, const char* unit) {
  std::printf("%s\t%.3f\t%s\n", name, value, unit);
  std::fflush(stdout);
}

// CPU time and context switches of all threads of this process.
struct usage {
  double cpu_us = 0;
  double switches = 0;

  static usage now() {
    rusage r{};
    getrusage(RUSAGE_SELF, &r);
    const auto us = [](const timeval& t) {
      return static_cast<double>(t.tv_sec) * 1e6 + static_cast<double>(t.tv_usec);
    };
    return {us(r.ru_utime) + us(r.ru_stime), static_cast<double>(r.ru_nvcsw + r.ru_nivcsw)};
  }
};

// In us; sorts them.
template <class Number> double quantile_us(std::vector<Number>& ns, double q) {
  std::ranges::sort(ns);
  const auto index = static_cast<std::size_t>(q * static_cast<double>(ns.size()));
  return static_cast<double>(ns.at(std::min(index, ns.size() - 1))) / 1e3;
}

// How much later than a millisecond sleeps of one have ended, after some that do not count.
class lateness_record {
 public:
  static constexpr std::chrono::milliseconds sleep{1};
  static constexpr std::size_t warm_up = 20;

  // The next sleep begins now.
  void start() { started_ = now_ns(); }
  void add() {
    const auto late = static_cast<std::int64_t>(now_ns() - started_) - std::chrono::nanoseconds(sleep).count();
    if (++sleeps_ > warm_up) ns_.push_back(late);
  }

  void print() {
    require(ns_.size() >= 10, "too few sleeps");
    report("late.p50", quantile_us(ns_, 0.50), "us");
    report("late.p99", quantile_us(ns_, 0.99), "us");
  }

 private:
  std::vector<std::int64_t> ns_;
  std::size_t sleeps_ = 0;
  std::uint64_t started_ = 0;
};

// The record of one sequential run: start() after the warm-up, add() each round trip, finish() after the last. The
// samples' memory is touched beforehand, so that no page fault of the record's own is measured.
class latency_record {
 public:
  static constexpr std::uint64_t warm_up = 1000;

  explicit latency_record(std::uint64_t n) : ns_(n) {}

  std::uint64_t rounds() const noexcept { return ns_.size(); }
  void start() { started_ = usage::now(); }
  void add(std::uint64_t elapsed_ns) noexcept { ns_[filled_++] = elapsed_ns; }
  void finish() { ended_ = usage::now(); }

  void print() {
    require(filled_ == ns_.size() && filled_ > 0, "a latency run ended early");
    const auto n = static_cast<double>(filled_);
    double sum = 0;
    for (const auto v : ns_) sum += static_cast<double>(v);
    report("latency.mean", sum / n / 1e3, "us");
    report("latency.p50", quantile_us(ns_, 0.50), "us");
    report("latency.p99", quantile_us(ns_, 0.99), "us");
    report("latency.switches", (ended_.switches - started_.switches) / n, "switches");
    report("latency.cpu", (ended_.cpu_us - started_.cpu_us) / n, "us");
  }

 private:
  std::vector<std::uint64_t> ns_;
  std::size_t filled_ = 0;
  usage started_;
  usage ended_;
};

// make_call(i) makes the call of i and gives its result: n times, one after the other, after some that do not count.
template <class MakeCall> void measure_sequence(std::uint64_t n, MakeCall make_call) {
  latency_record record(n);
  for (std::uint64_t i = 0; i < latency_record::warm_up; ++i) make_call(i);
  record.start();
  for (std::uint64_t i = 0; i < record.rounds(); ++i) {
    const auto started = now_ns();
    const auto result = make_call(i);
    record.add(now_ns() - started);
    require(result == i * i, "wrong result");
  }
  record.finish();
  record.print();
}

inline void report_throughput(std::uint64_t calls, std::uint64_t elapsed_ns) {
  report("throughput", static_cast<double>(calls) * 1e6 / static_cast<double>(elapsed_ns), "k calls/s");
}

inline int allowed_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) != 0) throw std::runtime_error("sched_getaffinity failed");
  return CPU_COUNT(&set);
}

// The share of the cores that this process may use (no more of them than it has workers) that went into the work.
inline void report_efficiency(std::uint64_t calls, std::uint64_t workers, std::uint64_t elapsed_ns) {
  const auto cores = std::min(static_cast<double>(allowed_cores()), static_cast<double>(workers));
  report("efficiency", 100 * static_cast<double>(calls * work_ns) / (static_cast<double>(elapsed_ns) * cores), "%");
}

// Of calls that were all under way together.
inline void report_at_once(std::uint64_t calls, std::uint64_t elapsed_ns) {
  report("at_once", static_cast<double>(elapsed_ns) / static_cast<double>(calls), "ns");
}

inline void report_naps(std::uint64_t elapsed_ns) { report("naps", static_cast<double>(elapsed_ns) / 1e6, "ms"); }

inline void report_switch(std::uint64_t switches, std::uint64_t elapsed_ns) {
  report("switch", static_cast<double>(elapsed_ns) / static_cast<double>(switches), "ns");
}

// ---- memory ----

inline double resident_bytes() {
  long size = 0;
  long resident = 0;
  if (FILE* f = std::fopen("/proc/self/statm", "r")) {
    const int read = std::fscanf(f, "%ld %ld", &size, &resident);
    std::fclose(f);
    if (read == 2) return static_cast<double>(resident) * static_cast<double>(sysconf(_SC_PAGESIZE));
  }
  throw std::runtime_error("/proc/self/statm can't be read");
}

// Growth of the resident set since construction, for each of n things: the allocator's own overhead is in it.
class memory_record {
 public:
  void print(const char* name, std::uint64_t n) const {
    report(name, (resident_bytes() - before_) / static_cast<double>(n), "B");
  }

 private:
  double before_ = resident_bytes();
};

// ---- the command line ----

struct arguments {
  std::vector<std::uint64_t> numbers;
  std::vector<std::string_view> options;  // "--name=value" and "--name"

  std::uint64_t operator[](std::size_t i) const { return numbers.at(i); }
  int workers() const { return static_cast<int>(numbers.at(0)); }

  // The value of --name=value, or what stands for it where it is not given.
  std::string_view option(std::string_view name, std::string_view otherwise) const {
    for (const auto o : options) {
      if (o.starts_with(name) && o.size() > name.size() && o[name.size()] == '=') return o.substr(name.size() + 1);
    }
    return otherwise;
  }
};

struct act {
  std::string_view name;
  std::string_view parameters;
  std::function<void(const arguments&)> perform;

  std::size_t count() const {
    if (parameters.empty()) return 0;
    return 1 + static_cast<std::size_t>(std::ranges::count(parameters, ' '));
  }
};

inline std::uint64_t parse_number(std::string_view text) {
  const std::string copy(text);
  std::size_t used = 0;
  std::uint64_t value = 0;
  try {
    if (!copy.starts_with('-')) value = std::stoull(copy, &used);
  } catch (const std::exception&) {
    used = 0;
  }
  if (used == 0 || used != copy.size()) throw std::invalid_argument("expected a whole number, got '" + copy + "'");
  return value;
}

// Performs the act that the command line asks for. Returns main's exit status.
inline int perform_act(int argc, char** argv, std::initializer_list<act> acts) {
  try {
    arguments given;
    for (const auto* word : std::span(argv, static_cast<std::size_t>(argc)).subspan(std::min(argc, 2))) {
      if (std::string_view(word).starts_with("--")) {
        given.options.emplace_back(word);
      } else {
        given.numbers.push_back(parse_number(word));
        require(given.numbers.back() > 0, "numbers must be 1 or more");
      }
    }
    const std::string_view wanted = argc > 1 ? argv[1] : "";
    for (const auto& a : acts) {
      if (a.name == wanted && a.count() == given.numbers.size()) {
        if (a.name == "eff") work_ns = given.numbers.at(3) * 1000;
        if (a.name == "late") work_steps = steps_in(given.numbers.at(3));
        a.perform(given);
        return EXIT_SUCCESS;
      }
    }
  } catch (const std::exception& e) {
    std::fprintf(stderr, "%s: %s\n", argv[0], e.what());
    return EXIT_FAILURE;
  }
  for (const auto& a : acts) {
    std::fprintf(stderr, "usage: %s %.*s %.*s\n", argv[0], static_cast<int>(a.name.size()), a.name.data(),
                 static_cast<int>(a.parameters.size()), a.parameters.data());
  }
  return 2;
}

}  // namespace bench
