// Starting a thread fails (scenario 9): an error or a warning, no hang, and no room lost. The limit is the kernel's
// own, on threads of one user; since it does not bind root, each program of these tests gives its rights away first.
#include <plait/threads/thread_pool_executor.hpp>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <gmock/gmock.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <tests/support/expect_throw.hpp>
#include <tests/support/gate.hpp>
#include <tests/support/recorded_reports.hpp>
#include <unistd.h>

namespace {

using plait::thread_pool_executor;
using test_support::gate;
using test_support::recorded_reports;

[[noreturn]] void give_up(const char* what) {
  std::perror(what);
  std::_Exit(99);
}

/// An ordinary user, of this program alone.
void become_nobody() {
  constexpr uid_t nobody = 65534;
  if (getuid() == 0 && (setgroups(0, nullptr) != 0 || setgid(nobody) != 0 || setuid(nobody) != 0)) give_up("setuid");
}

/// From now on no thread can be started, or again as many as before.
void allow_threads(bool allowed) {
  rlimit limit{};
  if (getrlimit(RLIMIT_NPROC, &limit) != 0) give_up("getrlimit");
  limit.rlim_cur = allowed ? limit.rlim_max : 0;
  if (setrlimit(RLIMIT_NPROC, &limit) != 0) give_up("setrlimit");
}

#define EXPECT_IN_PROGRAM(condition)                                               \
  do {                                                                             \
    if (!(condition)) std::fprintf(stderr, "line %d: %s\n", __LINE__, #condition); \
  } while (false)

TEST(thread_limits, no_first_thread_is_an_error_and_later_calls_go_on) {
  const auto program = [] {
    become_nobody();
    allow_threads(false);
    thread_pool_executor pool({.max_workers = 2, .thread_name_prefix = "codec", .max_pending = 1});
    for (int i = 0; i < 3; ++i) {  // none of them takes the only room with it
      try {
        static_cast<void>(pool.submit([] {}));
        std::fputs("it was taken\n", stderr);
      } catch (const std::system_error& error) {
        EXPECT_IN_PROGRAM(error.code() == std::errc::resource_unavailable_try_again);
        EXPECT_IN_PROGRAM(
            std::string_view(error.what())
                .starts_with("plait: no thread could be started for the executor codec (pthread_create)"));
      }
    }
    EXPECT_IN_PROGRAM(pool.pending() == 0);
    EXPECT_IN_PROGRAM(pool.workers() == 0);
    EXPECT_IN_PROGRAM(pool.acquire_slot().done());
    allow_threads(true);
    EXPECT_IN_PROGRAM(pool.submit([] { return 5; }).result() == 5);
    std::_Exit(0);
  };
  EXPECT_EXIT(program(), testing::ExitedWithCode(0), testing::Eq(""));
}

TEST(thread_limits, no_further_thread_is_a_warning_and_those_that_are_there_do_the_work) {
  const auto program = [] {
    become_nobody();
    const recorded_reports reports;
    thread_pool_executor pool({.max_workers = 4, .thread_name_prefix = "codec"});
    gate started, release;
    auto running = pool.submit([&] {
      started.open();
      release.wait();
    });
    started.wait();
    allow_threads(false);
    std::vector<plait::future<int>> calls;
    for (int i = 0; i < 20; ++i) calls.push_back(pool.submit([i] { return i; }));
    EXPECT_IN_PROGRAM(recorded_reports::text().find("the executor codec could start no further thread") !=
                      std::string::npos);
    EXPECT_IN_PROGRAM(pool.workers() == 1);
    release.open();
    for (int i = 0; i < 20; ++i) EXPECT_IN_PROGRAM(calls[i].result() == i);
    allow_threads(true);
    pool.shutdown();
    std::_Exit(0);
  };
  EXPECT_EXIT(program(), testing::ExitedWithCode(0), testing::Eq(""));
}

TEST(thread_limits, no_thread_for_a_deadline_is_an_error_and_nothing_is_lost) {
  const auto program = [] {
    become_nobody();
    thread_pool_executor pool({.max_workers = 1, .max_pending = 1});
    pool.submit([] {}).result();
    allow_threads(false);
    try {
      static_cast<void>(pool.submit({.timeout = std::chrono::hours(1)}, [] {}));
      std::fputs("it was taken\n", stderr);
    } catch (const std::system_error&) {
    }
    EXPECT_IN_PROGRAM(pool.pending() == 0);
    EXPECT_IN_PROGRAM(pool.submit([] { return 5; }).result() == 5);
    allow_threads(true);
    EXPECT_IN_PROGRAM(pool.submit({.timeout = std::chrono::hours(1)}, [] { return 6; }).result() == 6);
    std::_Exit(0);
  };
  EXPECT_EXIT(program(), testing::ExitedWithCode(0), testing::Eq(""));
}

TEST(thread_limits, shutdown_that_can_not_watch_its_deadline_changes_nothing) {
  const auto program = [] {
    become_nobody();
    thread_pool_executor pool({.max_workers = 1});
    EXPECT_IN_PROGRAM(pool.submit([] { return 1; }).result() == 1);
    allow_threads(false);
    try {
      pool.shutdown(plait::shutdown_mode::cancel_pending, std::chrono::hours(1));
      EXPECT_IN_PROGRAM(pool.workers() == 0);  // the worker had ended by itself
    } catch (const std::system_error&) {
      EXPECT_IN_PROGRAM(pool.submit([] { return 2; }).result() == 2);
    }
    EXPECT_IN_PROGRAM(pool.shutdown());
    std::_Exit(0);
  };
  EXPECT_EXIT(program(), testing::ExitedWithCode(0), testing::Eq(""));
}

}  // namespace
