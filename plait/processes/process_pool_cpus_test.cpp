// How many cpus a pool and its workers take: no more than affinity and cgroup allow, and one thread a worker for
// libraries that start threads of their own. Each is a program of its own, which is limited before it has any worker.
#include <atomic>
#include <cstdlib>
#include <fstream>
#include <optional>

#include "process_pool_fixture_test.hpp"
#include "process_pool_programs_test.hpp"
#include <dlfcn.h>
#include <sched.h>
#include <sys/stat.h>

namespace {

using namespace pool_test;
using plait::start_method;
using testing::ElementsAre;

std::vector<std::string> all_told(const program& by) {
  std::vector<std::string> lines;
  for (std::string line; !(line = by.hear()).empty();) lines.push_back(line);
  return lines;
}

// ── affinity ──

int own_cpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  return ::sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : -1;
}

PLAIT_PROGRAM(may_use_one_cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  program::require(::sched_getaffinity(0, sizeof set, &set) == 0);
  int first = 0;
  while (!CPU_ISSET(first, &set)) ++first;
  CPU_ZERO(&set);
  CPU_SET(first, &set);
  program::require(::sched_setaffinity(0, sizeof set, &set) == 0, 2);
  for (const auto how : both_ways) {
    process_pool_executor pool({.start = how});
    program::tell(std::to_string(pool.max_workers()) +
                  " worker, with cpus: " + std::to_string(pool.submit(own_cpus).result()));
  }
}

TEST(process_pool_cpus, are_as_many_workers_as_affinity_allows) {
  program narrow("may_use_one_cpu");
  EXPECT_THAT(all_told(narrow), ElementsAre("1 worker, with cpus: 1", "1 worker, with cpus: 1"));
  EXPECT_EQ(narrow.wait(), 0);
}

// ── the cgroup's quota ──

/// Version 1's hierarchy for processors, or version 2. The error says why none could be made.
class cpu_cgroup {
 public:
  explicit cpu_cgroup(long of_100_ms) {
    const auto quota = std::to_string(of_100_ms * 1'000);
    if (!make("/sys/fs/cgroup/cpu", "cpu.cfs_quota_us", quota)) make("/sys/fs/cgroup", "cpu.max", quota + " 100000");
  }
  cpu_cgroup(const cpu_cgroup&) = delete;
  cpu_cgroup& operator=(const cpu_cgroup&) = delete;
  ~cpu_cgroup() {
    if (!path_.empty()) ::rmdir(path_.c_str());
  }

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] const std::string& error() const { return error_; }

 private:
  bool make(const std::string& root, const std::string& file, const std::string& quota) {
    const auto folder = root + "/plait_test_" + std::to_string(::getpid());
    if (::mkdir(folder.c_str(), 0755) != 0) {
      error_ += "mkdir " + folder + ": " + std::strerror(errno) + "; ";
      return false;
    }
    if ((std::ofstream(folder + "/" + file) << quota << std::flush).good()) {
      path_ = folder;
      return true;
    }
    error_ += "it has no " + folder + "/" + file + "; ";
    ::rmdir(folder.c_str());
    return false;
  }

  std::string path_, error_;
};

PLAIT_PROGRAM(has_a_quota) {
  const std::string group = std::getenv(group_variable);
  if (!(std::ofstream(group + "/cgroup.procs") << ::getpid() << std::flush).good()) {
    program::tell("can't enter " + group);
    return;
  }
  const process_pool_executor pool;
  program::tell(std::to_string(pool.max_workers()));
}

/// What a program says whose cgroup has so much of each 100 ms; nothing where there can be no such program.
std::optional<std::string> workers_with_quota(long milliseconds, std::string& why_not) {
  const cpu_cgroup group(milliseconds);
  why_not = group.error();
  if (group.path().empty()) return std::nullopt;
  ::setenv(group_variable, group.path().c_str(), 1);
  program limited("has_a_quota");
  ::unsetenv(group_variable);
  const auto told = limited.hear();
  EXPECT_EQ(limited.wait(), 0);
  why_not = told;
  if (told.starts_with("can't enter")) return std::nullopt;
  return told;
}

TEST(process_pool_cpus, are_as_many_workers_as_the_quota_allows_rounded_up) {
  std::string why_not;
  const auto below_one = workers_with_quota(90, why_not);
  if (!below_one) GTEST_SKIP() << "no cgroup with a quota here: " << why_not;
  EXPECT_EQ(below_one, "1");
  EXPECT_EQ(workers_with_quota(150, why_not), std::to_string(std::min(own_cpus(), 2)));
}

// ── threads of libraries ──

