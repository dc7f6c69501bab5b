// Calls that use processes themselves: pools of their own, children that they fork.
#include <sstream>
#include <stdexcept>
#include <string>

#include "process_pool_fixture_test.hpp"

namespace {

using namespace pool_test;
using testing::HasSubstr;

/// This process and those below it that a chain of pools makes, as deep as it goes; ends with why it goes no deeper.
std::string go_down(int levels, plait::start_method how) {
  const auto here = std::to_string(::getpid()) + ' ';
  if (levels == 0) return here;
  try {
    process_pool_executor pool({.max_workers = 1, .start = how});
    return here + pool.submit(go_down, levels - 1, how).result();
  } catch (const plait::broken_executor& refusal) {
    return here + refusal.what();
  }
}

class process_pool_nested : public testing::TestWithParam<plait::start_method> {};
INSTANTIATE_TEST_SUITE_P(by, process_pool_nested, both_starts, name_of_start);

TEST_P(process_pool_nested, a_call_may_have_a_pool_of_its_own) {
  process_pool_executor pool({.max_workers = 2, .start = GetParam()});
  for (int i = 0; i < 3; ++i) {
    std::istringstream pids(pool.submit(go_down, 2, GetParam()).result());
    std::vector<pid_t> found;
    for (pid_t pid; pids >> pid;) found.push_back(pid);
    ASSERT_EQ(found.size(), 3U);
    EXPECT_NE(found[0], found[1]);
    EXPECT_NE(found[1], found[2]);
  }
}

TEST_P(process_pool_nested, deeper_than_ten_is_refused) {
  process_pool_executor pool({.max_workers = 1, .start = GetParam()});
  const auto way = pool.submit(go_down, 20, GetParam()).result();
  EXPECT_THAT(way, HasSubstr("10 pools deep"));
  std::istringstream pids(way);
  int depth = 0;
  for (pid_t pid; pids >> pid;) ++depth;
  EXPECT_EQ(depth, 10);
}

/// A pool that lives as long as its worker, with a call that runs in there; the nested worker's pid.
pid_t keep_a_pool(const std::string& gate, plait::start_method how) {
  static auto* const pool = new process_pool_executor({.max_workers = 1, .start = how});
  const auto pid = pool->submit(own_pid).result();
  static const auto* const call = new auto(pool->submit(wait_at, gate, 1));
  static_cast<void>(call);
  return pid;
}

TEST_P(process_pool_nested, the_workers_of_a_worker_die_with_it) {
  const portable_gate gate;
  process_pool_executor pool({.max_workers = 1, .start = GetParam()});
  const watched_process nested(pool.submit(keep_a_pool, gate.path(), GetParam()).result());
  gate.wait_for(1);
  death_of(pool.submit(die_by, SIGKILL));
  nested.wait_until_gone();
}

TEST_P(process_pool_nested, the_workers_of_a_worker_that_is_told_to_stop_die_with_it) {
  const portable_gate gate;
  process_pool_executor pool({.max_workers = 1, .start = GetParam()});
  const watched_process nested(pool.submit(keep_a_pool, gate.path(), GetParam()).result());
  gate.wait_for(1);
  EXPECT_TRUE(pool.shutdown());
  nested.wait_until_gone();
}

// ── fork in a call ──

/// Forks a child that comes back out of the call, as it would where somebody forgot to _exit.
int forks_and_returns(int n) {
  const pid_t child = ::fork();
  if (child < 0) return -1;
  if (child == 0) return 1'000'000;
  int status = 0;
  ::waitpid(child, &status, 0);
  return n + (status == 0 ? 0 : 1'000);
}
int forks_and_child_throws(int n) {
  const pid_t child = ::fork();
  if (child == 0) throw std::runtime_error("from the child");
  int status = 0;
  ::waitpid(child, &status, 0);
  return n;
}

TEST(process_pool_fork_in_call, a_child_that_returns_answers_nothing) {
  process_pool_executor pool({.max_workers = 1});
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(pool.submit(forks_and_returns, i).result(), i);
    EXPECT_EQ(pool.submit(forks_and_child_throws, i).result(), i);
    EXPECT_EQ(pool.submit(square, i).result(), i * i);
  }
}

std::string child_uses_pool() {
  process_pool_executor pool({.max_workers = 1});
  const auto before = pool.submit(square, 2).result();
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return "pipe2";
  const pid_t child = ::fork();
  if (child == 0) {
    const auto said = message_of<plait::broken_executor>([&] { static_cast<void>(pool.submit(square, 1)); });
    static_cast<void>(!::write(ends[1], said.data(), said.size()));
    ::_exit(0);
  }
  ::close(ends[1]);
  std::string said(1'000, '\0');
  const auto size = ::read(ends[0], said.data(), said.size());
  ::close(ends[0]);
  said.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
  ::waitpid(child, nullptr, 0);
  return std::to_string(before + pool.submit(square, 2).result()) + ' ' + said;
}

TEST(process_pool_fork_in_call, with_a_nested_pool_breaks_it_in_the_child_only) {
  process_pool_executor pool({.max_workers = 1});
  const auto said = pool.submit(child_uses_pool).result();
  EXPECT_THAT(said, testing::StartsWith("8 "));
  EXPECT_THAT(said, HasSubstr("belongs to process " + std::to_string(known_pids(pool, 1).at(0))));
}

int runs_a_program() { return std::system("exit 7"); }

TEST(process_pool_fork_in_call, a_call_may_run_programs) {
  process_pool_executor pool({.max_workers = 1});
  EXPECT_EQ(WEXITSTATUS(pool.submit(runs_a_program).result()), 7);
}

}  // namespace
