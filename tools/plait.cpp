// plait: looks into a running program that uses the library and allows it (see plait/loop/inspection.hpp).
#include <plait/core/config.hpp>
#include <plait/loop/internal/inspection_wire.hpp>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>

#include <CLI/CLI.hpp>
#include <sys/time.h>
#include <unistd.h>

namespace {

using namespace plait_inspection;

constexpr time_t seconds_of_silence = 15;  // the program takes a second for a loop that hangs, and more for clients

struct failure : std::runtime_error {
  using std::runtime_error::runtime_error;
};

std::string process(pid_t pid) { return "process " + std::to_string(pid); }

[[noreturn]] void fail_of(const char* call) {
  throw failure(std::string(call) + ": " + std::generic_category().message(errno));
}

class descriptor {
 public:
  explicit descriptor(int fd) noexcept : fd_(fd) {}
  descriptor(const descriptor&) = delete;
  descriptor& operator=(const descriptor&) = delete;
  ~descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  [[nodiscard]] int get() const noexcept { return fd_; }

 private:
  int fd_;
};

/// The effective user of a process; nothing where there is no such process.
std::optional<uid_t> user_of(pid_t pid) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(status, line);) {
    if (!line.starts_with("Uid:")) continue;
    std::istringstream numbers(line.substr(4));
    uid_t real = 0, effective = 0;
    if (numbers >> real >> effective) return effective;
  }
  return std::nullopt;
}

void check_process(pid_t pid) {
  if (::kill(pid, 0) != 0 && errno == ESRCH) throw failure("there is no " + process(pid));
  const auto user = user_of(pid);
  if (!user) throw failure("there is no " + process(pid) + " that can be seen from here");
  if (*user != ::geteuid())
    throw failure(process(pid) + " is another user's (uid " + std::to_string(*user) +
                  "): only its own user may look in");
}

void connect_to(pid_t pid, const descriptor& socket) {
  const auto to = address_of(pid);
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&to.name), to.size) != 0) {
    if (errno == ECONNREFUSED || errno == ENOENT)
      throw failure(process(pid) +
                    " does not use plait, or does not let anybody look in: start it with PLAIT_INSPECT=1 in its "
                    "environment, or let it call plait::allow_inspection()");
    fail_of("connect");
  }
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) fail_of("getsockopt");
  if (peer.uid != ::geteuid() || peer.pid != pid)
    throw failure("what answers in the name of " + process(pid) + " is " + process(peer.pid) + " of uid " +
                  std::to_string(peer.uid));
}

/// How many bytes came before the end.
std::size_t receive(const descriptor& socket, char* to, std::size_t bytes, pid_t pid) {
  std::size_t all = 0;
  while (all < bytes) {
    const auto got = ::recv(socket.get(), to + all, bytes - all, 0);
    if (got == 0) break;
    if (got > 0)
      all += static_cast<std::size_t>(got);
    else if (errno == EAGAIN || errno == EWOULDBLOCK)
      throw failure(process(pid) + " has not answered for " + std::to_string(seconds_of_silence) + " s");
    else if (errno == ECONNRESET)
      break;
    else if (errno != EINTR)
      fail_of("recv");
  }
  return all;
}

std::string ask(pid_t pid, question what) {
  check_process(pid);
  const descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (socket.get() < 0) fail_of("socket");
  const timeval silence{seconds_of_silence, 0};
  if (::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &silence, sizeof silence) != 0 ||
      ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &silence, sizeof silence) != 0)
    fail_of("setsockopt");
  connect_to(pid, socket);

  const request asked{magic, what};
  if (::send(socket.get(), &asked, sizeof asked, MSG_NOSIGNAL) != static_cast<ssize_t>(sizeof asked))
    throw failure(process(pid) + " has hung up");
  reply head{};
  if (receive(socket, reinterpret_cast<char*>(&head), sizeof head, pid) != sizeof head)
    throw failure(process(pid) + " has hung up without an answer");
  if (head.magic != magic || head.how == answer::not_understood)
    throw failure(process(pid) + " does not understand: it uses another version of plait");
  if (head.how != answer::text || head.bytes > longest_text) throw failure(process(pid) + " could not answer");
  std::string text(head.bytes, '\0');
  const auto got = receive(socket, text.data(), text.size(), pid);
  if (got != text.size())
    throw failure("the answer of " + process(pid) + " broke off: " + std::to_string(got) + " of " +
                  std::to_string(text.size()) + " bytes");
  return text;
}

void print(const std::string& text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0) fail_of("write");
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app(
      "Looks into a running program that uses plait and allows it (PLAIT_INSPECT=1 in its environment, or "
      "plait::allow_inspection()).");
  app.name("plait");
  app.require_subcommand(1);
  app.set_version_flag("--version", std::to_string(PLAIT_VERSION_MAJOR) + "." + std::to_string(PLAIT_VERSION_MINOR) +
                                        "." + std::to_string(PLAIT_VERSION_PATCH));
  pid_t pid = 0;
  const auto with_pid = [&pid](CLI::App* command) {
    command->add_option("PID", pid, "the program's process id")
        ->required()
        ->check(CLI::Range(1, std::numeric_limits<pid_t>::max()));
    return command;
  };
  const auto* const table =
      with_pid(app.add_subcommand("ps", "its tasks, a line each: what they are at, what they wait for"));
  with_pid(app.add_subcommand("pstree", "who waits for whom, down to the thread or process that runs a call"));
  CLI11_PARSE(app, argc, argv);
  try {
    print(ask(pid, table->parsed() ? question::table : question::tree));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "plait: %s\n", error.what());
    return EXIT_FAILURE;
  }
  return EXIT_SUCCESS;
}
