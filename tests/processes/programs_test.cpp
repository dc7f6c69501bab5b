// Programs with workers, built and started in the ways that matter to how workers are made; and their deaths.
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <tests/support/sanitized.hpp>
#include <unistd.h>

namespace {

namespace fs = std::filesystem;
using test_support::sanitized;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

constexpr auto worked = "exited 5\nexited 5\n";
constexpr int could_not_prepare = 99;
constexpr uid_t nobody = 65534;

/// A program of these tests that runs; what it prints, to both streams, is read here.
class program {
 public:
  struct options {
    std::vector<std::string> environment{};       // NAME=value, beside ours
    std::function<bool()> before_exec = nullptr;  // in the child; only what may be done after a fork
  };

  explicit program(const std::string& path, const std::string& what) : program(path, what, options{}) {}
  program(const std::string& path, const std::string& what, const options& options) {
    int from[2], to[2];
    if (::pipe2(from, O_CLOEXEC) != 0 || ::pipe2(to, O_CLOEXEC) != 0) std::abort();
    std::vector<const char*> environment;
    for (char** entry = environ; *entry; ++entry) environment.push_back(*entry);
    for (const auto& entry : options.environment) environment.push_back(entry.c_str());
    environment.push_back(nullptr);
    const char* const argv[] = {path.c_str(), what.c_str(), nullptr};
    pid_ = ::fork();
    if (pid_ == 0) {
      ::dup2(to[0], STDIN_FILENO);
      ::dup2(from[1], STDOUT_FILENO);
      ::dup2(from[1], STDERR_FILENO);
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // should the test be ended by its watchdog
      if (options.before_exec && !options.before_exec()) ::_exit(could_not_prepare);
      ::execve(path.c_str(), const_cast<char* const*>(argv), const_cast<char* const*>(environment.data()));
      ::_exit(could_not_prepare);
    }
    ::close(from[1]);
    ::close(to[0]);
    output_ = from[0];
    input_ = to[1];
  }
  program(const program&) = delete;
  program& operator=(const program&) = delete;
  ~program() {
    kill();
    ::close(output_);
    ::close(input_);
  }

  [[nodiscard]] std::string line() const {
    std::string text;
    for (char c; ::read(output_, &c, 1) == 1 && c != '\n';) text += c;
    return text;
  }
  void press_enter() const { EXPECT_EQ(::write(input_, "\n", 1), 1); }

  /// What it prints from now on, to its end. Call it once.
  [[nodiscard]] std::string rest() {
    std::string text;
    char buffer[4096];
    for (ssize_t size; (size = ::read(output_, buffer, sizeof buffer)) > 0;)
      text.append(buffer, static_cast<std::size_t>(size));
    wait();
    return text;
  }
  void kill() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    wait();
  }
  [[nodiscard]] int exit_code() const { return WIFEXITED(status_) ? WEXITSTATUS(status_) : -1; }

 private:
  void wait() { ::waitpid(std::exchange(pid_, -1), &status_, 0); }

  pid_t pid_ = -1;
  int status_ = 0;
  int output_ = -1;
  int input_ = -1;
};

std::string output_of(const std::string& path, const std::string& what, const program::options& options = {}) {
  return program(path, what, options).rest();
}

/// The processes that a program has told of, as pidfds.
class processes {
 public:
  explicit processes(const std::string& pids) {
    std::istringstream stream(pids);
    for (pid_t pid; stream >> pid;) {
      pidfds_.push_back(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
      EXPECT_GE(pidfds_.back(), 0) << pid;
    }
  }
  ~processes() {
    for (const int pidfd : pidfds_) ::close(pidfd);
  }
  processes(const processes&) = delete;
  processes& operator=(const processes&) = delete;

  [[nodiscard]] std::size_t size() const { return pidfds_.size(); }
  void expect_all_alive() const {
    for (const int pidfd : pidfds_) {
      pollfd polled{pidfd, POLLIN, 0};
      EXPECT_EQ(::poll(&polled, 1, 0), 0);
    }
  }
  void wait_until_all_are_dead() const {
    for (const int pidfd : pidfds_) {
      pollfd polled{pidfd, POLLIN, 0};
      while (::poll(&polled, 1, -1) < 0 && errno == EINTR) {
      }
    }
  }
  void kill() const {
    for (const int pidfd : pidfds_) ::syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, nullptr, 0);
  }

 private:
  std::vector<int> pidfds_;
};

/// A folder that everybody may use, and that goes with the test.
class shared_folder {
 public:
  shared_folder() {
    std::string path = fs::temp_directory_path() / "plait_programs_XXXXXX";
    path_ = ::mkdtemp(path.data());
    ::chmod(path_.c_str(), 0755);
  }
  shared_folder(const shared_folder&) = delete;
  shared_folder& operator=(const shared_folder&) = delete;
  ~shared_folder() { fs::remove_all(path_); }

