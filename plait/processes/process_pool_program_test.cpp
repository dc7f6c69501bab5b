// The program leaves, in each way that it may, with pools that still have calls: no worker outlives it. (That it is
// killed: process_pool_orphans_test.cpp.) And what it does with its threads, signals, children and streams.
#include <plait/loop/event_loop.hpp>
#include <plait/observe/log.hpp>

#include <atomic>
#include <memory>
#include <thread>

#include "process_pool_fixture_test.hpp"
#include "process_pool_programs_test.hpp"
#include <sys/time.h>

namespace {

using namespace pool_test;

/// A pool that nobody ever destroys.
process_pool_executor& everlasting(int workers) {
  static auto* const pool = new process_pool_executor({.max_workers = workers});
  return *pool;
}

/// Two calls that run for ever and ten that wait.
void keep_busy(process_pool_executor& pool) {
  static const auto* const gate = new portable_gate;
  static auto* const calls = new std::vector<plait::future<int>>;
  for (int i = 0; i < 12; ++i) calls->push_back(pool.submit(wait_at, gate->path(), i));
  gate->wait_for(2);
  std::error_code ignored;
  std::filesystem::remove_all(gate->path(), ignored);  // the pipes live on
}

// ── the program leaves ──

PLAIT_PROGRAM(leaves_with_idle_workers) {
  everlasting(2).submit(square, 3).result();
  std::exit(0);
}

PLAIT_PROGRAM(leaves_with_calls_that_run_and_wait) {
  keep_busy(everlasting(2));
  std::exit(0);
}

PLAIT_PROGRAM(leaves_with_a_static_pool) {
  static process_pool_executor pool({.max_workers = 2});
  for (int i = 0; i < 10; ++i) static_cast<void>(pool.submit(square, i));
  std::exit(0);  // its destructor drains
}

PLAIT_PROGRAM(leaves_on_a_loop) {
  auto& pool = everlasting(2);
  plait::event_loop loop;
  loop.call_soon([&] {
    keep_busy(pool);
    std::exit(0);
  });
  loop.run_forever();
}

PLAIT_PROGRAM(leaves_by_quick_exit) {
  keep_busy(everlasting(2));
  ::_exit(0);
}

class process_pool_program_end : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(when_it, process_pool_program_end,
                         testing::Values("leaves_with_idle_workers", "leaves_with_calls_that_run_and_wait",
                                         "leaves_with_a_static_pool", "leaves_on_a_loop", "leaves_by_quick_exit"),
                         [](const auto& info) { return std::string(info.param); });

TEST_P(process_pool_program_end, is_clean) {
  program leaving(GetParam());
  expect_clean_end(leaving);
}

struct submits_at_the_end {
  process_pool_executor* pool = nullptr;
  ~submits_at_the_end() {
    if (!pool) return;
    program::tell(message_of<plait::shut_down_error>([&] { static_cast<void>(pool->submit(square, 1)); }));
  }
};
submits_at_the_end last_wish;  // made before any pool, so it goes after what the program's end does to them

PLAIT_PROGRAM(submits_from_a_static_destructor) {
  last_wish.pool = &everlasting(1);
  everlasting(1).submit(square, 1).result();
  std::exit(0);
}

TEST(process_pool_program, submit_from_a_static_destructor_is_refused) {
  program late("submits_from_a_static_destructor");
  EXPECT_EQ(late.hear(), "plait: submit while the program is leaving");
  expect_clean_end(late);
}

struct makes_a_pool_at_the_end {
  bool wanted = false;
  ~makes_a_pool_at_the_end() {
    if (!wanted) return;
    process_pool_executor pool({.max_workers = 1});
    program::tell(message_of<plait::shut_down_error>([&] { static_cast<void>(pool.submit(square, 1)); }));
  }
};
makes_a_pool_at_the_end last_pool;

PLAIT_PROGRAM(makes_a_pool_in_a_static_destructor) {
  last_pool.wanted = true;
  everlasting(1).submit(square, 1).result();
  std::exit(0);
}

TEST(process_pool_program, a_pool_of_a_static_destructor_takes_nothing) {
  program late("makes_a_pool_in_a_static_destructor");
  EXPECT_EQ(late.hear(), "plait: submit while the program is leaving");
  expect_clean_end(late);
}

// ── the program has threads ──

// Were workers forked from the program itself, sooner or later one would inherit a lock that nobody opens.
PLAIT_PROGRAM(has_threads_that_hold_locks) {
  plait::basic_config({.level = spdlog::level::critical});
  static std::atomic<bool> over{false};
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; ++i)
    threads.emplace_back([] {
      while (!over) ::free(::malloc(100'000));
    });
  threads.emplace_back([] {
    const auto log = plait::get_logger("busy");
    while (!over) log->info("{}", std::string(100, 'x'));
  });
  for (int round = 0; round < (sanitized ? 5 : 20); ++round) {
    process_pool_executor pool({.max_workers = 4});
    std::vector<plait::future<int>> calls;
    for (int i = 0; i < 8; ++i)
      calls.push_back(pool.submit(
          [](int n) {
            plait::get_logger("call")->info("{}", n);
            return static_cast<int>(std::string(static_cast<std::size_t>(n) * 10'000, 'y').size());
          },
          i));
    for (int i = 0; i < 8; ++i) program::require(calls[static_cast<std::size_t>(i)].result() == i * 10'000);
  }
  over = true;
  for (auto& thread : threads) thread.join();
  std::exit(0);
}

TEST(process_pool_program, with_threads_that_hold_locks_has_workers_that_do_not_hang) {
  program busy("has_threads_that_hold_locks");
  expect_clean_end(busy);
}

TEST(process_pool_program, made_on_a_thread_that_ends) {
  std::unique_ptr<process_pool_executor> pool;
  std::thread([&] {
    pool = std::make_unique<process_pool_executor>(plait::process_pool_options{.max_workers = 2});
    pool->submit(square, 1).result();
  }).join();
  expect_next_hundred(*pool);
  EXPECT_EQ(started_pids(*pool).size(), 2U);
}

// ── the program's children, signals and streams ──

PLAIT_PROGRAM(waits_for_any_child) {
  std::atomic<bool> over{false};
  std::atomic<int> reaped{0};
  std::thread reaper([&] {
    while (!over)
      if (::waitpid(-1, nullptr, WNOHANG) > 0) ++reaped;
  });
  {
    process_pool_executor pool({.max_workers = 2});
    program::require(pool.submit(square, 3).result() == 9);
    program::require(death_of(pool.submit(leave_at_once, 5)).exit_code() == 5, 2);
    program::require(pool.submit(square, 3).result() == 9, 3);
  }
  over = true;
  reaper.join();
  program::require(reaped == 0, 4);
  std::exit(0);
}

PLAIT_PROGRAM(ignores_sigchld) {
  ::signal(SIGCHLD, SIG_IGN);
  process_pool_executor pool({.max_workers = 2});
  program::require(death_of(pool.submit(leave_at_once, 5)).exit_code() == 5);
  program::require(pool.submit(square, 3).result() == 9, 2);
  program::require(pool.shutdown(), 3);
  std::exit(0);
}

PLAIT_PROGRAM(has_closed_stdin_and_stdout) {
  ::close(STDIN_FILENO);
  ::close(STDOUT_FILENO);
  {
    process_pool_executor pool({.max_workers = 2});
    program::require(pool.submit(square, 3).result() == 9);
    // What a worker prints reaches nobody, and nothing of plait's.
    program::require(pool.submit([] { return std::printf("lost") + std::fflush(stdout); }).result() == 4, 2);
    program::require(::fcntl(STDIN_FILENO, F_GETFD) < 0 && ::fcntl(STDOUT_FILENO, F_GETFD) < 0, 3);
  }
  ::_exit(0);
}

PLAIT_PROGRAM(has_closed_stderr) {
  ::close(STDERR_FILENO);
  {
    process_pool_executor pool({.max_workers = 2});
    program::require(pool.submit(square, 3).result() == 9);
    const auto noisy = [] {
      std::fprintf(stderr, "a line\n");
      plait::get_logger("call")->error("another");
      return 1;
    };
    program::require(pool.submit(noisy).result() == 1, 2);
    program::require(death_of(pool.submit(leave_at_once, 5)).exit_code() == 5, 3);
    program::require(::fcntl(STDERR_FILENO, F_GETFD) < 0, 5);
  }
  ::_exit(0);
}

PLAIT_PROGRAM(forks_children_of_its_own) {
  process_pool_executor pool({.max_workers = 2});
  program::require(pool.submit(square, 3).result() == 9);
  for (int i = 0; i < 10; ++i) {
    const pid_t child = ::fork();
    if (child == 0) ::_exit(i);
    const auto call = pool.submit(square, i);
    int status = 0;
    program::require(::waitpid(child, &status, 0) == child && WEXITSTATUS(status) == i, 2);
    program::require(call.result() == i * i, 3);
  }
  program::require(pool.shutdown(), 4);
  std::exit(0);
}

// A signal whose handler interrupts all that can be interrupted.
PLAIT_PROGRAM(is_interrupted_by_signals) {
  struct sigaction nothing{};
  nothing.sa_handler = [](int) {};
  ::sigaction(SIGALRM, &nothing, nullptr);
  const itimerval often{{0, 500}, {0, 500}};
  ::setitimer(ITIMER_REAL, &often, nullptr);
  for (int round = 0; round < 5; ++round) {
    process_pool_executor pool({.max_workers = 2});
    for (int i = 0; i < 100; ++i) program::require(pool.submit(square, i).result() == i * i);
    program::require(death_of(pool.submit(leave_at_once, 5)).exit_code() == 5, 2);
  }
  std::exit(0);
}

class process_pool_host : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(that, process_pool_host,
                         testing::Values("waits_for_any_child", "ignores_sigchld", "has_closed_stdin_and_stdout",
                                         "has_closed_stderr", "forks_children_of_its_own",
                                         "is_interrupted_by_signals"),
                         [](const auto& info) { return std::string(info.param); });

TEST_P(process_pool_host, disturbs_nothing) {
  program host(GetParam());
  expect_clean_end(host);
}

}  // namespace