std::string variable(const std::string& name) {
  const char* const value = std::getenv(name.c_str());
  return name + (value ? "=" + std::string(value) : " is not set");
}

void tell_of_workers() {
  for (const auto how : both_ways) {
    process_pool_executor pool({.max_workers = 1, .start = how});
    for (const std::string name : {"OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"})
      program::tell(pool.submit(variable, name).result());
  }
}

PLAIT_PROGRAM(says_nothing_of_threads) {
  for (const auto* const name : {"OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"}) ::unsetenv(name);
  tell_of_workers();
  program::require(!std::getenv("OMP_NUM_THREADS"));  // the workers' alone
}

TEST(process_pool_threads, of_libraries_are_one_in_a_worker) {
  program silent("says_nothing_of_threads");
  EXPECT_THAT(all_told(silent), ElementsAre("OMP_NUM_THREADS=1", "OPENBLAS_NUM_THREADS is not set",
                                            "OMP_NUM_THREADS=1", "OPENBLAS_NUM_THREADS is not set"));
  EXPECT_EQ(silent.wait(), 0);
}

PLAIT_PROGRAM(says_how_many_threads) {
  ::setenv("OMP_NUM_THREADS", "4", 1);
  ::setenv("OPENBLAS_NUM_THREADS", "2", 1);
  tell_of_workers();
}

TEST(process_pool_threads, of_libraries_are_what_the_program_says) {
  program says("says_how_many_threads");
  EXPECT_THAT(all_told(says), ElementsAre("OMP_NUM_THREADS=4", "OPENBLAS_NUM_THREADS=2", "OMP_NUM_THREADS=4",
                                          "OPENBLAS_NUM_THREADS=2"));
  EXPECT_EQ(says.wait(), 0);
}

// ── OpenMP itself ──

/// A function of the OpenMP library, which this program does not use: null where there is none.
void* of_openmp(const char* name) {
  static void* const library = ::dlopen("libgomp.so.1", RTLD_NOW | RTLD_LOCAL);
  return library ? ::dlsym(library, name) : nullptr;
}
int openmp_threads() {
  auto* const ask = reinterpret_cast<int (*)()>(of_openmp("omp_get_max_threads"));
  return ask ? ask() : 0;
}
void set_openmp_threads(int threads) {
  if (auto* const set = reinterpret_cast<void (*)(int)>(of_openmp("omp_set_num_threads"))) set(threads);
}

PLAIT_PROGRAM(uses_openmp) {
  ::unsetenv("OMP_NUM_THREADS");
  for (const auto how : both_ways) {
    process_pool_executor quiet({.max_workers = 1, .start = how});
    process_pool_executor loud({.max_workers = 1, .initializer = {set_openmp_threads, 3}, .start = how});
    program::tell(std::to_string(quiet.submit(openmp_threads).result()) + ", " +
                  std::to_string(loud.submit(openmp_threads).result()));
  }
}

TEST(process_pool_threads, of_openmp_are_one_or_what_the_initializer_says) {
  if (!of_openmp("omp_get_max_threads")) GTEST_SKIP() << "no libgomp.so.1 here";
  program uses("uses_openmp");
  EXPECT_THAT(all_told(uses), ElementsAre("1, 3", "1, 3"));
  EXPECT_EQ(uses.wait(), 0);
}

// Its threads live in the program, with whatever locks they hold, when workers are started.
PLAIT_PROGRAM(has_threads_of_openmp) {
  ::setenv("OMP_NUM_THREADS", "4", 1);
  auto* const in_parallel =
      reinterpret_cast<void (*)(void (*)(void*), void*, unsigned, unsigned)>(of_openmp("GOMP_parallel"));
  static std::atomic<int> threads{0};
  const auto run_on_four = [&] {
    threads = 0;
    in_parallel([](void*) { ++threads; }, nullptr, 4, 0);
    program::require(threads == 4, 2);
  };
  run_on_four();
  for (const auto how : both_ways) {
    process_pool_executor pool({.max_workers = 2, .start = how});
    std::vector<plait::future<int>> calls;
    for (int i = 0; i < 20; ++i) {
      calls.push_back(pool.submit(square, i));
      run_on_four();
    }
    for (int i = 0; i < 20; ++i) program::require(calls[static_cast<std::size_t>(i)].result() == i * i, 3);
    death_of(pool.submit(leave_at_once, 0));
    program::require(started_pids(pool).size() == 2, 4);
    run_on_four();
  }
}

TEST(process_pool_threads, of_openmp_in_the_program_do_no_harm) {
  if (!of_openmp("GOMP_parallel")) GTEST_SKIP() << "no libgomp.so.1 here";
  program has("has_threads_of_openmp");
  expect_clean_end(has);
}

}  // namespace