  [[nodiscard]] fs::path copy_of(const std::string& file, mode_t mode = 0755) const {
    auto copy = path_ / "program";
    fs::copy_file(file, copy);
    ::chmod(copy.c_str(), mode);
    return copy;
  }

 private:
  fs::path path_;
};

bool become_nobody() { return ::setgid(nobody) == 0 && ::setuid(nobody) == 0; }

// ---- how it is built ----

struct variant {
  const char* name;
  const char* path;
};

class built : public testing::TestWithParam<variant> {};

constexpr variant variants[] = {
    {"pie", PLAIT_HOST},
    {"no_pie", PLAIT_HOST_NO_PIE},
    {"gc_sections", PLAIT_HOST_GC_SECTIONS},
    {"worker_entry_too", PLAIT_HOST_WORKER_ENTRY},
#if defined(PLAIT_HOST_STATIC)
    {"static_with_worker_entry", PLAIT_HOST_STATIC_WORKER_ENTRY},
#endif
};
INSTANTIATE_TEST_SUITE_P(as, built, testing::ValuesIn(variants), [](const auto& v) { return v.param.name; });

TEST_P(built, has_workers) { EXPECT_EQ(output_of(GetParam().path, "work"), worked); }

#if defined(PLAIT_HOST_STATIC)
TEST(programs, that_are_static_and_do_not_call_worker_entry_are_told) {
  EXPECT_THAT(output_of(PLAIT_HOST_STATIC, "why"), EndsWith("call plait::worker_entry(argc, argv) first in main\n"));
  EXPECT_THAT(output_of(PLAIT_HOST_STATIC, "work"),
              StartsWith("plait: workers can't be started: plait could not take over before main"));
}
#endif

TEST(programs, linked_with_a_shared_plait_are_taken_over) {
  EXPECT_THAT(output_of(PLAIT_USER_OF_SHARED, ""), StartsWith("main ran"));
  EXPECT_EQ(output_of(PLAIT_USER_OF_SHARED, "", {.environment = {"PLAIT_WORKER=nonsense"}}),
            "plait: PLAIT_WORKER is \"nonsense\", which nobody but plait may set\n");
}

