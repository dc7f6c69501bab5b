// The tool `plait` looks into real programs; programs meet clients that are no tool.
#include <plait/loop/internal/inspection_wire.hpp>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

using namespace plait_inspection;
using testing::ContainsRegex;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr auto inspect = "PLAIT_INSPECT=1";
constexpr auto not_allowed =
    " does not use plait, or does not let anybody look in: start it with PLAIT_INSPECT=1 in its environment, or let "
    "it call plait::allow_inspection()\n";

/// A program that runs; its output is read here.
class program {
 public:
  program(const std::vector<std::string>& command, const std::vector<std::string>& environment = {}) {
    int in[2], out[2], err[2];
    if (::pipe2(in, O_CLOEXEC) != 0 || ::pipe2(out, O_CLOEXEC) != 0 || ::pipe2(err, O_CLOEXEC) != 0) std::abort();
    std::vector<char*> argv, env;
    for (const auto& word : command) argv.push_back(const_cast<char*>(word.c_str()));
    argv.push_back(nullptr);
    for (char** entry = environ; *entry; ++entry) env.push_back(*entry);
    for (const auto& entry : environment) env.push_back(const_cast<char*>(entry.c_str()));
    env.push_back(nullptr);
    pid_ = ::fork();
    if (pid_ == 0) {
      ::dup2(in[0], STDIN_FILENO);
      ::dup2(out[1], STDOUT_FILENO);
      ::dup2(err[1], STDERR_FILENO);
      ::execve(argv[0], argv.data(), env.data());
      ::_exit(98);
    }
    ::close(in[0]);
    ::close(out[1]);
    ::close(err[1]);
    in_ = in[1];
    out_ = out[0];
    err_ = err[0];
  }
  program(const program&) = delete;
  program& operator=(const program&) = delete;
  ~program() {
    if (pid_ > 0) static_cast<void>(finish());
    ::close(out_);
    ::close(err_);
  }

  [[nodiscard]] pid_t pid() const { return pid_; }
  /// The next line that it prints; what there is where it ends before.
  std::string line() {
    std::string text;
    for (char c = 0; ::read(out_, &c, 1) == 1 && c != '\n';) text += c;
    return text;
  }
  /// Ends its stdin, and waits; its exit code, or minus the signal.
  int finish() {
    ::close(in_);
    out = rest_of(out_);
    err = rest_of(err_);
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }
  std::string out, err;  // after finish()

 private:
  static std::string rest_of(int fd) {
    std::string text;
    char part[4096];
    for (ssize_t got = 0; (got = ::read(fd, part, sizeof part)) > 0;)
      text.append(part, static_cast<std::size_t>(got));
    return text;
  }
  pid_t pid_ = 0;
  int in_ = -1, out_ = -1, err_ = -1;
};

struct told {
  int code;
  std::string out, err;
};

told tool(const std::vector<std::string>& words) {
  std::vector<std::string> command{PLAIT_TOOL};
  command.insert(command.end(), words.begin(), words.end());
  program run(command);
  const int code = run.finish();
  return {code, run.out, run.err};
}
told tool(const char* command, pid_t pid) { return tool({command, std::to_string(pid)}); }
/// For loops that do answer: again where one did not, whose thread got no processor for a second.
told answered(const char* command, pid_t pid) {
  while (true)
    if (auto got = tool(command, pid); got.out.find("does not answer") == std::string::npos) return got;
}

/// A program that was started, and has said that there is something to see.
struct inspected : program {
  explicit inspected(const std::string& what, const std::vector<std::string>& environment = {})
      : program({PLAIT_INSPECTED, what}, environment) {
    EXPECT_EQ(line(), "ready");
  }
};

