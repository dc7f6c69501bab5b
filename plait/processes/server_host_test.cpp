// What the program does with its processes, signals, descriptors and threads, and the worker server takes no notice
// of. Each body that ends in std::exit is a program of its own: a death test runs it in this program started anew.
#include <plait/core/errors.hpp>

#include <thread>

#include "server_fixture_test.hpp"

namespace {

using namespace server_test;
using plait::detail::server_pid;
using testing::ExitedWithCode;

/// "1" if one worker of a new session answers.
std::string answers() {
  auto session = open_session();
  return make_worker(session).ask("count");
}

void expect(bool what, int code) {
  if (!what) std::exit(code);
}

TEST(server_host, waits_for_its_own_children_only) {
  const auto program = [] {
    auto session = open_session();
    const auto worker = make_worker(session);
    expect(::waitpid(-1, nullptr, WNOHANG) == -1 && errno == ECHILD, 1);
    expect(::waitpid(-1, nullptr, WNOHANG | __WALL) == -1 && errno == ECHILD, 2);
    const auto server = pidfd_of(server_pid());
    signal_by(server, SIGKILL);
    wait_until_readable(server.get());
    expect(wait_for_event(session).what == kind::server_lost, 3);
    expect(::waitpid(-1, nullptr, WNOHANG) == -1 && errno == ECHILD, 4);
    std::exit(0);
  };
  EXPECT_EXIT(program(), ExitedWithCode(0), "");
}

volatile std::sig_atomic_t child_signals = 0;

TEST(server_host, gets_no_sigchld) {
  const auto program = [] {
    ::signal(SIGCHLD, [](int) { child_signals = child_signals + 1; });
    expect(answers() == "1", 1);
    const auto server = pidfd_of(server_pid());
    signal_by(server, SIGKILL);
    wait_until_readable(server.get());
    expect(answers() == "1", 2);
    expect(child_signals == 0, 3);
    std::exit(0);
  };
  EXPECT_EXIT(program(), ExitedWithCode(0), "");
}

TEST(server_host, ignores_sigchld) {
  const auto program = [] {
    ::signal(SIGCHLD, SIG_IGN);
    auto session = open_session();
    for (const auto how : {start_method::fork_server, start_method::spawn}) {
      make_worker(session, {.how = how}).tell("exit 5");
      const auto end = wait_for_event(session);
      expect(end.what == kind::ended && end.status.code == 5, 1);
    }
    std::exit(0);
  };
  EXPECT_EXIT(program(), ExitedWithCode(0), "");
}

TEST(server_host, blocks_all_signals) {
  const auto program = [] {
    sigset_t all;
    sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, nullptr);
    auto session = open_session();
    const auto worker = make_worker(session);
    expect(worker.ask("status SigBlk") == "0000000000000000", 1);
    sigset_t after;
    ::pthread_sigmask(SIG_SETMASK, nullptr, &after);
    expect(sigismember(&after, SIGUSR1) == 1, 2);  // the program's own mask is as it was
    signal_by(worker.started.pidfd, SIGTERM);
    expect(wait_for_event(session).status.code == SIGTERM, 3);
    std::exit(0);
  };
  EXPECT_EXIT(program(), ExitedWithCode(0), "");
}

TEST(server_host, has_closed_its_standard_streams) {
  const auto program = [] {
    for (const int stream : {STDIN_FILENO, STDOUT_FILENO}) ::close(stream);
    auto session = open_session();
    expect(session.descriptor() > STDERR_FILENO, 1);
    std::vector<test_worker> workers;  // else the end of the first may come before the second's beginning
    for (const auto how : {start_method::fork_server, start_method::spawn}) {
      const auto& worker = workers.emplace_back(make_worker(session, {.how = how}));
      expect(worker.started.pidfd.get() > STDERR_FILENO, 2);
      expect(worker.ask("descriptors") == "0 1 2 " + worker.ask("given"), 3);
      expect(worker.ask("link /proc/self/fd/1") == "/dev/null", 4);
    }
    expect(::fcntl(STDIN_FILENO, F_GETFD) < 0 && ::fcntl(STDOUT_FILENO, F_GETFD) < 0, 5);
    std::exit(0);
  };
  EXPECT_EXIT(program(), ExitedWithCode(0), "");
}