TEST(programs, with_threads_of_static_constructors_have_workers_by_exec_and_are_told) {
  const auto output = output_of(PLAIT_HOST_WITH_THREAD, "work");
  EXPECT_THAT(output, HasSubstr("plait: the worker server has "));
  EXPECT_THAT(output, HasSubstr(" threads (static constructors or preloaded libraries have started them)"));
  EXPECT_THAT(output, EndsWith(worked));
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // those want to be loaded first themselves
TEST(programs, with_a_preloaded_library_that_starts_threads_have_workers_by_exec_and_are_told) {
  const auto output = output_of(PLAIT_HOST, "work", {.environment = {"LD_PRELOAD=" PLAIT_PRELOADED}});
  EXPECT_THAT(output, HasSubstr(" threads (static constructors or preloaded libraries have started them)"));
  EXPECT_THAT(output, EndsWith(worked));
}
#endif

// ---- how it is started ----

TEST(programs, of_which_the_file_is_deleted_have_workers) {
  const shared_folder folder;
  const auto copy = folder.copy_of(PLAIT_HOST);
  program host(copy, "work-later");
  EXPECT_EQ(host.line(), "waiting");
  fs::remove(copy);
  host.press_enter();
  EXPECT_EQ(host.rest(), worked);
}

TEST(programs, of_which_the_file_is_replaced_have_workers) {
  const shared_folder folder;
  const auto copy = folder.copy_of(PLAIT_HOST);
  program host(copy, "work-later");
  EXPECT_EQ(host.line(), "waiting");
  fs::remove(copy);
  fs::copy_file("/bin/true", copy);
  host.press_enter();
  EXPECT_EQ(host.rest(), worked);
}

TEST(programs, of_an_ordinary_user_have_workers) {
  if (::getuid() != 0) GTEST_SKIP() << "the others are tested as an ordinary user";
  const shared_folder folder;
  EXPECT_EQ(output_of(folder.copy_of(PLAIT_HOST), "work", {.before_exec = become_nobody}), worked);
}

TEST(programs, that_are_set_uid_do_not_start_workers_and_do_not_become_one) {
  if (::getuid() != 0) GTEST_SKIP() << "only root can make a set-uid program of another user";
  if (sanitized) GTEST_SKIP() << "sanitizers do not work in set-uid programs";
  const shared_folder folder;
  const auto copy = folder.copy_of(PLAIT_HOST, 04755);
  program host(copy, "why",
               {.environment = {"PLAIT_WORKER=server:1,2:x"}, .before_exec = [] { return become_nobody(); }});
  const auto output = host.rest();
  if (host.exit_code() == 0 && output == "\n") GTEST_SKIP() << "no set-uid here: the file system is mounted nosuid";
  EXPECT_THAT(output, StartsWith("this program has more rights than who starts it"));
}

TEST(programs, without_proc_are_told) {
  if (sanitized) GTEST_SKIP() << "sanitizers need /proc themselves";
  program host(PLAIT_HOST, "why", {.before_exec = [] {
                 return ::unshare(CLONE_NEWNS) == 0 &&
                        ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
                        ::umount2("/proc", MNT_DETACH) == 0;
               }});
  const auto output = host.rest();
  if (host.exit_code() == could_not_prepare) GTEST_SKIP() << "unmounting /proc is not permitted here";
  EXPECT_EQ(output,
            "workers are started from /proc/self/exe, and it is not there (No such file or directory): is /proc "
            "mounted?\n");
}

TEST(programs, below_ten_others_are_told) {
  EXPECT_THAT(output_of(PLAIT_HOST, "why", {.environment = {"PLAIT_DEPTH=10"}}), HasSubstr("10 pools deep"));
  EXPECT_EQ(output_of(PLAIT_HOST, "why", {.environment = {"PLAIT_DEPTH=9"}}), "\n");
  EXPECT_EQ(output_of(PLAIT_HOST, "why", {.environment = {"PLAIT_DEPTH=nonsense"}}), "\n");
}

TEST(programs, with_a_mark_that_is_not_plaits_end_with_a_sentence) {
  // The last one names descriptors that are not open.
  for (const std::string mark : {"nonsense", "", "server:", "server:1,2x:name", "server:777,778:name"}) {
    program host(PLAIT_HOST, "why", {.environment = {"PLAIT_WORKER=" + mark}});
    EXPECT_EQ(host.rest(), "plait: PLAIT_WORKER is \"" + mark + "\", which nobody but plait may set\n");
    EXPECT_EQ(host.exit_code(), EXIT_FAILURE);
  }
}

// ---- what it lacks ----

TEST(programs, whose_server_cannot_fork_are_told_and_may_try_again) {
  // In ThreadSanitizer's builds as well: it starts its thread with the program's first, and the server has none.
  EXPECT_EQ(output_of(PLAIT_HOST, "work-without-fork"), "fork: Resource temporarily unavailable\nexited 5\n");
}

TEST(programs, that_cannot_exec_are_told) {
  EXPECT_EQ(output_of(PLAIT_HOST, "work-without-exec"),
            "plait: starting the worker server: execve /proc/self/exe: Permission denied\n");
}

TEST(programs, that_start_workers_in_a_static_constructor_lose_them_with_a_sentence) {
  const auto output = output_of(PLAIT_HOST, "why", {.environment = {"HOST_STARTS_WORKERS_IN_CONSTRUCTOR=1"}});
  EXPECT_THAT(output, HasSubstr("plait: a static constructor starts workers; those run it too"));
  EXPECT_THAT(output, HasSubstr("server lost\nserver lost\n"));
}

TEST(programs, that_reap_orphans_have_no_zombie) {
  EXPECT_EQ(output_of(PLAIT_HOST, "reap-orphans"), std::string(worked) + worked + "reaped\n");
}

// ---- how it ends ----

TEST(programs, that_are_killed_leave_nobody_behind) {
  program host(PLAIT_HOST, "serve");
  const processes of_host(host.line());
  ASSERT_EQ(of_host.size(), 3U);
  of_host.expect_all_alive();
  host.kill();
  of_host.wait_until_all_are_dead();
}

// The main socket stays open in the child: the lifeline alone tells.
TEST(programs, that_are_killed_leave_nobody_behind_though_a_child_has_their_descriptors) {
  program host(PLAIT_HOST, "serve-with-child");
  const processes of_host(host.line());
  const processes child(host.line());
  ASSERT_EQ(of_host.size(), 3U);
  ASSERT_EQ(child.size(), 1U);
  host.kill();
  of_host.wait_until_all_are_dead();
  child.expect_all_alive();
  child.kill();
}

// The process goes on: the main socket alone tells.
TEST(programs, that_become_another_leave_nobody_behind) {
  program host(PLAIT_HOST, "serve-then-exec");
  const processes of_host(host.line());
  ASSERT_EQ(of_host.size(), 3U);
  host.press_enter();
  of_host.wait_until_all_are_dead();
}

}  // namespace
