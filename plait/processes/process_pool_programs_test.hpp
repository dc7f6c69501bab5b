// Tests that are a program of their own: one that is killed, that has limits, that leaves main with calls running.
#pragma once

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <tests/support/watchdog.hpp>
#include <unistd.h>

/// `PLAIT_PROGRAM(name) { body }`: what pool_test::program("name") runs. It speaks by program::tell, and leaves by
/// std::exit(0) where its body returns.
#define PLAIT_PROGRAM(name)                                           \
  static void program_##name();                                       \
  [[maybe_unused]] static const bool registered_##name =              \
      ::pool_test::programs().emplace(#name, &program_##name).second; \
  static void program_##name()

namespace pool_test {

inline std::map<std::string, void (*)()>& programs() {
  static std::map<std::string, void (*)()> bodies;
  return bodies;
}

inline constexpr const char* program_variable = "PLAIT_TEST_RUNS_PROGRAM";

/// In a test program that was started as a program of these: runs that instead of tests.
class program_instead_of_tests : public testing::Environment {
  void SetUp() override {
    const char* const asked = std::getenv(program_variable);
    if (!asked) return;
    const std::string name(asked);
    ::unsetenv(program_variable);
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // of the test's thread
    // Barks before the test's own; never destroyed, since children that the program forks leave by exit() too.
    auto* const watchdog = new test_support::watchdog(test_support::watchdog_limit() * 3 / 4);
    watchdog->start("the program " + name);
    programs().at(name)();
    std::exit(0);
  }
};
inline const auto* const looks_for_a_program = testing::AddGlobalTestEnvironment(new program_instead_of_tests);

/// This test program, started anew for one PLAIT_PROGRAM.
class program {
 public:
  explicit program(const std::string& name) {
    int out[2], errors[2], in[2];
    if (::pipe2(out, O_CLOEXEC) != 0 || ::pipe2(errors, O_CLOEXEC) != 0 || ::pipe2(in, O_CLOEXEC) != 0)
      throw std::system_error(errno, std::system_category(), "pipe2");
    out_ = ::fdopen(out[0], "r");
    errors_ = ::fdopen(errors[0], "r");
    in_ = in[1];
    posix_spawn_file_actions_t streams;
    posix_spawn_file_actions_init(&streams);
    posix_spawn_file_actions_adddup2(&streams, in[0], STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&streams, out[1], STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&streams, errors[1], STDERR_FILENO);
    std::string variable = std::string(program_variable) + '=' + name;
    std::vector<char*> environment{variable.data()};
    for (char** entry = environ; *entry; ++entry) environment.push_back(*entry);
    environment.push_back(nullptr);
    char* const argv[] = {program_invocation_name, nullptr};
    const int error = ::posix_spawn(&pid_, "/proc/self/exe", &streams, nullptr, argv, environment.data());
    posix_spawn_file_actions_destroy(&streams);
    for (const int end : {out[1], errors[1], in[0]}) ::close(end);
    if (error != 0) throw std::system_error(error, std::system_category(), "posix_spawn");
  }
  program(const program&) = delete;
  program& operator=(const program&) = delete;
  ~program() {
    if (pid_ > 0) wait();
    std::fclose(out_);
    std::fclose(errors_);
    ::close(in_);
  }

  [[nodiscard]] pid_t pid() const noexcept { return pid_; }

  /// The next line that it told; empty where none comes any more.
  [[nodiscard]] std::string hear() const {
    for (std::string line; !(line = line_of(out_)).empty();)
      if (line.starts_with(mark)) return line.substr(mark.size());
    return {};
  }
  /// What program::wait_for_word waits for.
  void go_on() const { EXPECT_EQ(::write(in_, "\n", 1), 1); }

  /// All that was written to its stderr: ends when nobody has that open any more, neither it nor its workers, nor
  /// their server.
  [[nodiscard]] std::string errors() const {
    std::string text;
    for (int c; (c = std::fgetc(errors_)) != EOF;) text += static_cast<char>(c);
    return text;
  }
  /// As waitpid gives it.
  int wait() {
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = 0;
    return status;
  }

  // ── in the program ──

  static void tell(const std::string& line) {
    const std::string whole = std::string("\n").append(mark).append(line).append("\n");
    if (::write(STDOUT_FILENO, whole.data(), whole.size()) < 0) std::abort();
  }
  static void wait_for_word() {
    for (char c = 0; c != '\n';)
      if (::read(STDIN_FILENO, &c, 1) == 0) std::abort();
  }
  /// Ends the program where it is not so: 1, or what is given.
  static void require(bool what, int code = 1) {
    if (!what) ::_exit(code);
  }

 private:
  static constexpr std::string_view mark = "told: ";  // GoogleTest writes to stdout as well

  static std::string line_of(std::FILE* from) {
    std::string line;
    for (int c; (c = std::fgetc(from)) != EOF;) {
      if (c == '\n' && line.empty()) continue;
      if (c == '\n') break;
      line += static_cast<char>(c);
    }
    return line;
  }

  std::FILE* out_ = nullptr;
  std::FILE* errors_ = nullptr;
  int in_ = -1;
  pid_t pid_ = 0;
};

/// It ended by exit code 0, wrote nothing to stderr, and left nobody behind that holds that open.
inline void expect_clean_end(program& ended) {
  EXPECT_EQ(ended.errors(), "");
  const int status = ended.wait();
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "wait status " << status;
}

}  // namespace pool_test
