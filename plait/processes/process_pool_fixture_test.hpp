// What the tests of how workers live and die share: calls that end in every way, and eyes on other processes.
#pragma once

#include <plait/core/task.hpp>
#include <plait/processes/process_pool_executor.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <tests/support/expect_throw.hpp>
#include <tests/support/gate.hpp>
#include <tests/support/portable_gate.hpp>
#include <tests/support/sanitized.hpp>
#include <unistd.h>

namespace pool_test {

using plait::process_pool_executor;
using plait::worker_died;
using test_support::message_of;
using test_support::pass_gate;
using test_support::portable_gate;
using test_support::sanitized;

inline constexpr plait::start_method both_ways[] = {plait::start_method::fork_server, plait::start_method::spawn};
/// A suite of both: INSTANTIATE_TEST_SUITE_P(by, its_name, both_starts, name_of_start).
inline const auto both_starts = testing::Values(plait::start_method::fork_server, plait::start_method::spawn);
inline std::string name_of_start(const testing::TestParamInfo<plait::start_method>& start) {
  return start.param == plait::start_method::spawn ? "exec" : "fork";
}

/// The environment variable that names the control group which a program is to enter.
inline constexpr const char* group_variable = "PLAIT_TEST_CGROUP";

// ── calls ──

inline int square(int n) { return n * n; }
inline pid_t own_pid() { return ::getpid(); }

/// As a crash would; under a sanitizer too, which has handlers of its own.
inline int die_by(int signal) {
  ::signal(signal, SIG_DFL);
  ::raise(signal);
  return 0;
}
/// Until a limit or somebody else ends it.
inline int spins(int n) {
  for (volatile auto turning = static_cast<unsigned>(n);;) turning = turning + 1;
}
inline std::vector<char> echo(std::vector<char> bytes) { return bytes; }
inline int leave_at_once(int code) { ::_exit(code); }
inline int leave_by_exit(int code) { std::exit(code); }
/// Says that it runs, then runs until it is let through, which it never may be.
inline int wait_at(const std::string& gate, int n) {
  pass_gate(gate);
  return n;
}

inline int until_asked(std::stop_token stop, const std::string& gate) {
  pass_gate(gate);
  while (!stop.stop_requested()) std::this_thread::yield();
  return 7;
}
inline plait::task<int> awaits(plait::future<int> call) {
  const int n = co_await call;
  co_return n;
}

inline int ignores_all(const std::string& gate) {
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) ::signal(signal, SIG_IGN);
  pass_gate(gate);
  while (true) ::pause();
}
inline std::string told_of_sigterm;  // in a worker: where
inline void tell_and_leave(int) {
  const int file = ::open(told_of_sigterm.c_str(), O_RDWR | O_CLOEXEC);
  const char byte = 0;
  static_cast<void>(!::write(file, &byte, 1));
  ::_exit(0);
}
/// Tells the gate once more when SIGTERM comes.
inline int says_when_terminated(const std::string& gate) {
  told_of_sigterm = gate + "/arrived";
  ::signal(SIGTERM, tell_and_leave);
  pass_gate(gate);
  while (true) ::pause();
}

/// Dies in the first `deaths` processes that run it.
inline int dies_at_first(const std::string& traces, int deaths) {
  const auto before = std::distance(std::filesystem::directory_iterator(traces), {}) - 2;  // the gate's own
  std::ofstream(traces + "/" + std::to_string(::getpid()));
  if (before < deaths) die_by(SIGSEGV);
  return static_cast<int>(before);
}

// ── other processes ──

/// Watches a process, which is somebody's still: of the process only, not of who has its number later.
class watched_process {
 public:
  explicit watched_process(pid_t pid) : pidfd_(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))) {
    EXPECT_GE(pidfd_, 0) << "pid " << pid;
  }
  watched_process(watched_process&& other) noexcept : pidfd_(std::exchange(other.pidfd_, -1)) {}
  watched_process& operator=(watched_process&&) = delete;
  ~watched_process() {
    if (pidfd_ >= 0) ::close(pidfd_);
  }

  void wait_until_gone() const {
    pollfd polled{pidfd_, POLLIN, 0};
    while (::poll(&polled, 1, -1) < 0 && errno == EINTR) {
    }
  }
  void signal(int number) const {
    EXPECT_EQ(::syscall(SYS_pidfd_send_signal, pidfd_, number, nullptr, 0), 0) << std::strerror(errno);
  }

 private:
  int pidfd_;
};

inline std::string contents_of(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline std::size_t open_descriptors() {
  using entries = std::filesystem::directory_iterator;
  return static_cast<std::size_t>(std::distance(entries("/proc/self/fd"), entries()));
}

// ── futures ──

/// What the call's worker died of; a test fails where it did not.
template <class T> worker_died death_of(const plait::future<T>& call) {
  try {
    const auto error = call.exception();
    if (error) std::rethrow_exception(error);
    ADD_FAILURE() << "the call has a value";
  } catch (const worker_died& death) {
    return death;
  } catch (const std::exception& other) {
    ADD_FAILURE() << "another error: " << other.what();
  } catch (const plait::cancelled_error&) {
    ADD_FAILURE() << "the call was cancelled";
  }
  return worker_died(worker_died::details());
}

/// The pool works as if nothing had happened.
inline void expect_next_hundred(plait::executor& pool) {
  std::vector<plait::future<int>> calls;
  for (int i = 0; i < 100; ++i) calls.push_back(pool.submit(square, i));
  for (int i = 0; i < 100; ++i) EXPECT_EQ(calls[static_cast<std::size_t>(i)].result(), i * i);
}

/// The pids of all its workers, once the server has told them: a call may run before that.
inline std::vector<pid_t> known_pids(const process_pool_executor& pool, std::size_t workers) {
  for (;; std::this_thread::yield())
    if (auto pids = pool.worker_pids(); pids.size() == workers) return pids;
}

/// So many calls run in so many workers at once; their pids.
inline std::vector<pid_t> started_pids(process_pool_executor& pool) {
  const portable_gate gate;
  std::vector<plait::future<int>> calls;
  const int workers = pool.max_workers();
  for (int i = 0; i < workers; ++i) calls.push_back(pool.submit(wait_at, gate.path(), i));
  gate.wait_for(workers);
  auto pids = known_pids(pool, static_cast<std::size_t>(workers));
  gate.let_through(workers);
  for (auto& call : calls) call.result();
  return pids;
}

// ── the pool's own thread ──

/// The pool's own thread is in a done callback for as long as it lives.
class busy_attendant {
 public:
  explicit busy_attendant(process_pool_executor& pool) {
    const portable_gate gate;
    const auto call = pool.submit(wait_at, gate.path(), 1);
    call.add_done_callback([this](const auto&) {
      reached_.open();
      release_.wait();
      left_.open();
    });
    gate.let_through(1);
    reached_.wait();
  }
  busy_attendant(const busy_attendant&) = delete;
  busy_attendant& operator=(const busy_attendant&) = delete;
  ~busy_attendant() {
    release_.open();
    left_.wait();
  }

 private:
  test_support::gate reached_, release_, left_;
};

}  // namespace pool_test
