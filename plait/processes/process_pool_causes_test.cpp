// Deaths that the kernel decided: memory that ran out, limits that were reached.
#include <plait/processes/internal/memory_kills.hpp>

#include <fstream>
#include <new>

#include "process_pool_fixture_test.hpp"
#include "process_pool_programs_test.hpp"
#include <sys/resource.h>
#include <sys/stat.h>

namespace {

using namespace pool_test;
using plait::detail::count_memory_kills;
using testing::HasSubstr;

void limit(__rlimit_resource_t what, rlim_t soft, rlim_t hard) {
  const rlimit wanted{soft, hard};
  if (::setrlimit(what, &wanted) != 0) std::abort();
}

int writes_too_much(const std::string& folder) {
  limit(RLIMIT_FSIZE, 10, 10);
  std::ofstream(folder + "/large") << std::string(1'000, 'x') << std::flush;
  return 0;
}

TEST(process_pool_causes, name_a_file_that_reached_its_limit) {
  const portable_gate folder;
  process_pool_executor pool({.max_workers = 1});
  const auto death = death_of(pool.submit(writes_too_much, folder.path()));
  EXPECT_EQ(death.signal(), SIGXFSZ);
  EXPECT_THAT(death.cause(), HasSubstr("RLIMIT_FSIZE"));
  EXPECT_THAT(death.what(), HasSubstr(death.cause()));
}

TEST(process_pool_causes, name_the_soft_limit_of_cpu_time) {
  process_pool_executor pool({.max_workers = 1});
  const auto death = death_of(pool.submit([] {
    limit(RLIMIT_CPU, 1, 10);
    return spins(0);
  }));
  EXPECT_EQ(death.signal(), SIGXCPU);
  EXPECT_THAT(death.cause(), HasSubstr("RLIMIT_CPU"));
}

PLAIT_PROGRAM(has_little_cpu_time) {
  limit(RLIMIT_CPU, 2, 2);
  process_pool_executor pool({.max_workers = 1});
  const auto death = death_of(pool.submit(spins, 0));
  program::require(death.signal() == SIGKILL, 2);
  program::tell(death.cause());
}

TEST(process_pool_causes, name_the_hard_limit_of_cpu_time_as_a_guess) {
  program spends("has_little_cpu_time");
  EXPECT_EQ(spends.hear(), "perhaps since it reached its limit of CPU time (RLIMIT_CPU: 2 s)");
  EXPECT_EQ(spends.wait(), 0);
}

TEST(process_pool_causes, a_limit_of_memory_is_an_exception_and_no_death) {
  if (sanitized) GTEST_SKIP() << "a sanitizer's allocator ends the process";
  process_pool_executor pool({.max_workers = 1});
  const auto call = pool.submit([] {
    limit(RLIMIT_AS, rlim_t{2} << 30, RLIM_INFINITY);
    return std::vector<char>(std::size_t{4} << 30, 'x').size();
  });
  EXPECT_THROW(call.result(), std::bad_alloc);
  EXPECT_EQ(pool.submit(square, 3).result(), 9) << "the same worker goes on";
}

TEST(process_pool_causes, of_a_kill_that_nobody_explains_are_none) {
  process_pool_executor pool({.max_workers = 1});
  for (int round = 0; round < 5; ++round) {
    const auto before = count_memory_kills().count;
    const auto death = death_of(pool.submit(die_by, SIGKILL));
    if (count_memory_kills().count != before) continue;  // somebody else's, on this machine
    EXPECT_EQ(death.cause(), "");
    return;
  }
  GTEST_SKIP() << "the kernel kills for want of memory all the time";
}

// ── out of memory, in a cgroup of its own ──

/// Version 2, or version 1's hierarchy for memory. The error says why none could be made.
class memory_cgroup {
 public:
  explicit memory_cgroup(std::size_t bytes) {
    for (const auto& [root, limit_file] :
         {std::pair{"/sys/fs/cgroup/memory", "memory.limit_in_bytes"}, std::pair{"/sys/fs/cgroup", "memory.max"}}) {
      const auto folder = std::string(root) + "/plait_test_" + std::to_string(::getpid());
      if (::mkdir(folder.c_str(), 0755) != 0) {
        error_ += "mkdir " + folder + ": " + std::strerror(errno) + "; ";
        continue;
      }
      std::ofstream(folder + "/memory.swap.max") << 0;  // where there is such a file
      if ((std::ofstream(folder + "/" + limit_file) << bytes << std::flush).good()) {
        path_ = folder;
        return;
      }
      error_ += folder + " has no " + limit_file + "; ";
      ::rmdir(folder.c_str());
    }
  }
  memory_cgroup(const memory_cgroup&) = delete;
  memory_cgroup& operator=(const memory_cgroup&) = delete;
  ~memory_cgroup() {
    if (!path_.empty()) ::rmdir(path_.c_str());
  }

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] const std::string& error() const { return error_; }

 private:
  std::string path_, error_;
};

constexpr std::size_t group_bytes = std::size_t{512} << 20;

std::size_t fills_memory(std::size_t most) {
  std::vector<std::vector<char>> all;
  constexpr std::size_t piece = std::size_t{1} << 20;
  while (all.size() * piece < most) all.emplace_back(piece, 'x');
  return all.size();
}

PLAIT_PROGRAM(runs_out_of_memory) {
  const std::string group = std::getenv(group_variable);
  if (!(std::ofstream(group + "/cgroup.procs") << ::getpid() << std::flush).good()) {
    program::tell("can't enter " + group);
    return;
  }
  process_pool_executor pool({.max_workers = 1});
  const auto call = pool.submit({.name = "fill"}, fills_memory, 3 * group_bytes);
  if (!call.exception()) {
    program::tell("the limit of " + group + " does not hold");
    return;
  }
  const auto death = death_of(call);
  program::require(death.signal() == SIGKILL, 2);
  program::tell(death.what());
}

TEST(process_pool_causes, name_memory_that_ran_out) {
  const memory_cgroup group(group_bytes);
  if (group.path().empty()) GTEST_SKIP() << "no cgroup can be made here: " << group.error();
  ::setenv(group_variable, group.path().c_str(), 1);
  program runs("runs_out_of_memory");
  ::unsetenv(group_variable);
  const auto told = runs.hear();
  EXPECT_EQ(runs.wait(), 0);
  if (told.starts_with("can't enter") || told.ends_with("does not hold")) GTEST_SKIP() << told;
  EXPECT_THAT(told, HasSubstr("killed by signal 9 (SIGKILL): probably out of memory"));
}

}  // namespace
