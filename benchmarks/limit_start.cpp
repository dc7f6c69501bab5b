// What it costs at least until each of a pool's workers has answered. The program is not forked, since that costs
// what it holds: it starts itself again by posix_spawn, as a server that then forks the workers, or as each of the
// workers.
#include <array>
#include <csignal>
#include <cstring>
#include <memory>
#include <string>

#include "benchmarks/limit_processes.hpp"
#include "benchmarks/measure_processes.hpp"
#include <fcntl.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

namespace bench::limit {
namespace {

constexpr auto as_server = "--server";
constexpr auto as_worker = "--worker";
constexpr int inherited = 3;  // the descriptor that a started process gets

[[noreturn]] void fail(const char* what) { throw std::system_error(errno, std::generic_category(), what); }

[[noreturn]] void answer_and_wait(int to) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  const char here = 1;
  if (write(to, &here, 1) != 1) _exit(EXIT_FAILURE);
  for (;;) pause();
}

// For each byte that comes a worker is forked, which answers where the byte came from.
[[noreturn]] void serve() {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  std::array<char, 64> wanted{};
  for (ssize_t n = 0; (n = read(inherited, wanted.data(), wanted.size())) > 0;) {
    for (; n > 0; --n) {
      const pid_t pid = fork();
      if (pid == 0) answer_and_wait(inherited);
      if (pid < 0) _exit(EXIT_FAILURE);
    }
  }
  _exit(EXIT_SUCCESS);  // its workers die with it
}

// This program once more, with `socket` as its descriptor.
pid_t start_again(const char* role, int socket) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, socket, inherited);
  std::string program = "/proc/self/exe";
  std::string word = role;
  char* const argv[] = {program.data(), word.data(), nullptr};
  pid_t pid = 0;
  errno = posix_spawn(&pid, program.c_str(), &actions, nullptr, argv, environ);
  posix_spawn_file_actions_destroy(&actions);
  if (errno != 0) fail("posix_spawn");
  return pid;
}

struct socket_pair {
  std::array<int, 2> ends{};
  socket_pair() {
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) fail("socketpair");
    // What dup2 makes of it in a started process must be another descriptor, or it would not outlive exec.
    for (auto& end : ends) {
      const int higher = fcntl(end, F_DUPFD_CLOEXEC, inherited + 1);
      if (higher < 0) fail("fcntl");
      close(end);
      end = higher;
    }
  }
  ~socket_pair() {
    for (const auto end : ends) close(end);
  }
  socket_pair(const socket_pair&) = delete;
  socket_pair& operator=(const socket_pair&) = delete;
};

// Processes that this one started: killed and waited for at its end.
class started {
 public:
  void add(const char* role) { pids_.push_back(start_again(role, sockets_.ends[1])); }
  started() = default;
  ~started() {
    for (const auto pid : pids_) kill(pid, SIGKILL);
    for (const auto pid : pids_) waitpid(pid, nullptr, 0);
  }
  started(const started&) = delete;
  started& operator=(const started&) = delete;

  void ask_for(std::uint64_t workers) const {
    const std::string wanted(workers, 'w');
    if (write(sockets_.ends[0], wanted.data(), wanted.size()) != static_cast<ssize_t>(wanted.size())) fail("write");
  }
  void wait_for_answers(std::uint64_t workers) const {
    std::array<char, 64> answers{};
    while (workers > 0) {
      const auto n = read(sockets_.ends[0], answers.data(), std::min<std::uint64_t>(answers.size(), workers));
      if (n <= 0) fail("read");
      workers -= static_cast<std::uint64_t>(n);
    }
  }

 private:
  socket_pair sockets_;
  std::vector<pid_t> pids_;
};

}  // namespace

void become_started(int argc, char** argv) {
  if (argc != 2) return;
  if (std::string_view(argv[1]) == as_server) serve();
  if (std::string_view(argv[1]) == as_worker) answer_and_wait(inherited);
}

void start(const arguments& a) {
  started server;
  bool is_there = false;
  measure_start(a[1], [&] {
    if (!std::exchange(is_there, true)) server.add(as_server);
    server.ask_for(a[0]);
    server.wait_for_answers(a[0]);
    return nullptr;
  });
}

void start_spawn(const arguments& a) {
  measure_start(a[1], [&] {
    auto workers = std::make_unique<started>();
    for (std::uint64_t i = 0; i < a[0]; ++i) workers->add(as_worker);
    workers->wait_for_answers(a[0]);
    return workers;
  });
}

void start_big(const arguments& a) {
  const touched_memory held(a[2]);
  start(a);
}

}  // namespace bench::limit
