#include "benchmarks/driver/child.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstring>
#include <sstream>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace bench {
namespace {

[[noreturn]] void fail(const char* call) { throw std::system_error(errno, std::generic_category(), call); }

class descriptor {
 public:
  descriptor(int fd, const char* call) : fd_(fd) {
    if (fd_ < 0) fail(call);
  }
  ~descriptor() { close(fd_); }
  descriptor(const descriptor&) = delete;
  descriptor& operator=(const descriptor&) = delete;
  int get() const noexcept { return fd_; }

 private:
  int fd_;
};

// A file in memory that stands for a stream of the child: no pipe that has to be filled or emptied while it runs.
class stream_in_memory {
 public:
  explicit stream_in_memory(const char* name) : file_(memfd_create(name, MFD_CLOEXEC), "memfd_create") {}
  int fd() const noexcept { return file_.get(); }

  // For the child to read from the start.
  void put(const std::string& text) const {
    for (std::size_t done = 0; done < text.size();) {
      const ssize_t n = pwrite(file_.get(), text.data() + done, text.size() - done, static_cast<off_t>(done));
      if (n < 0) fail("pwrite");
      done += static_cast<std::size_t>(n);
    }
  }

  std::string text() const {
    std::string text;
    std::array<char, 4096> part{};
    ssize_t n = 0;
    while ((n = pread(file_.get(), part.data(), part.size(), static_cast<off_t>(text.size()))) > 0)
      text.append(part.data(), static_cast<std::size_t>(n));
    return text;
  }

 private:
  descriptor file_;
};

bool confine_to_first_core() {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return false;
  int first = 0;
  while (!CPU_ISSET(first, &allowed)) ++first;  // a thread may always use some core
  CPU_ZERO(&allowed);
  CPU_SET(first, &allowed);
  return sched_setaffinity(0, sizeof allowed, &allowed) == 0;
}

// Between fork and exec: bench has one thread, so anything may be called here.
[[noreturn]] void become(const std::vector<std::string>& command, surroundings where, int in, int out, int err) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);  // no program outlives bench
  setpgid(0, 0);                     // so that its own processes can be ended with it
  if (in >= 0) dup2(in, STDIN_FILENO);
  dup2(out, STDOUT_FILENO);
  dup2(err, STDERR_FILENO);
  std::vector<char*> argv;
  argv.reserve(command.size() + 1);
  for (const auto& word : command) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  if (where != surroundings::one_core || confine_to_first_core()) execv(argv[0], argv.data());
  fmt::print(stderr, "{}: {}\n", argv[0], std::strerror(errno));
  std::fflush(stderr);
  _exit(127);
}

// Waits for the end, and leaves the child to be waited for; returns false where the time was over before.
bool ends_within(pid_t pid, std::chrono::seconds timeout) {
  const descriptor handle(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)), "pidfd_open");
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    pollfd end{handle.get(), POLLIN, 0};
    const int ready = poll(&end, 1, static_cast<int>(std::max<std::int64_t>(left.count(), 0)));
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) fail("poll");
    if (ready == 0) return false;
  }
}

std::string last_line(const std::string& text) {
  const auto end = text.find_last_not_of('\n');
  if (end == std::string::npos) return "it printed no reason";
  const auto start = text.rfind('\n', end);
  return text.substr(start == std::string::npos ? 0 : start + 1,
                     end - (start == std::string::npos ? 0 : start + 1) + 1);
}

std::map<std::string, figure> parse_figures(const std::string& text) {
  std::map<std::string, figure> figures;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const auto first = line.find('\t');
    const auto second = first == std::string::npos ? first : line.find('\t', first + 1);
    if (second == std::string::npos) continue;
    double value = 0;
    const auto [end, error] = std::from_chars(line.data() + first + 1, line.data() + second, value);
    if (error == std::errc() && end == line.data() + second)
      figures[line.substr(0, first)] = {value, line.substr(second + 1)};
  }
  return figures;
}

}  // namespace

outcome run_program(const std::vector<std::string>& command, surroundings where, std::chrono::seconds timeout,
                    const std::string& input) {
  const stream_in_memory in("stdin");
  in.put(input);
  const stream_in_memory out("stdout");
  const stream_in_memory err("stderr");
  const pid_t pid = fork();
  if (pid < 0) fail("fork");
  if (pid == 0) become(command, where, input.empty() ? -1 : in.fd(), out.fd(), err.fd());

  const bool ended = ends_within(pid, timeout);
  // While the child is not waited for, its id, which is that of its group too, is nobody else's.
  kill(-pid, SIGKILL);
  kill(pid, SIGKILL);  // where it had no time to make the group
  int status = 0;
  while (waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) fail("waitpid");
  }
  outcome result;
  result.output = out.text();
  result.figures = parse_figures(result.output);
  if (!ended) {
    result.error = fmt::format("not done after {} s, killed", timeout.count());
  } else if (WIFSIGNALED(status)) {
    result.error = fmt::format("killed by signal {} ({}); {}", WTERMSIG(status), strsignal(WTERMSIG(status)),
                               last_line(err.text()));
  } else if (WEXITSTATUS(status) != 0) {
    result.error = fmt::format("exit status {}; {}", WEXITSTATUS(status), last_line(err.text()));
  }
  return result;
}

cpu_hogs::cpu_hogs() {
  for (int i = 0; i < count; ++i) {
    const pid_t pid = fork();
    if (pid < 0) fail("fork");
    if (pid == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      for (volatile unsigned turns = 0;;) turns = turns + 1;
    }
    pids_.push_back(pid);
  }
}

cpu_hogs::~cpu_hogs() {
  for (const auto pid : pids_) kill(pid, SIGKILL);
  for (const auto pid : pids_) waitpid(pid, nullptr, 0);
}

}  // namespace bench
