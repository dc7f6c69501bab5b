// The program's own refusal: a client of another user, who asks in the right way, is told nothing.
#include <plait/loop/inspection.hpp>
#include <plait/loop/internal/inspection_wire.hpp>

#include <cerrno>

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

using namespace plait_inspection;

constexpr uid_t nobody = 65534;

enum class outcome { answered, refused, not_that_user, not_connected };

/// In a child, where only system calls are made. The socket is made by the user too: it says who asks.
outcome ask(pid_t program, uid_t as) {
  if (::geteuid() != as && ::setuid(as) != 0) return outcome::not_that_user;
  const int to = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const auto address = address_of(program);
  if (::connect(to, reinterpret_cast<const sockaddr*>(&address.name), address.size) != 0)
    return outcome::not_connected;
  const request asked{magic, question::tree};
  static_cast<void>(::send(to, &asked, sizeof asked, MSG_NOSIGNAL));  // fails where it has hung up already
  char answered = 0;
  ssize_t got = 0;
  while ((got = ::recv(to, &answered, 1, 0)) < 0 && errno == EINTR) {
  }
  return got > 0 ? outcome::answered : outcome::refused;
}

outcome ask_as(uid_t user) {
  const pid_t program = ::getpid();
  const pid_t child = ::fork();
  if (child == 0) ::_exit(static_cast<int>(ask(program, user)));
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  EXPECT_TRUE(WIFEXITED(status));
  return static_cast<outcome>(WEXITSTATUS(status));
}

struct inspection_by_users : testing::Test {
  inspection_by_users() { plait::allow_inspection(); }
  ~inspection_by_users() override { plait::forbid_inspection(); }
};

TEST_F(inspection_by_users, the_same_user_is_answered) { EXPECT_EQ(ask_as(::geteuid()), outcome::answered); }

TEST_F(inspection_by_users, another_user_is_not) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can become another user";
  const auto how = ask_as(nobody);
  if (how == outcome::not_that_user) GTEST_SKIP() << "root can't become another user here";
  EXPECT_EQ(how, outcome::refused);
}

}  // namespace