TEST(inspection, shows_from_outside_who_waits_for_whom_down_to_threads_and_processes) {
  inspected other("serve", {inspect});
  const auto [code, out, err] = answered("pstree", other.pid());
  EXPECT_EQ(code, 0) << err;
  EXPECT_THAT(out, StartsWith("loop "));
  EXPECT_THAT(out, HasSubstr(" on thread MainThread: 3 tasks\n"));
  EXPECT_THAT(out, ContainsRegex("task \"main\" waits  \\[inspected_program.cpp:[0-9]+\\]\n"
                                 "└─ call \"decode\" on thread decoders_0\n"));
  EXPECT_THAT(out, ContainsRegex("task \"cruncher\" waits  \\[inspected_program.cpp:[0-9]+\\]\n"
                                 "└─ call \"crunch\" in process crunchers_0 \\(pid [0-9]+\\)\n"));
  EXPECT_THAT(out, HasSubstr("task \"sleeper\\n\\x1b[31m\" waits"));
}

TEST(inspection, shows_a_table) {
  inspected other("serve", {inspect});
  const auto [code, out, err] = answered("ps", other.pid());
  EXPECT_EQ(code, 0) << err;
  EXPECT_THAT(out, ContainsRegex("TASK +STATUS +CREATED AT +WAITS FOR\n"));
  EXPECT_THAT(out,
              ContainsRegex("\nmain +waits +inspected_program.cpp:[0-9]+ +call \"decode\" on thread decoders_0\n"));
  EXPECT_EQ(other.finish(), 0);
}

TEST(inspection, is_allowed_in_code_too) {
  inspected other("allow");
  const auto [code, out, err] = answered("pstree", other.pid());
  EXPECT_EQ(code, 0) << err;
  EXPECT_THAT(out, HasSubstr("call on thread callers_0"));
  EXPECT_EQ(other.finish(), 0);
  EXPECT_EQ(other.err, "");
}

TEST(inspection, of_a_loop_that_hangs_names_the_step_that_it_is_in) {
  inspected other("hang", {inspect});
  const auto [code, out, err] = tool("ps", other.pid());
  EXPECT_EQ(code, 0) << err;
  EXPECT_THAT(out, EndsWith(" on thread MainThread: it does not answer: it is in a step of the task \"hanging\"\n"));
  const auto again = tool("pstree", other.pid());  // while the first question still waits
  EXPECT_EQ(again.code, 0);
  EXPECT_EQ(other.finish(), 0);
}

TEST(inspection, is_off_unless_it_was_asked_for) {
  inspected other("serve");
  const auto [code, out, err] = tool("ps", other.pid());
  EXPECT_EQ(code, 1);
  EXPECT_EQ(out, "");
  EXPECT_EQ(err, "plait: process " + std::to_string(other.pid()) + not_allowed);
}

TEST(inspection, can_be_forbidden_again) {
  inspected other("forbid");
  EXPECT_EQ(tool("ps", other.pid()).err, "plait: process " + std::to_string(other.pid()) + not_allowed);
}

TEST(inspection, ends_with_a_program_that_exits_with_its_loop_alive) {
  inspected other("exit");
  EXPECT_EQ(tool("ps", other.pid()).code, 0);
  EXPECT_EQ(other.finish(), 7);
  EXPECT_EQ(other.err, "");
}

TEST(inspection, of_a_forked_child_is_not_its_parents) {
  program parent({PLAIT_INSPECTED, "fork"}, {inspect});
  const auto child = parent.line();
  EXPECT_EQ(parent.line(), "ready");
  EXPECT_EQ(tool({"ps", child}).err, "plait: process " + child + not_allowed);
  EXPECT_EQ(tool("ps", parent.pid()).code, 0);
  EXPECT_EQ(parent.finish(), 0);
}

#if !defined(__SANITIZE_THREAD__)  // it ends forked children that start threads
TEST(inspection, may_be_allowed_in_a_forked_child) {
  program parent({PLAIT_INSPECTED, "fork and allow"}, {inspect});
  const auto child = parent.line();
  EXPECT_EQ(parent.line(), "ready");
  const auto [code, out, err] = tool({"ps", child});
  EXPECT_EQ(code, 0) << err;
  EXPECT_EQ(out, "no event loop\n") << "the parent's loop is none of the child's";
  EXPECT_EQ(parent.finish(), 0);
}
#endif

