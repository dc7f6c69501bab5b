// Workers are replaced between calls: after so many of them, above so much memory. Nothing is lost or stranded by it.
#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <stdexcept>

#include "process_pool_fixture_test.hpp"
#include <sys/mman.h>
#include <tests/support/recorded_reports.hpp>

namespace {

using namespace std::chrono_literals;
using namespace pool_test;
using plait::start_method;
using test_support::message_in;
using test_support::recorded_reports;
using testing::AllOf;
using testing::Each;
using testing::HasSubstr;

constexpr std::size_t mib = std::size_t{1} << 20;

// ── so many calls ──

std::vector<pid_t> pids_of_calls(process_pool_executor& pool, int calls) {
  std::vector<pid_t> pids;
  for (int i = 0; i < calls; ++i) pids.push_back(pool.submit(own_pid).result());
  return pids;
}

class process_pool_max_tasks : public testing::TestWithParam<start_method> {};
INSTANTIATE_TEST_SUITE_P(by, process_pool_max_tasks, both_starts, name_of_start);

TEST_P(process_pool_max_tasks, of_three_gives_another_process_at_the_fourth_call) {
  process_pool_executor pool({.max_workers = 1, .start = GetParam(), .max_tasks_per_child = 3});
  const auto pids = pids_of_calls(pool, 9);
  for (std::size_t i = 0; i < 9; i += 3) EXPECT_THAT(std::vector(&pids[i], &pids[i] + 3), Each(pids[i]));
  EXPECT_EQ(std::set(pids.begin(), pids.end()).size(), 3U);
}

TEST_P(process_pool_max_tasks, of_one_with_an_early_shutdown_completes_all) {
  for (const int workers : {1, 3}) {
    process_pool_executor pool({.max_workers = workers, .start = GetParam(), .max_tasks_per_child = 1});
    std::vector<plait::future<pid_t>> calls;
    for (int i = 0; i < 20; ++i) calls.push_back(pool.submit(own_pid));
    EXPECT_TRUE(pool.shutdown());
    std::set<pid_t> pids;
    for (const auto& call : calls) pids.insert(call.result());
    EXPECT_EQ(pids.size(), 20U);
    EXPECT_EQ(pool.workers(), 0);
  }
}

// Calls so quick that as many as possible are sent ahead: never more than the worker may run.
TEST(process_pool_max_tasks, thousands_over_it_strand_none) {
  constexpr int calls = sanitized ? 1'000 : 10'000;
  for (const int workers : {1, 3}) {
    constexpr int most = 20;
    process_pool_executor pool({.max_workers = workers, .max_tasks_per_child = most});
    std::vector<plait::future<pid_t>> all;
    for (int i = 0; i < calls; ++i) all.push_back(pool.submit(own_pid));
    std::map<pid_t, int> ran;
    for (const auto& call : all) ++ran[call.result()];
    for (const auto& [pid, times] : ran) EXPECT_LE(times, most) << pid;
    EXPECT_GE(ran.size(), static_cast<std::size_t>(calls / most));
  }
}

TEST(process_pool_max_tasks, of_one_under_load_from_two_threads) {
  process_pool_executor pool({.max_workers = 2, .max_tasks_per_child = 1});
  const auto submits = [&] {
    for (int i = 0; i < (sanitized ? 30 : 200); ++i) EXPECT_EQ(pool.submit(square, i).result(), i * i);
  };
  std::thread other(submits);
  submits();
  other.join();
}

TEST(process_pool_max_tasks, counts_exceptions_and_no_call_that_was_dropped) {
  process_pool_executor pool({.max_workers = 1, .max_tasks_per_child = 2});
  const auto throws = [] { throw std::out_of_range("so be it"); };
  const portable_gate gate;
  const auto runs = pool.submit(wait_at, gate.path(), 1);
  std::vector<plait::future<int>> waiting;
  for (int i = 0; i < 10; ++i) waiting.push_back(pool.submit(square, i));
  gate.wait_for(1);
  const auto pid = known_pids(pool, 1).at(0);
  for (const auto& call : waiting) EXPECT_EQ(call.cancel(), plait::cancel_outcome::dropped);
  gate.let_through(1);
  EXPECT_EQ(runs.result(), 1);
  EXPECT_EQ(pool.submit(own_pid).result(), pid);
  EXPECT_THROW(pool.submit(throws).result(), std::out_of_range);
  const auto next = pool.submit(own_pid).result();
  EXPECT_NE(next, pid);
  EXPECT_NE(pool.submit(own_pid).result(), next);  // the exception was its first
}

TEST(process_pool_max_tasks, below_one_is_refused) {
  for (const int most : {0, -3}) {
    const auto refusal =
        message_of<std::invalid_argument>([&] { process_pool_executor pool({.max_tasks_per_child = most}); });
    EXPECT_THAT(refusal, AllOf(HasSubstr("max_tasks_per_child is " + std::to_string(most)), HasSubstr("1 or more")));
  }
}

// ── so much memory ──

/// Memory in use for good, without a byte of it being touched by code that a sanitizer sees.
void leak(std::size_t bytes) {
  if (::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0) == MAP_FAILED)
    throw std::runtime_error("mmap");
}

