#include <plait/processes/internal/server_exec.hpp>
#include <plait/processes/internal/server_worker.hpp>
#include <plait/processes/internal/takeover.hpp>
#include <plait/processes/internal/worker_main.hpp>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <iostream>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

extern "C" [[gnu::weak]] void __tsan_init();

namespace plait::inline PLAIT_ABI::detail {
namespace {

constinit worker_main_function what_workers_run = worker_main;
std::span<char> command_line;
// As static constructors have left them.
struct sigaction child_action{};
struct sigaction terminate_action{};

// SIGTERM, held back in this thread: what is sent to a new worker before it has its own action waits for that.
class terminate_held_back {
 public:
  terminate_held_back() {
    sigset_t terminate;
    sigemptyset(&terminate);
    sigaddset(&terminate, SIGTERM);
    ::pthread_sigmask(SIG_BLOCK, &terminate, &before_);
  }
  ~terminate_held_back() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  terminate_held_back(const terminate_held_back&) = delete;
  terminate_held_back& operator=(const terminate_held_back&) = delete;

 private:
  sigset_t before_{};
};

// procfs counts a directory's subdirectories in its links, as file systems did of old. 1 where there is no /proc:
// then neither fork nor exec is safe, but fork works.
unsigned threads_here() {
  struct stat task{};
  if (::stat("/proc/self/task", &task) != 0 || task.st_nlink < 3) return 1;
  return static_cast<unsigned>(task.st_nlink - 2);
}

made_worker failed(int error, const char* call) {
  made_worker made;
  made.error = error;
  made.call = call;
  return made;
}

made_worker make_by_exec(std::string_view name, const std::vector<unique_fd>& descriptors) {
  exec_plan plan{
      .role = "worker", .name = std::string(name), .command_line = std::string(name), .depth = pool_depth()};
  for (const auto& descriptor : descriptors) plan.kept.push_back(descriptor.get());
  auto done = exec_self(plan);
  if (done.error != 0) return failed(done.error, done.call);
  made_worker made;
  made.pid = done.pid;
  made.pidfd = private_fd(std::move(done.pidfd));
  return made;
}

[[noreturn]] void run_forked(pid_t server, std::string_view name, std::vector<unique_fd> descriptors) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != server) ::_exit(EXIT_FAILURE);  // it died before it could have signalled
  std::vector<int> numbers;
  for (auto& descriptor : descriptors) numbers.push_back(descriptor.release());
  run_worker(name, std::move(numbers));
}

made_worker make_by_fork(std::string_view name, std::vector<unique_fd> descriptors) {
  [[maybe_unused]] static const bool prepared = (prepare_workers(), true);
  const pid_t server = ::getpid();
  pid_t pid;
  {
    const terminate_held_back here_and_there;
    pid = ::fork();  // its handlers close the server's own descriptors
    if (pid == 0) {
      ::sigaction(SIGTERM, &terminate_action, nullptr);
      ::sigaction(SIGCHLD, &child_action, nullptr);
    }
  }
  if (pid < 0) return failed(errno, "fork");
  if (pid == 0) run_forked(server, name, std::move(descriptors));
  const auto pidfd = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
  if (pidfd < 0) {
    const int error = errno;
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    return failed(error, "pidfd_open");
  }
  made_worker made;
  made.pid = pid;
  made.pidfd = private_fd(above_stdio(pidfd, "pidfd_open"));
  return made;
}

}  // namespace

worker_main_function set_worker_main(worker_main_function function) noexcept {
  return std::exchange(what_workers_run, function);
}

made_worker make_worker(const request_message& request, std::vector<unique_fd> descriptors) {
  const std::string_view name(request.name.data(), ::strnlen(request.name.data(), longest_process_name));
  if (request.how == start_method::spawn) return make_by_exec(name, descriptors);
  const unsigned threads = threads_here();
  if (threads == 1) return make_by_fork(name, std::move(descriptors));
  auto made = make_by_exec(name, descriptors);
  const bool only_of_sanitizer = __tsan_init && threads == 2;
  if (!only_of_sanitizer) made.threads = static_cast<std::uint16_t>(std::min(threads, 0xffffU));
  return made;
}

void run_worker(std::string_view name, std::vector<int> descriptors) noexcept {
  set_process_name(name);
  for (const int descriptor : descriptors) ::fcntl(descriptor, F_SETFD, FD_CLOEXEC);
  takeover().mark = nullptr;
  const int code = what_workers_run(descriptors);
  std::cout.flush();
  std::clog.flush();
  std::fflush(nullptr);
  // Not exit(): it would run what the program's statics have registered for the end of the program.
  ::_exit(code);
}

void set_process_name(std::string_view name) noexcept {
  char kernels[longest_process_name + 1] = {};
  name.substr(name.size() - std::min(name.size(), longest_process_name)).copy(kernels, longest_process_name);
  ::prctl(PR_SET_NAME, kernels);
  if (command_line.empty()) return;
  std::ranges::fill(command_line, '\0');
  name.copy(command_line.data(), command_line.size() - 1);
}

void remember_command_line(int argc, char** argv) noexcept {
  if (argc > 0) command_line = {argv[0], std::strlen(argv[0]) + 1};
}

void set_server_signals() noexcept {
  struct sigaction ours{};
  ours.sa_handler = SIG_DFL;
  ::sigaction(SIGCHLD, &ours, &child_action);
  ours.sa_handler = SIG_IGN;
  ::sigaction(SIGTERM, &ours, &terminate_action);
  // The server began with it ignored. A worker that SIGTERM can't end was not what anybody asked for.
  if (terminate_action.sa_handler == SIG_IGN) terminate_action.sa_handler = SIG_DFL;
}

}  // namespace plait::inline PLAIT_ABI::detail
