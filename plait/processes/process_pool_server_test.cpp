// What the pool's processes hang on: the worker server is killed; the program is a forked child.
#include <plait/processes/internal/server_client.hpp>

#include <memory>

#include "process_pool_fixture_test.hpp"
#include "process_pool_programs_test.hpp"
#include <sys/prctl.h>

namespace {

using namespace pool_test;
using plait::detail::server_pid;
using testing::HasSubstr;

// ── the worker server is killed ──

void kill_server() {
  const watched_process server(server_pid());
  server.signal(SIGKILL);
  server.wait_until_gone();
}

class process_pool_server : public testing::TestWithParam<plait::start_method> {};
INSTANTIATE_TEST_SUITE_P(by, process_pool_server, both_starts, name_of_start);

TEST_P(process_pool_server, killed_costs_what_runs_and_nothing_that_waits) {
  const portable_gate gate;
  process_pool_executor pool({.max_workers = 2, .start = GetParam()});
  std::vector<plait::future<int>> running, waiting;
  for (int i = 0; i < 2; ++i) running.push_back(pool.submit(wait_at, gate.path(), i));
  gate.wait_for(2);
  known_pids(pool, 2);
  for (int i = 0; i < 20; ++i) waiting.push_back(pool.submit(square, i));
  kill_server();
  for (const auto& call : running) {
    const auto death = death_of(call);
    EXPECT_THAT(death.what(), HasSubstr("the server of the worker processes died"));
    EXPECT_NE(death.pid(), 0);
  }
  for (int i = 0; i < 20; ++i) EXPECT_EQ(waiting[static_cast<std::size_t>(i)].result(), i * i);
  expect_next_hundred(pool);
}

TEST(process_pool_server, killed_while_all_are_idle_is_not_noticed) {
  process_pool_executor pool({.max_workers = 2}), other({.max_workers = 1});
  for (int round = 0; round < 3; ++round) {
    started_pids(pool);
    started_pids(other);
    kill_server();
    expect_next_hundred(pool);
    expect_next_hundred(other);
  }
}

TEST(process_pool_server, killed_while_workers_start_costs_nothing) {
  const portable_gate gate;
  process_pool_executor pool({.max_workers = 4, .initializer = {pass_gate, gate.path()}});
  std::vector<plait::future<int>> calls;
  for (int i = 0; i < 20; ++i) calls.push_back(pool.submit(square, i));
  gate.wait_for(4);
  known_pids(pool, 4);
  kill_server();
  gate.let_through(100);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(calls[static_cast<std::size_t>(i)].result(), i * i);
}

TEST(process_pool_server, killed_just_before_the_end) {
  for (const auto mode :
       {plait::shutdown_mode::drain, plait::shutdown_mode::cancel_pending, plait::shutdown_mode::kill}) {
    process_pool_executor pool({.max_workers = 2});
    started_pids(pool);
    kill_server();
    EXPECT_TRUE(pool.shutdown(mode));
  }
}

// What dies with the server is not the call's doing: a call is run again as often as it is retried.
TEST(process_pool_server, killed_under_a_call_again_and_again_is_not_put_down_to_the_call) {
  const portable_gate gate;
  process_pool_executor pool({.max_workers = 1});
  const auto call = pool.submit({.retries = 9, .retry_on = plait::retry_on<worker_died>}, wait_at, gate.path(), 7);
  for (int round = 0; round < 5; ++round) {  // blamed, it would not run a fourth time
    gate.wait_for(1);
    const watched_process worker(known_pids(pool, 1).at(0));
    kill_server();
    worker.wait_until_gone();
  }
  gate.wait_for(1);
  gate.let_through(1);
  EXPECT_EQ(call.result(), 7);
  expect_next_hundred(pool);
}

// As pid 1 of a container does; elsewhere somebody else reaps them.
TEST(process_pool_server, killed_leaves_no_zombies_to_who_gets_orphans) {
  ASSERT_EQ(::prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
  if (server_pid() != 0) kill_server();  // that of a test before: nobody's child
  for (int round = 0; round < 5; ++round) {
    process_pool_executor pool({.max_workers = 3});
    started_pids(pool);
    kill_server();
    expect_next_hundred(pool);
  }
  siginfo_t ended{};
  EXPECT_EQ(::waitid(P_ALL, 0, &ended, WEXITED | WNOHANG | WNOWAIT), 0) << "the server that lives is a child";
  EXPECT_EQ(ended.si_pid, 0) << "a zombie";
  ::prctl(PR_SET_CHILD_SUBREAPER, 0);
}

// ── a forked child ──

TEST(process_pool_fork, in_the_child_the_pool_is_broken_and_does_nothing) {
  const portable_gate gate;
  auto pool = std::make_unique<process_pool_executor>(plait::process_pool_options{.max_workers = 1});
  const auto call = pool->submit(wait_at, gate.path(), 7);
  gate.wait_for(1);
  const auto parent = std::to_string(::getpid());
  const pid_t child = ::fork();
  ASSERT_NE(child, -1);
  if (child == 0) {
    int faults = 0;
    const auto refusal = message_of<plait::broken_executor>([&] { static_cast<void>(pool->submit(square, 1)); });
    if (refusal.find("belongs to process " + parent) == refusal.npos) faults |= 1;
    if (pool->workers() != 0 || !pool->worker_pids().empty() || pool->pending() != 0) faults |= 2;
    if (!pool->shutdown(plait::shutdown_mode::kill)) faults |= 4;
    if (call.cancel() != plait::cancel_outcome::abandoned) faults |= 8;
    pool.reset();
    ::_exit(faults);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0) << WEXITSTATUS(status);
  gate.let_through(1);
  EXPECT_EQ(call.result(), 7);
  expect_next_hundred(*pool);
}

PLAIT_PROGRAM(makes_a_pool_in_a_forked_child) {
  process_pool_executor pool({.max_workers = 1});
  const auto pid = pool.submit(own_pid).result();
  const pid_t child = ::fork();
  if (child == 0) {
    {
      process_pool_executor own({.max_workers = 1});
      program::require(own.submit(own_pid).result() != pid);
      program::require(own.submit(square, 3).result() == 9, 2);
    }
    ::_exit(0);  // exit() would end GoogleTest's watchdog, whose thread is the parent's
  }
  int status = 0;
  program::require(::waitpid(child, &status, 0) == child && status == 0, 3);
  program::require(pool.submit(own_pid).result() == pid, 4);
  program::require(pool.shutdown(), 5);
  std::exit(0);
}

#if !defined(__SANITIZE_THREAD__)  // it ends forked children that start threads
TEST(process_pool_fork, a_child_may_make_a_pool_of_its_own) {
  program forking("makes_a_pool_in_a_forked_child");
  expect_clean_end(forking);
}
#endif

}  // namespace
