// The program is killed, whatever its workers do at that time: nobody outlives it.
#include <plait/processes/internal/server_client.hpp>

#include <sstream>

#include "process_pool_programs_test.hpp"
#include "sandbox_fixture_test.hpp"

namespace {

using namespace pool_test;
using plait::start_method;

/// Two calls that run for ever and ten that wait; tells the pids of the server and of the workers.
[[noreturn]] void wait_to_be_killed(start_method start, plait::sandbox::policy sandbox = {}) {
  process_pool_executor pool({.max_workers = 2, .start = start, .sandbox = std::move(sandbox)});
  std::vector<plait::future<int>> calls;
  for (int i = 0; i < 12; ++i) calls.push_back(pool.submit(spins, i));
  for (const int runs : {0, 1})
    while (!calls[static_cast<std::size_t>(runs)].running()) std::this_thread::yield();
  std::string pids = std::to_string(plait::detail::server_pid());
  for (const auto pid : known_pids(pool, 2)) pids += ' ' + std::to_string(pid);
  program::tell(pids);
  while (true) ::pause();
}
PLAIT_PROGRAM(has_forked_workers) { wait_to_be_killed(start_method::fork_server); }
PLAIT_PROGRAM(has_executed_workers) { wait_to_be_killed(start_method::spawn); }
PLAIT_PROGRAM(has_forked_workers_in_a_sandbox) {
  wait_to_be_killed(start_method::fork_server, plait::sandbox::compute);
}
PLAIT_PROGRAM(has_executed_workers_in_a_sandbox) { wait_to_be_killed(start_method::spawn, plait::sandbox::compute); }

class process_pool_orphans : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (!std::string_view(GetParam()).ends_with("sandbox")) return;
    if (const auto why = plait::detail::why_no_filter(); !why.empty()) GTEST_SKIP() << why;
  }

  /// What the victim told of: first its server.
  std::vector<pid_t> pids() const {
    std::istringstream told(victim.hear());
    std::vector<pid_t> found;
    for (pid_t pid; told >> pid;) found.push_back(pid);
    EXPECT_EQ(found.size(), 3U);
    return found;
  }
  void kill_and_see_that_nobody_is_left(const std::vector<watched_process>& processes) {
    ::kill(victim.pid(), SIGKILL);
    for (const auto& process : processes) process.wait_until_gone();
    EXPECT_TRUE(WIFSIGNALED(victim.wait()));
    EXPECT_EQ(victim.errors(), "");
  }

  program victim{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(where_it, process_pool_orphans,
                         testing::Values("has_forked_workers", "has_executed_workers",
                                         "has_forked_workers_in_a_sandbox", "has_executed_workers_in_a_sandbox"),
                         [](const auto& info) { return std::string(info.param); });

TEST_P(process_pool_orphans, die_with_the_program) {
  std::vector<watched_process> processes;
  for (const auto pid : pids()) processes.emplace_back(pid);
  kill_and_see_that_nobody_is_left(processes);
}

/// It was sent SIGSTOP.
void wait_until_stopped(pid_t pid) {
  const auto path = "/proc/" + std::to_string(pid) + "/stat";
  for (std::string stat; stat.find(") T ") == std::string::npos; stat = contents_of(path)) std::this_thread::yield();
}

TEST_P(process_pool_orphans, die_though_they_are_stopped) {
  std::vector<watched_process> processes;
  for (const auto pid : pids()) {
    processes.emplace_back(pid);
    if (processes.size() == 1) continue;  // the server
    processes.back().signal(SIGSTOP);
    wait_until_stopped(pid);
  }
  kill_and_see_that_nobody_is_left(processes);
}

// A server that is stopped can't see that the program has ended: only once it goes on.
TEST_P(process_pool_orphans, die_once_their_stopped_server_goes_on) {
  std::vector<watched_process> processes;
  for (const auto pid : pids()) {
    processes.emplace_back(pid);
    processes.back().signal(SIGSTOP);
    wait_until_stopped(pid);
  }
  ::kill(victim.pid(), SIGKILL);
  processes.front().signal(SIGCONT);
  kill_and_see_that_nobody_is_left(processes);
}

}  // namespace