std::size_t own_memory() {
  std::ifstream statm("/proc/self/statm");
  std::size_t size = 0, resident = 0, shared = 0;
  statm >> size >> resident >> shared;
  return (resident - shared) * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

struct where_it_ran {
  pid_t pid;
  std::size_t had;
};
where_it_ran leaks(std::size_t bytes) {
  const where_it_ran here{::getpid(), own_memory()};
  leak(bytes);
  return here;
}

/// What a worker has that has done nothing yet: a few MiB, hundreds under a sanitizer.
std::size_t memory_of_a_new_worker() {
  process_pool_executor pool({.max_workers = 1});
  pool.submit(square, 1).result();
  return pool.submit(own_memory).result();
}

TEST(process_pool_memory, a_worker_that_leaks_is_replaced_at_its_limit) {
  const auto limit = memory_of_a_new_worker() + 60 * mib;
  for (const int workers : {1, 2}) {
    process_pool_executor pool({.max_workers = workers, .worker_memory_limit = limit});
    std::vector<plait::future<where_it_ran>> calls;
    for (int i = 0; i < 200; ++i) calls.push_back(pool.submit(leaks, 3 * mib));
    std::map<pid_t, int> ran;
    for (const auto& call : calls) {
      const auto& [pid, had] = call.result();
      EXPECT_LE(had, limit + 2 * mib);  // the kernel's own figure is no more exact
      ++ran[pid];
    }
    for (const auto& [pid, times] : ran) EXPECT_LE(times, 22);
    EXPECT_GE(ran.size(), 9U);
  }
}

std::vector<char> leaks_and_gives_much(std::size_t bytes) {
  leak(bytes);
  return std::vector<char>(2 * mib, 'x');
}

// The worker is gone before anybody has read what lies in its block.
TEST(process_pool_memory, the_last_result_of_such_a_worker_arrives) {
  const auto base = memory_of_a_new_worker();
  process_pool_executor pool({.max_workers = 2, .worker_memory_limit = base + 40 * mib});
  std::vector<plait::future<std::vector<char>>> calls;
  for (int i = 0; i < 20; ++i) calls.push_back(pool.submit(leaks_and_gives_much, 45 * mib));
  for (const auto& call : calls) EXPECT_EQ(call.result().size(), 2 * mib);
}

void takes(std::size_t bytes) { leak(bytes); }

TEST(process_pool_memory, a_limit_below_what_its_start_takes_replaces_it_after_each_call) {
  const auto limit = memory_of_a_new_worker() + 100 * mib;
  process_pool_executor pool({.max_workers = 1, .initializer = {takes, 110 * mib}, .worker_memory_limit = limit});
  const auto pids = pids_of_calls(pool, 4);
  EXPECT_EQ(std::set(pids.begin(), pids.end()).size(), 4U);
}

int takes_all(const std::string& gate, std::size_t bytes) {
  leak(bytes);
  pass_gate(gate);
  return 0;
}

class process_pool_memory : public testing::TestWithParam<start_method> {};
INSTANTIATE_TEST_SUITE_P(by, process_pool_memory, both_starts, name_of_start);

TEST_P(process_pool_memory, far_above_the_limit_a_running_call_is_killed_and_told_why) {
  const portable_gate gate;
  const auto limit = memory_of_a_new_worker() + 20 * mib;
  process_pool_executor pool({.max_workers = 1, .start = GetParam(), .worker_memory_limit = limit});
  const auto call = pool.submit({.name = "hog"}, takes_all, gate.path(), 2 * limit + 10 * mib);
  std::vector<plait::future<int>> others;
  for (int i = 0; i < 20; ++i) others.push_back(pool.submit(square, i));
  const auto death = death_of(call);
  EXPECT_EQ(death.signal(), SIGKILL);
  EXPECT_THAT(death.what(), AllOf(HasSubstr("\"hog\""), HasSubstr("out of memory"), HasSubstr("MiB"),
                                  HasSubstr("worker_memory_limit")));
  for (int i = 0; i < 20; ++i) EXPECT_EQ(others[static_cast<std::size_t>(i)].result(), i * i);
}

/// Puts another file where this worker reads after each call what memory it has; how many it has found there.
int owns_up_to_nothing() {
  std::vector<int> found;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code ignored;
    const auto file = std::filesystem::read_symlink(entry.path(), ignored).string();
    if (file.ends_with("/statm")) found.push_back(std::stoi(entry.path().filename()));
  }
  constexpr std::string_view nothing = "1 1 1 1 0 1 0\n";
  const int lie = ::memfd_create("plait:test", MFD_CLOEXEC);
  if (::write(lie, nothing.data(), nothing.size()) != static_cast<ssize_t>(nothing.size())) return -1;
  for (const int number : found) ::dup2(lie, number);
  return static_cast<int>(found.size());
}