// PR_SET_PDEATHSIG follows a thread: none of the program's may be the one.
TEST(server_host, opens_the_session_on_a_thread_that_ends) {
  const auto program = [] {
    server_session session;
    test_worker first;
    std::thread([&] {
      session = open_session();
      first = make_worker(session);
    }).join();
    expect(first.ask("count") == "1", 1);
    expect(make_worker(session).ask("count") == "1", 2);
    std::exit(0);
  };
  EXPECT_EXIT(program(), ExitedWithCode(0), "");
}

TEST(server_host, opens_sessions_on_many_threads) {
  const auto program = [] {
    std::vector<std::thread> threads;
    for (int i = 0; i < 8; ++i) threads.emplace_back([] { expect(answers() == "1", 1); });
    for (auto& thread : threads) thread.join();
    std::exit(0);
  };
  EXPECT_EXIT(program(), ExitedWithCode(0), "");
}

// ---- fork in the user's code ----

TEST(server_host, a_forked_child_has_no_part_in_the_session) {
  auto session = open_session();
  const auto worker = make_worker(session);
  const pid_t child = ::fork();
  if (child == 0) {
    const bool empty = session.descriptor() == -1 && !session.next();
    bool refused = false;
    try {
      session.start({});
    } catch (const plait::invalid_state_error&) {
      refused = true;
    }
    session.close();
    ::_exit(empty && refused && server_pid() == 0 ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(worker.ask("count"), "1");
}

TEST(server_host, a_forked_child_has_a_server_of_its_own) {
  auto session = open_session();
  const auto worker = make_worker(session);
  const pid_t of_parent = server_pid();
  const pid_t child = ::fork();
  if (child == 0) ::_exit(answers() == "1" && server_pid() != of_parent && server_pid() != 0 ? 0 : 1);
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(worker.ask("count"), "1");
}

// A child that outlives the session must not hold it open.
TEST(server_host, a_forked_child_does_not_keep_the_workers_alive) {
  auto session = open_session();
  const auto worker = make_worker(session);
  auto [here, there] = make_socket_pair();
  const unique_fd held(::fcntl(there.get(), F_DUPFD_CLOEXEC, 3));  // the child's: it lives until `here` is closed
  const pid_t child = ::fork();
  if (child == 0) {
    hear_from(held.get());
    ::_exit(0);
  }
  session.close();
  wait_until_readable(worker.started.pidfd.get());
  here.reset();
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
}

// Nor one that was made behind the back of fork()'s handlers.
TEST(server_host, a_child_by_the_kernels_own_clone_does_not_keep_the_workers_alive) {
  auto session = open_session();
  const auto worker = make_worker(session);
  const auto child = static_cast<pid_t>(::syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, nullptr));
  if (child == 0) {
    ::syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);  // should the test fail
    for (;;) ::syscall(SYS_ppoll, nullptr, 0, nullptr, nullptr, 0);
  }
  ASSERT_GT(child, 0);
  session.close();
  wait_until_readable(worker.started.pidfd.get());
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
}

// ---- nesting ----

TEST(server_nesting, a_worker_may_have_workers) {
  for (const auto* how : {"nested", "nested spawn"}) {
    auto session = open_session();
    const auto worker = make_worker(session);
    // Each asks the next; the last one can't.
    EXPECT_EQ(worker.ask(how),
              "this process is a worker's worker's worker, 10 pools deep (PLAIT_DEPTH); expected at most 10");
  }
}

TEST(server_nesting, the_workers_of_a_worker_die_with_it) {
  auto session = open_session();
  const auto worker = make_worker(session);
  worker.tell("keep a nested one");
  const auto nested = pidfd_of(static_cast<pid_t>(std::stol(hear_from(worker.socket.get()))));
  signal_by(worker.started.pidfd, SIGKILL);
  wait_until_readable(nested.get());
}

}  // namespace
