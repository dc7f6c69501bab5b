// Ctrl-C: a program on a pseudo-terminal, interrupted by the key.
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <string>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pty.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

namespace {

using testing::HasSubstr;
using testing::Not;

/// The program, with a terminal of its own; this test sits at the keyboard.
class program {
 public:
  explicit program(const char* what) {
    pid_ = ::forkpty(&terminal_, nullptr, nullptr, nullptr);
    if (pid_ < 0) std::abort();
    if (pid_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // should the test be ended by its watchdog
      termios settings{};
      ::tcgetattr(STDIN_FILENO, &settings);
      settings.c_lflag |= NOFLSH;  // else the key throws away what the program has said and nobody has read
      ::tcsetattr(STDIN_FILENO, TCSANOW, &settings);
      ::execl(PLAIT_INTERRUPTED, PLAIT_INTERRUPTED, what, nullptr);
      ::_exit(99);
    }
  }
  program(const program&) = delete;
  program& operator=(const program&) = delete;
  ~program() {
    if (!ended_) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
    }
    ::close(terminal_);
  }

  void press_ctrl_c() const {
    if (::write(terminal_, "\x03", 1) != 1) std::abort();
  }
  /// Until it has said `what`, after what was waited for before. False where it ended without.
  bool waits_for(const std::string& what) {
    while (true) {
      if (const auto at = said_.find(what, seen_); at != std::string::npos) {
        seen_ = at + what.size();
        return true;
      }
      if (!read_more()) return false;
    }
  }
  struct end {
    bool by_signal;
    int code;
    friend bool operator==(const end&, const end&) = default;
    friend void PrintTo(const end& e, std::ostream* to) {
      *to << (e.by_signal ? "killed by signal " : "exited with ") << e.code;
    }
  };
  end waits_for_end() {
    while (read_more()) {
    }
    int status = 0;
    ::waitpid(pid_, &status, 0);
    ended_ = true;
    return WIFSIGNALED(status) ? end{true, WTERMSIG(status)} : end{false, WEXITSTATUS(status)};
  }
  [[nodiscard]] const std::string& said() const { return said_; }

 private:
  bool read_more() {
    char text[512];
    ssize_t size = 0;
    while ((size = ::read(terminal_, text, sizeof text)) < 0 && errno == EINTR) {
    }
    if (size <= 0) return false;  // EIO: nobody has the other end any more
    said_.append(text, static_cast<std::size_t>(size));
    return true;
  }

  pid_t pid_ = -1;
  int terminal_ = -1;
  std::string said_;
  std::size_t seen_ = 0;
  bool ended_ = false;
};

using end = program::end;
constexpr end died_of_it{true, SIGINT};
constexpr auto interrupted = "plait: run was interrupted by SIGINT";

TEST(ctrl_c, once_cancels_the_main_task_and_run_throws) {
  program it("cleans_up");
  ASSERT_TRUE(it.waits_for("ready"));
  it.press_ctrl_c();
  EXPECT_EQ(it.waits_for_end(), (end{false, 130}));
  EXPECT_THAT(it.said(), HasSubstr("told\r\n" + std::string(interrupted)));
}

TEST(ctrl_c, once_gives_the_value_of_a_main_that_goes_on_in_spite_of_it) {
  program it("goes_on_in_spite");
  ASSERT_TRUE(it.waits_for("ready"));
  it.press_ctrl_c();
  EXPECT_EQ(it.waits_for_end(), (end{false, 5}));
  EXPECT_THAT(it.said(), HasSubstr("told"));
  EXPECT_THAT(it.said(), Not(HasSubstr(interrupted)));
}

TEST(ctrl_c, twice_ends_a_main_that_ignores_the_first) {
  program it("ignores_the_cancel");
  ASSERT_TRUE(it.waits_for("ready"));
  it.press_ctrl_c();
  ASSERT_TRUE(it.waits_for("told"));
  it.press_ctrl_c();
  EXPECT_EQ(it.waits_for_end(), died_of_it);
}

#if !defined(__SANITIZE_THREAD__)
TEST(ctrl_c, twice_ends_a_program_whose_loop_is_blocked) {
  program it("blocks_the_loop");
  ASSERT_TRUE(it.waits_for("ready"));
  it.press_ctrl_c();
  ASSERT_TRUE(it.waits_for("still blocked"));
  it.press_ctrl_c();
  EXPECT_EQ(it.waits_for_end(), died_of_it);
}
#endif

TEST(ctrl_c, while_run_cleans_up_ends_the_program) {
  program it("leaves_a_call_behind");
  ASSERT_TRUE(it.waits_for("ready"));
  it.press_ctrl_c();
  EXPECT_EQ(it.waits_for_end(), died_of_it);
}

TEST(ctrl_c, is_for_who_awaits_it_on_the_loop) {
  program it("handles_it_itself");
  ASSERT_TRUE(it.waits_for("ready"));
  it.press_ctrl_c();
  ASSERT_TRUE(it.waits_for("first"));
  it.press_ctrl_c();
  EXPECT_EQ(it.waits_for_end(), (end{false, 7}));
}

TEST(ctrl_c, is_left_alone_where_run_runs_on_another_thread) {
  program it("on_another_thread");
  ASSERT_TRUE(it.waits_for("ready"));
  it.press_ctrl_c();
  EXPECT_EQ(it.waits_for_end(), died_of_it);
}

TEST(ctrl_c, is_left_alone_where_the_program_handles_it) {
  program it("where_the_program_handles_it");
  ASSERT_TRUE(it.waits_for("ready"));
  it.press_ctrl_c();
  EXPECT_EQ(it.waits_for_end(), (end{false, 3}));
  EXPECT_THAT(it.said(), HasSubstr("the program's own"));
}

TEST(ctrl_c, cancels_the_main_task_of_a_second_run_too) {
  program it("twice");
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(it.waits_for("ready"));
    it.press_ctrl_c();
    ASSERT_TRUE(it.waits_for(interrupted)) << it.said();
  }
  EXPECT_EQ(it.waits_for_end(), (end{false, 130}));
}

TEST(ctrl_c, has_its_default_action_again_after_run) {
  program it("after_run");
  ASSERT_TRUE(it.waits_for("ready"));
  it.press_ctrl_c();
  EXPECT_EQ(it.waits_for_end(), died_of_it);
}

}  // namespace