TEST(process_pool_memory, of_a_worker_that_says_less_than_it_has_is_seen_from_outside) {
  const portable_gate gate;
  const auto limit = memory_of_a_new_worker() + 20 * mib;
  process_pool_executor pool({.max_workers = 1, .worker_memory_limit = limit});
  ASSERT_EQ(pool.submit(owns_up_to_nothing).result(), 1);
  const auto pid = pool.submit(own_pid).result();
  pool.submit(leak, limit).result();  // more than it may have, and less than it is killed for
  EXPECT_EQ(pool.submit(own_pid).result(), pid) << "it says so now, and is replaced";
  const auto death = death_of(pool.submit(takes_all, gate.path(), limit + 10 * mib));
  EXPECT_EQ(death.pid(), pid);
  EXPECT_THAT(death.cause(), HasSubstr("out of memory"));
  expect_next_hundred(pool);
}

TEST(process_pool_memory, an_initializer_far_above_the_limit_breaks_the_pool) {
  const recorded_reports reports;
  const portable_gate gate;
  const auto limit = memory_of_a_new_worker() + 20 * mib;
  process_pool_executor pool({.max_workers = 1,
                              .initializer = {takes_all, gate.path(), 2 * limit + 10 * mib},
                              .worker_memory_limit = limit});
  EXPECT_THAT(message_in<plait::broken_executor>(pool.submit(square, 3).exception()), HasSubstr("out of memory"));
}

// What lies in shared memory is not a worker's own.
TEST(process_pool_memory, large_arguments_do_not_count) {
  const auto limit = memory_of_a_new_worker() + (sanitized ? 1000 : 30) * mib;  // a sanitizer's notes on them do
  process_pool_executor pool({.max_workers = 1, .worker_memory_limit = limit});
  const auto pid = pool.submit(own_pid).result();
  const auto length = [](const std::vector<char>& bytes) { return bytes.size(); };
  const std::vector<char> much(40 * mib, 'x');  // once in a block, once in the argument, which goes with the call
  for (int i = 0; i < 3; ++i) EXPECT_EQ(pool.submit(length, much).result(), much.size());
  EXPECT_EQ(pool.submit(own_pid).result(), pid);
}

TEST(process_pool_memory, a_limit_of_nothing_is_refused) {
  EXPECT_THAT(message_of<std::invalid_argument>([] { process_pool_executor pool({.worker_memory_limit = 0}); }),
              HasSubstr("worker_memory_limit is 0"));
}

}  // namespace