/// As links in /proc/<pid>/fd show them.
std::set<std::string> sockets_of_name(const std::string& name) {
  std::set<std::string> links;
  std::ifstream all("/proc/net/unix");
  for (std::string line; std::getline(all, line);) {
    std::istringstream words(line);
    std::string inode, path;
    for (int column = 0; column < 7; ++column) words >> inode;
    if (words >> path && path == name) links.insert("socket:[" + inode + "]");
  }
  return links;
}

TEST(inspection, a_forked_child_does_not_keep_the_parents_name) {
  program parent({PLAIT_INSPECTED, "fork"}, {inspect});
  const auto child = parent.line();
  EXPECT_EQ(parent.line(), "ready");
  const auto named = sockets_of_name("@plait-inspect-" + std::to_string(parent.pid()));
  const auto has_one = [&named](const std::string& process) {
    for (const auto& entry : std::filesystem::directory_iterator("/proc/" + process + "/fd")) {
      std::error_code gone;
      if (named.contains(std::filesystem::read_symlink(entry, gone).string())) return true;
    }
    return false;
  };
  EXPECT_TRUE(has_one(std::to_string(parent.pid())));
  EXPECT_FALSE(has_one(child));
}

TEST(inspection, of_no_process_says_so) {
  const pid_t gone = ::fork();
  if (gone == 0) ::_exit(0);
  ::waitpid(gone, nullptr, 0);
  const auto [code, out, err] = tool("ps", gone);
  EXPECT_EQ(code, 1);
  EXPECT_EQ(err, "plait: there is no process " + std::to_string(gone) + "\n");
}

TEST(inspection, of_another_users_process_says_so) {
  if (::geteuid() == 0) {
    const pid_t nobodys = ::fork();
    if (nobodys == 0) {
      if (::setuid(65534) != 0) ::_exit(1);
      ::pause();
    }
    const auto status = "/proc/" + std::to_string(nobodys);
    while (!std::filesystem::exists(status)) std::this_thread::yield();
    std::string err;
    while (err.find("another user") == std::string::npos) {  // until it has become nobody's
      if (::waitpid(nobodys, nullptr, WNOHANG) != 0) GTEST_SKIP() << "root can't become another user here";
      err = tool("ps", nobodys).err;
    }
    EXPECT_EQ(err, "plait: process " + std::to_string(nobodys) +
                       " is another user's (uid 65534): only its own user may look in\n");
    ::kill(nobodys, SIGKILL);
    ::waitpid(nobodys, nullptr, 0);
  } else {
    EXPECT_THAT(tool({"ps", "1"}).err, HasSubstr("process 1 is another user's (uid 0)"));
  }
}

TEST(inspection, refuses_what_is_no_process_id) {
  for (const auto* const word : {"0", "-4", "me", "99999999999"}) {
    const auto [code, out, err] = tool({"ps", word});
    EXPECT_NE(code, 0) << word;
    EXPECT_NE(err, "") << word;
  }
  EXPECT_NE(tool({}).code, 0);
  EXPECT_EQ(tool({"--help"}).code, 0);
}

// ── clients that are no tool ──

class client {
 public:
  explicit client(pid_t pid) : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const auto to = address_of(pid);
    EXPECT_EQ(::connect(fd_, reinterpret_cast<const sockaddr*>(&to.name), to.size), 0);
  }
  client(const client&) = delete;
  client& operator=(const client&) = delete;
  ~client() { ::close(fd_); }
  void send(const void* bytes, std::size_t count) const { ::send(fd_, bytes, count, MSG_NOSIGNAL); }
  /// All that comes until the other side hangs up.
  [[nodiscard]] std::string rest() const {
    std::string text;
    char part[4096];
    for (ssize_t got = 0; (got = ::recv(fd_, part, sizeof part, 0)) > 0;)
      text.append(part, static_cast<std::size_t>(got));
    return text;
  }

 private:
  int fd_;
};

TEST(inspection, tells_a_client_that_says_something_else_that_it_does_not_understand) {
  inspected other("serve", {inspect});
  const client stranger(other.pid());
  stranger.send("GET / HT", 8);
  const auto answered = stranger.rest();
  ASSERT_EQ(answered.size(), sizeof(reply));
  reply head{};
  std::memcpy(&head, answered.data(), sizeof head);
  EXPECT_EQ(head.how, answer::not_understood);
  EXPECT_EQ(tool("ps", other.pid()).code, 0);
}

