// What a worker is: its name, its way of being started, its initializer, how long it stays without work.
#include <plait/core/thread_name.hpp>

#include <atomic>
#include <chrono>
#include <stdexcept>

#include "process_pool_fixture_test.hpp"
#include <tests/support/recorded_reports.hpp>

namespace {

using namespace std::chrono_literals;
using namespace pool_test;
using plait::broken_executor;
using plait::start_method;
using test_support::message_in;
using test_support::recorded_reports;
using testing::AllOf;
using testing::HasSubstr;

std::string own_comm() { return contents_of("/proc/self/comm"); }
std::string own_thread_name() { return plait::thread_name(); }

TEST(process_pool_workers, have_names_that_the_kernel_sees_too) {
  process_pool_executor pool({.max_workers = 2, .worker_name_prefix = "decoders"});
  EXPECT_EQ(pool.submit(own_comm).result(), "decoders_0\n");
  EXPECT_EQ(pool.submit(own_thread_name).result(), "decoders_0");
  std::vector<std::string> names;
  for (const auto pid : started_pids(pool)) names.push_back(contents_of("/proc/" + std::to_string(pid) + "/comm"));
  EXPECT_THAT(names, testing::UnorderedElementsAre("decoders_0\n", "decoders_1\n"));
}

TEST(process_pool_workers, of_a_long_name_the_kernel_sees_the_tail) {
  process_pool_executor pool({.max_workers = 1, .worker_name_prefix = "a long prefix of decoders"});
  EXPECT_EQ(pool.submit(own_comm).result(), "x of decoders_0\n");
  EXPECT_EQ(pool.submit(own_thread_name).result(), "a long prefix of decoders_0");
}

TEST(process_pool_workers, without_a_prefix_are_counted) {
  process_pool_executor pool({.max_workers = 1});
  EXPECT_THAT(pool.submit(own_thread_name).result(), testing::MatchesRegex("ProcessPoolExecutor-[0-9]+_0"));
}

TEST(process_pool_workers, a_dead_ones_name_is_given_to_the_next) {
  process_pool_executor pool({.max_workers = 1, .worker_name_prefix = "heir"});
  pool.submit(square, 1).result();
  death_of(pool.submit(leave_at_once, 1));
  EXPECT_EQ(pool.submit(own_thread_name).result(), "heir_0");
}

TEST(process_pool_workers, pids_are_those_that_run_the_calls) {
  process_pool_executor pool({.max_workers = 1});
  EXPECT_TRUE(pool.worker_pids().empty());
  const auto pid = pool.submit(own_pid).result();
  EXPECT_THAT(known_pids(pool, 1), testing::ElementsAre(pid));
  EXPECT_NE(pid, ::getpid());
  EXPECT_EQ(pool.workers(), 1);
}

// ── how they start ──

/// Set by a static constructor, changed by the test program's tests: a worker has it as it was constructed.
int constructed = 41;
int read_constructed() { return constructed; }
pid_t own_parent() { return ::getppid(); }

class process_pool_start : public testing::TestWithParam<start_method> {};
INSTANTIATE_TEST_SUITE_P(by, process_pool_start, both_starts, name_of_start);

TEST_P(process_pool_start, has_the_statics_as_constructed) {
  constructed = 42;
  process_pool_executor pool({.max_workers = 1, .start = GetParam()});
  EXPECT_EQ(pool.submit(read_constructed).result(), 41);
  EXPECT_NE(pool.submit(own_parent).result(), ::getpid());
  constructed = 41;
}

TEST_P(process_pool_start, works_dies_and_is_replaced) {
  process_pool_executor pool({.max_workers = 2, .worker_name_prefix = "either_way", .start = GetParam()});
  EXPECT_EQ(pool.submit(own_comm).result(), "either_way_0\n");
  EXPECT_EQ(death_of(pool.submit(die_by, SIGSEGV)).signal(), SIGSEGV);
  expect_next_hundred(pool);
}

std::string statics_of_stdin() { return std::filesystem::read_symlink("/proc/self/fd/0").string(); }
std::string signals_ignored() {
  const auto status = contents_of("/proc/self/status");
  const auto at = status.find("SigIgn:\t");
  return status.substr(at + 8, 16);
}

TEST_P(process_pool_start, reads_nothing_and_ignores_the_terminals_interrupt) {
  process_pool_executor pool({.max_workers = 1, .start = GetParam()});
  EXPECT_EQ(pool.submit(statics_of_stdin).result(), "/dev/null");
  const auto ignored = std::stoull(pool.submit(signals_ignored).result(), nullptr, 16);
  EXPECT_TRUE(ignored >> (SIGINT - 1) & 1);
  EXPECT_TRUE(ignored >> (SIGQUIT - 1) & 1);
  EXPECT_FALSE(ignored >> (SIGTERM - 1) & 1);
}

/// Descriptors of this process beside the standard streams that are not close-on-exec: a child program would get
/// them.
std::vector<std::string> inherited_by_programs() {
  std::vector<std::string> found;
  for (int fd = STDERR_FILENO + 1; fd < 1024; ++fd) {
    const int flags = ::fcntl(fd, F_GETFD);
    if (flags >= 0 && !(flags & FD_CLOEXEC)) found.push_back(std::to_string(fd));
  }
  return found;
}

TEST_P(process_pool_start, its_own_programs_inherit_nothing_of_ours) {
  process_pool_executor pool({.max_workers = 1, .start = GetParam()});
  EXPECT_THAT(pool.submit(inherited_by_programs).result(), testing::IsEmpty());
}

// ── the initializer ──

class process_pool_initializer : public testing::TestWithParam<start_method> {};
INSTANTIATE_TEST_SUITE_P(by, process_pool_initializer, both_starts, name_of_start);

std::atomic<int> initialized = 0;
void initialize(int by, const std::string& gate) {
  initialized += by;
  if (!gate.empty()) pass_gate(gate);
}
int read_initialized() { return initialized; }

TEST_P(process_pool_initializer, runs_once_in_each_worker_before_its_first_call) {
  const portable_gate gate;
  process_pool_executor pool({.max_workers = 2, .initializer = {initialize, 5, gate.path()}, .start = GetParam()});
  const auto first = pool.submit(read_initialized), second = pool.submit(read_initialized);
  gate.wait_for(2);
  EXPECT_FALSE(first.done());
  gate.let_through(2);
  EXPECT_EQ(first.result(), 5);
  EXPECT_EQ(second.result(), 5);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(pool.submit(read_initialized).result(), 5);
  EXPECT_EQ(initialized, 0);  // not here
}

TEST_P(process_pool_initializer, runs_in_a_replacement_too) {
  process_pool_executor pool({.max_workers = 1, .initializer = {initialize, 3, std::string()}, .start = GetParam()});
  EXPECT_EQ(pool.submit(read_initialized).result(), 3);
  death_of(pool.submit(leave_at_once, 0));
  EXPECT_EQ(pool.submit(read_initialized).result(), 3);
}

void fails_to_initialize(const std::string& gate) {
  pass_gate(gate);
  throw std::out_of_range("no such model");
}

TEST_P(process_pool_initializer, that_throws_breaks_the_pool_with_its_cause) {
  const recorded_reports reports;
  const portable_gate gate;
  process_pool_executor pool(
      {.max_workers = 2, .initializer = {fails_to_initialize, gate.path()}, .start = GetParam()});
  std::vector<plait::future<int>> calls;
  for (int i = 0; i < 20; ++i) calls.push_back(pool.submit(square, i));
  gate.wait_for(2);
  gate.let_through(2);
  for (const auto& call : calls) {
    const auto error = call.exception();
    ASSERT_TRUE(error) << "it ran in a worker without what its initializer should have made";
    EXPECT_THAT(message_in<broken_executor>(error), HasSubstr("its initializer threw"));
    try {
      std::rethrow_exception(error);
    } catch (const broken_executor& broken) {
      EXPECT_EQ(message_in<std::out_of_range>(broken.cause()), "no such model");
    }
  }
  EXPECT_THAT(message_of<broken_executor>([&] { static_cast<void>(pool.submit(square, 1)); }),
              HasSubstr("no such model"));
  EXPECT_TRUE(pool.shutdown());
  EXPECT_EQ(pool.workers(), 0);
  EXPECT_THAT(reports.text(), HasSubstr("no such model"));
}

void crashes_in_initializer(const std::string& traces) {
  std::ofstream(traces + "/" + std::to_string(::getpid()));
  die_by(SIGKILL);
}

TEST_P(process_pool_initializer, that_crashes_breaks_the_pool_after_few_workers) {
  for (const int workers : {1, 3}) {
    const recorded_reports reports;
    const portable_gate folder;
    const auto before = std::distance(std::filesystem::directory_iterator(folder.path()), {});
    process_pool_executor pool(
        {.max_workers = workers, .initializer = {crashes_in_initializer, folder.path()}, .start = GetParam()});
    std::vector<plait::future<int>> calls;
    try {
      for (int i = 0; i < 10; ++i) calls.push_back(pool.submit(square, i));
    } catch (const broken_executor&) {  // so soon
    }
    for (const auto& call : calls) EXPECT_THAT(message_in<broken_executor>(call.exception()), HasSubstr("SIGKILL"));
    EXPECT_TRUE(pool.shutdown());
    EXPECT_EQ(pool.workers(), 0);
    const auto tried = std::distance(std::filesystem::directory_iterator(folder.path()), {}) - before;
    EXPECT_GE(tried, 3);
    EXPECT_LE(tried, 3 + workers);
    EXPECT_THAT(reports.text(), HasSubstr("died before they were ready"));
  }
}

/// Crashes in the first two workers only.
void crashes_twice(const std::string& traces) {
  const auto lives = std::distance(std::filesystem::directory_iterator(traces), {});
  std::ofstream(traces + "/" + std::to_string(::getpid()));
  if (lives < 4) die_by(SIGKILL);  // two are the gate's own
}

TEST_P(process_pool_initializer, that_crashes_now_and_then_costs_no_call) {
  const portable_gate folder;
  process_pool_executor pool({.max_workers = 1, .initializer = {crashes_twice, folder.path()}, .start = GetParam()});
  EXPECT_EQ(pool.submit(square, 3).result(), 9);
}

TEST_P(process_pool_initializer, that_leaves_the_process_is_a_crash) {
  const recorded_reports reports;
  process_pool_executor pool({.max_workers = 1, .initializer = {leave_at_once, 0}, .start = GetParam()});
  EXPECT_THAT(message_in<broken_executor>(pool.submit(square, 1).exception()), HasSubstr("left by exit code 0"));
}

TEST_P(process_pool_initializer, is_not_ended_by_the_deadline_of_a_call_that_waits_for_it) {
  const portable_gate gate;
  process_pool_executor pool({.max_workers = 1, .initializer = {initialize, 1, gate.path()}, .start = GetParam()});
  const auto late = pool.submit({.timeout = 1ms}, own_pid), waits = pool.submit(own_pid);
  gate.wait_for(1);
  const auto pid = known_pids(pool, 1).at(0);
  EXPECT_THROW(late.result(), plait::timeout_error);
  EXPECT_FALSE(waits.done());
  gate.let_through(2);  // another that took its place would pass as well
  EXPECT_EQ(waits.result(), pid);
}

TEST_P(process_pool_initializer, that_hangs_is_killed_with_the_pool) {
  const portable_gate gate;
  process_pool_executor pool({.max_workers = 1, .initializer = {initialize, 1, gate.path()}, .start = GetParam()});
  const auto sent = pool.submit(square, 2), waits = pool.submit(square, 3);
  gate.wait_for(1);
  EXPECT_TRUE(pool.shutdown(plait::shutdown_mode::kill));
  EXPECT_TRUE(sent.cancelled());
  EXPECT_TRUE(waits.cancelled());
}

TEST(process_pool_initializer, that_throws_is_told_to_who_waits_for_room) {
  const recorded_reports reports;
  const portable_gate gate;
  process_pool_executor pool({.max_workers = 1, .initializer = {fails_to_initialize, gate.path()}, .max_pending = 1});
  std::vector<plait::future<int>> calls;
  while (auto call = pool.try_submit(square, 1)) calls.push_back(*call);
  auto room = pool.acquire_slot();
  gate.wait_for(1);
  gate.let_through(1);
  EXPECT_THAT(message_in<broken_executor>(room.exception()), HasSubstr("no such model"));
  for (const auto& call : calls)
    EXPECT_THAT(message_in<broken_executor>(call.exception()), HasSubstr("no such model"));
}

// ── idle ones ──

class process_pool_idle : public testing::TestWithParam<start_method> {};
INSTANTIATE_TEST_SUITE_P(by, process_pool_idle, both_starts, name_of_start);

TEST_P(process_pool_idle, ends_after_its_time_and_is_replaced_when_needed) {
  process_pool_executor pool({.max_workers = 1, .idle_timeout = 0s, .start = GetParam()});
  for (int i = 0; i < 5; ++i) {
    const auto pid = pool.submit(own_pid).result();
    // It ends, or has: where its pid is nobody's any more there is nothing to wait for.
    const int pidfd = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
    if (pidfd < 0) continue;
    pollfd polled{pidfd, POLLIN, 0};
    ::poll(&polled, 1, -1);
    ::close(pidfd);
  }
}

TEST_P(process_pool_idle, racing_with_submit_loses_no_call) {
  process_pool_executor pool({.max_workers = 2, .idle_timeout = 0s, .start = GetParam()});
  for (int i = 0; i < (sanitized ? 50 : 300); ++i) EXPECT_EQ(pool.submit(square, i).result(), i * i);
}

TEST_P(process_pool_idle, one_that_runs_a_call_stays) {
  const portable_gate gate;
  process_pool_executor pool({.max_workers = 2, .idle_timeout = 1ms, .start = GetParam()});
  const auto runs = pool.submit(wait_at, gate.path(), 1);
  gate.wait_for(1);
  const auto brief = pool.submit(own_pid).result();
  const int pidfd = static_cast<int>(::syscall(SYS_pidfd_open, brief, 0));
  if (pidfd >= 0) {
    pollfd polled{pidfd, POLLIN, 0};
    ::poll(&polled, 1, -1);  // idle for longer than a millisecond: gone
    ::close(pidfd);
  }
  gate.let_through(1);
  EXPECT_EQ(runs.result(), 1);
}

}  // namespace
