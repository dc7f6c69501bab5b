// Workers for the tests of the worker server: they do what the test asks them for, over a socket.
//
// Test programs of this folder may use other workers as well: those whose name begins with "srv" are these.
#pragma once

#include <plait/processes/internal/server_client.hpp>
#include <plait/processes/internal/server_exec.hpp>
#include <plait/processes/internal/worker_main.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

namespace server_test {

using plait::start_method;
using plait::detail::make_socket_pair;
using plait::detail::open_session;
using plait::detail::private_fd;
using plait::detail::server_event;
using plait::detail::server_session;
using plait::detail::unique_fd;
using plait::detail::worker_request;
using kind = server_event::kind;

// ---- for both sides ----

inline void say(int socket, std::string_view text) {
  ASSERT_EQ(::send(socket, text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
}

/// The next message; empty where the other side is gone. Blocks.
inline std::string hear_from(int socket) {
  std::array<char, 4096> text{};
  ssize_t size;
  do {
    size = ::recv(socket, text.data(), text.size(), 0);
  } while (size < 0 && errno == EINTR);
  return {text.data(), size > 0 ? static_cast<std::size_t>(size) : 0};
}

inline std::string contents(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// Of /proc/<process>/status: "SigIgn" and the like; empty where the process is gone.
inline std::string status_of(const std::string& process, const std::string& key) {
  std::ifstream status("/proc/" + process + "/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with(key + ":\t")) return line.substr(key.size() + 2);
  return {};
}

// ---- in the worker ----

/// As static constructors leave it: the tests change it in main.
inline std::string set_by_constructor = "constructed";

inline std::string list_of_descriptors() {
  std::vector<int> numbers;
  for (int i = 0; i < 1024; ++i)
    if (::fcntl(i, F_GETFD) >= 0) numbers.push_back(i);
  std::string list;
  for (const int number : numbers) list += std::to_string(number) + ' ';
  return list;
}

inline server_event wait_for_event(server_session& session) {
  while (true) {
    if (auto event = session.next()) return std::move(*event);
    pollfd polled{session.descriptor(), POLLIN, 0};
    ::poll(&polled, 1, -1);
  }
}

/// A worker of this process that lets nobody wait; its socket goes to `socket`.
inline server_event start_worker(server_session& session, private_fd& socket, worker_request request = {}) {
  auto [ours, theirs] = make_socket_pair();
  request.name = request.name.empty() ? "srv" : request.name;
  request.descriptors.insert(request.descriptors.begin(), theirs.get());
  session.start(request);
  socket = std::move(ours);
  return wait_for_event(session);
}

/// A worker of a worker: how deep it says that it is.
inline std::string ask_nested(start_method how) {
  if (const auto why = plait::detail::why_cannot_start_workers(); !why.empty()) return why;
  auto session = open_session();
  private_fd socket;
  const auto event = start_worker(session, socket, {.how = how});
  if (event.what != kind::started) return "not started: " + event.call;
  say(socket.get(), how == start_method::spawn ? "nested spawn" : "nested");
  return hear_from(socket.get());
}

/// A worker of this worker, which lives as long as it: its pid.
inline std::string keep_nested() {
  static server_session session = open_session();
  static private_fd socket;
  return std::to_string(start_worker(session, socket).pid);
}

inline std::string answer(std::string_view command, std::span<const int> descriptors) {
  const auto split = command.find(' ');
  const std::string verb(command.substr(0, split));
  const std::string object(split == command.npos ? "" : command.substr(split + 1));
  if (verb == "status") return status_of("self", object);
  if (verb == "link") return std::filesystem::read_symlink(object).string();
  if (verb == "contents") return contents(object);
  if (verb == "statics") return set_by_constructor;
  if (verb == "depth") return std::to_string(plait::detail::pool_depth());
  if (verb == "nested") return ask_nested(object == "spawn" ? start_method::spawn : start_method::fork_server);
  if (verb == "keep") return keep_nested();
  if (verb == "getenv") return std::getenv(object.c_str()) ? std::getenv(object.c_str()) : "(none)";
  if (verb == "read") return contents("/proc/self/fd/" + std::to_string(descriptors[std::stoul(object)]));
  if (verb == "count") return std::to_string(descriptors.size());
  if (verb == "ownpid") return std::to_string(::getpid());
  if (verb == "descriptors") return list_of_descriptors();
  if (verb == "given") {
    std::vector<int> numbers(descriptors.begin(), descriptors.end());
    std::ranges::sort(numbers);
    std::string list;
    for (const int number : numbers) list += std::to_string(number) + ' ';
    return list;
  }
  if (verb == "raise") {
    ::raise(std::stoi(object));
    return "still here";
  }
  if (verb == "child") {  // forks one of its own, and waits for it
    const pid_t child = ::fork();
    if (child == 0) ::_exit(42);
    int status = 0;
    ::waitpid(child, &status, 0);
    return std::to_string(WEXITSTATUS(status));
  }
  if (verb == "program") {  // a program of its own: what descriptors it gets
    FILE* const listing = ::popen("ls /proc/self/fd", "r");
    std::string text;
    for (int c; (c = std::fgetc(listing)) != EOF;) text += c == '\n' ? ' ' : static_cast<char>(c);
    ::pclose(listing);
    return text;
  }
  if (verb == "print") {
    std::printf("%s", object.c_str());
    return "in the buffer";
  }
  return "?";
}

inline int run(std::span<const int> descriptors) noexcept {
  while (true) {
    const auto command = hear_from(descriptors[0]);
    if (command.empty()) return 0;
    if (command.starts_with("exit ")) return std::stoi(command.substr(5));
    say(descriptors[0], answer(command, descriptors));
  }
}

inline int run_by_name(std::span<const int> descriptors) noexcept;
inline const plait::detail::worker_main_function before = plait::detail::set_worker_main(&run_by_name);
inline int run_by_name(std::span<const int> descriptors) noexcept {
  std::array<char, 16> name{};
  ::prctl(PR_GET_NAME, name.data());
  return std::string_view(name.data()).starts_with("srv") ? run(descriptors) : before(descriptors);
}

// ---- in the test ----

struct test_worker {
  server_event started;
  private_fd socket;

  [[nodiscard]] std::string ask(std::string_view command) const {
    say(socket.get(), command);
    return hear_from(socket.get());
  }
  void tell(std::string_view command) const { say(socket.get(), command); }
};

inline test_worker make_worker(server_session& session, worker_request request = {}) {
  test_worker made;
  made.started = start_worker(session, made.socket, std::move(request));
  EXPECT_EQ(made.started.what, kind::started) << made.started.call << ": " << made.started.error;
  return made;
}

inline void wait_until_readable(int descriptor) {
  pollfd polled{descriptor, POLLIN, 0};
  while (::poll(&polled, 1, -1) < 0 && errno == EINTR) {
  }
}

/// Of a process that is not reaped yet.
[[nodiscard]] inline unique_fd pidfd_of(pid_t pid) {
  unique_fd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  EXPECT_TRUE(pidfd) << "pid " << pid;
  return pidfd;
}

/// Not kill(): a test that fails may hold the pid 0, and that would be the whole group.
inline void signal_by(const unique_fd& pidfd, int signal) {
  EXPECT_EQ(::syscall(SYS_pidfd_send_signal, pidfd.get(), signal, nullptr, 0), 0);
}

}  // namespace server_test
