// A program with workers, as programs_test.cpp starts it in one way or another. What it does is its argument.
#include <plait/core/errors.hpp>
#include <plait/processes/internal/server_client.hpp>
#include <plait/processes/internal/worker_main.hpp>
#include <plait/processes/worker_entry.hpp>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <initializer_list>
#include <string_view>

#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <tests/support/refuse.hpp>

using plait::start_method;
using plait::detail::open_session;
using plait::detail::private_fd;
using plait::detail::server_event;
using plait::detail::server_session;
using test_support::refuse;
using kind = server_event::kind;

// This program's own worker, in the place of the pool's: it lives as long as its socket, and exits with what it is
// sent.
int plait::detail::worker_main(std::span<const int> descriptors) noexcept {
  char code = 0;
  return ::recv(descriptors[0], &code, 1, 0) == 1 ? code : EXIT_FAILURE;
}
void plait::detail::prepare_workers() noexcept {}

namespace {

server_event wait_for_event(server_session& session) {
  while (true) {
    if (auto event = session.next()) return std::move(*event);
    pollfd polled{session.descriptor(), POLLIN, 0};
    ::poll(&polled, 1, -1);
  }
}

struct worker {
  server_event started;
  private_fd socket;
};

worker start(server_session& session, start_method how) {
  auto [ours, theirs] = plait::detail::make_socket_pair();
  session.start({.name = "worker", .how = how, .descriptors = {theirs.get()}});
  theirs.reset();
  return {wait_for_event(session), std::move(ours)};
}

/// Starts a worker, lets it exit with 5, and says how that went.
void try_worker(server_session& session, start_method how) {
  const auto worker = start(session, how);
  if (worker.started.what == kind::server_lost) {
    std::printf("server lost\n");
  } else if (worker.started.what != kind::started) {
    std::printf("%s: %s\n", worker.started.call.c_str(), std::strerror(worker.started.error));
  } else {
    static_cast<void>(::send(worker.socket.get(), "\5", 1, MSG_NOSIGNAL));
    std::printf("exited %d\n", wait_for_event(session).status.code);
  }
}

int work() {
  auto session = open_session();
  for (const auto how : {start_method::fork_server, start_method::spawn}) try_worker(session, how);
  return EXIT_SUCCESS;
}

/// Once whoever started it says so.
int work_later() {
  std::puts("waiting");
  std::fflush(stdout);
  std::getchar();
  return work();
}

/// Tells the pids of the server and of two workers; then `then()`, which does not return.
template <class Then> int serve(Then then) {
  auto session = open_session();
  const auto forked = start(session, start_method::fork_server);
  const auto spawned = start(session, start_method::spawn);
  std::printf("%d %d %d\n", plait::detail::server_pid(), forked.started.pid, spawned.started.pid);
  std::fflush(stdout);
  then();
  return EXIT_FAILURE;
}

void wait_for_ever() {
  while (true) ::pause();
}

/// A child that has all the program's descriptors, since it is made past fork()'s handlers, and outlives it.
void wait_with_child() {
  const auto child = ::syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, nullptr);
  if (child != 0) {
    std::printf("%ld\n", child);
    std::fflush(stdout);
  }
  wait_for_ever();
}

void become_another_program() {
  std::getchar();
  ::execlp("sleep", "sleep", "infinity", nullptr);
  std::perror("execlp sleep");
}

/// The server can't fork, as at the limit of processes. exec (by vfork) works.
int work_without_fork() { return refuse(SYS_clone, EAGAIN, CLONE_VM) ? work() : EXIT_FAILURE; }

int work_without_exec() {
  if (!refuse(SYS_execve, EACCES)) return EXIT_FAILURE;
  work();
  return EXIT_SUCCESS;
}

/// A program that the orphans of its descendants become children of: the server too. A lost one is no zombie.
int reap_orphans() {
  ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  work();
  auto lost = open_session();
  const pid_t pid = plait::detail::server_pid();
  ::kill(pid, SIGKILL);
  while (wait_for_event(lost).what != kind::server_lost) {
  }
  work();
  std::printf("%s\n", ::kill(pid, 0) == 0 ? "a zombie" : "reaped");
  return EXIT_SUCCESS;
}

// Where the test says so, a static constructor starts workers: they run it as well.
const bool by_constructor = [] {
  if (!std::getenv("HOST_STARTS_WORKERS_IN_CONSTRUCTOR")) return false;
  work();
  return true;
}();

int run(std::string_view what) {
  if (what == "why") return std::puts(plait::detail::why_cannot_start_workers().c_str()), EXIT_SUCCESS;
  if (what == "work") return work();
  if (what == "work-later") return work_later();
  if (what == "serve") return serve(wait_for_ever);
  if (what == "serve-with-child") return serve(wait_with_child);
  if (what == "serve-then-exec") return serve(become_another_program);
  if (what == "work-without-fork") return work_without_fork();
  if (what == "work-without-exec") return work_without_exec();
  if (what == "reap-orphans") return reap_orphans();
  std::fprintf(stderr, "host_program: what is \"%.*s\"?\n", static_cast<int>(what.size()), what.data());
  return EXIT_FAILURE;
}

}  // namespace

int main(int argc, char** argv) {
#if defined(HOST_CALLS_WORKER_ENTRY)
  plait::worker_entry(argc, argv);
#endif
  try {
    return run(argc > 1 ? argv[1] : "");
  } catch (const std::exception& error) {
    std::printf("%s\n", error.what());
    return EXIT_FAILURE;
  }
}