TEST(inspection, hangs_up_on_a_client_that_says_nothing_and_serves_the_next) {
  inspected other("serve", {inspect});
  const client silent(other.pid());
  const client half(other.pid());
  half.send("PLT", 3);
  EXPECT_EQ(tool("ps", other.pid()).code, 0);
  EXPECT_EQ(silent.rest(), "");
  EXPECT_EQ(half.rest(), "");
}

TEST(inspection, bears_clients_that_go_at_once) {
  inspected other("serve", {inspect});
  for (int i = 0; i < 50; ++i) const client gone(other.pid());
  for (int i = 0; i < 50; ++i) {
    const client asks_and_goes(other.pid());
    const request asked{magic, question::tree};
    asks_and_goes.send(&asked, sizeof asked);
  }
  EXPECT_EQ(tool("ps", other.pid()).code, 0);
  EXPECT_EQ(other.finish(), 0);
}

/// Answers in the name of this process what it is told to, and hangs up.
class impostor {
 public:
  explicit impostor(std::string answers) : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const auto name = address_of(::getpid());
    EXPECT_EQ(::bind(fd_, reinterpret_cast<const sockaddr*>(&name.name), name.size), 0);
    EXPECT_EQ(::listen(fd_, 1), 0);
    thread_ = std::thread([this, answers = std::move(answers)] {
      const int to = ::accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC);
      request asked{};
      static_cast<void>(::recv(to, &asked, sizeof asked, MSG_WAITALL));
      ::send(to, answers.data(), answers.size(), MSG_NOSIGNAL);
      ::close(to);
    });
  }
  impostor(const impostor&) = delete;
  impostor& operator=(const impostor&) = delete;
  ~impostor() {
    thread_.join();
    ::close(fd_);
  }

 private:
  int fd_;
  std::thread thread_;
};

std::string head_of(answer how, std::uint64_t bytes) {
  const reply head{magic, how, bytes};
  return {reinterpret_cast<const char*>(&head), sizeof head};
}

TEST(inspection_tool, takes_half_an_answer_for_a_failure) {
  const impostor other(head_of(answer::text, 100) + "half");
  const auto [code, out, err] = tool("ps", ::getpid());
  EXPECT_EQ(code, 1);
  EXPECT_EQ(out, "");
  EXPECT_THAT(err, EndsWith(" broke off: 4 of 100 bytes\n"));
}

TEST(inspection_tool, takes_no_answer_for_a_failure) {
  const impostor other("PLT1");
  EXPECT_THAT(tool("ps", ::getpid()).err, EndsWith(" has hung up without an answer\n"));
}

TEST(inspection_tool, believes_no_absurd_length) {
  const impostor other(head_of(answer::text, ~std::uint64_t{0}));
  EXPECT_THAT(tool("ps", ::getpid()).err, EndsWith(" could not answer\n"));
}

TEST(inspection_tool, says_when_the_other_side_is_of_another_version) {
  const impostor other(std::string(sizeof(reply), '?'));
  EXPECT_THAT(tool("ps", ::getpid()).err, EndsWith(" does not understand: it uses another version of plait\n"));
}

// ── the environment's other word ──

TEST(debug_mode, is_switched_on_by_the_environment) {
  program other({PLAIT_INSPECTED, "debug"}, {"PLAIT_DEBUG=1"});
  EXPECT_EQ(other.line(), "ready");
  EXPECT_EQ(other.finish(), 0);
  EXPECT_THAT(other.err, HasSubstr("a step of the task \"slow\", created at inspected_program.cpp:"));
  EXPECT_THAT(other.err, HasSubstr("sleeps() was dropped and has never run"));
}

TEST(debug_mode, is_off_without_it) {
  program other({PLAIT_INSPECTED, "debug"});
  EXPECT_EQ(other.line(), "ready");
  EXPECT_EQ(other.finish(), 0);
  EXPECT_EQ(other.err, "");
}

}  // namespace
