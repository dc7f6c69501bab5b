#include <plait/processes/internal/descriptors.hpp>

#include <array>
#include <cerrno>
#include <cstring>
#include <string>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

namespace {

using plait::detail::make_socket_pair;
using plait::detail::private_fd;
using plait::detail::receive_message;
using plait::detail::received_message;
using plait::detail::send_message;
using plait::detail::unique_fd;
using result = received_message::result;

bool is_open(int descriptor) { return ::fcntl(descriptor, F_GETFD) >= 0; }
private_fd some_file() { return private_fd(unique_fd(::open("/dev/null", O_RDONLY | O_CLOEXEC))); }
auto bytes_of(const std::string& text) { return std::as_bytes(std::span(text)); }

/// What `body` returns in a forked child.
template <class Body> int in_a_fork(Body body) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(body());
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(private_fd, closes_at_its_end) {
  int number;
  {
    const auto file = some_file();
    number = file.get();
    EXPECT_TRUE(is_open(number));
  }
  EXPECT_FALSE(is_open(number));
}

TEST(private_fd, a_moved_one_is_empty) {
  auto first = some_file();
  const int number = first.get();
  auto second = std::move(first);
  EXPECT_FALSE(first);
  EXPECT_EQ(second.get(), number);
  first = some_file();
  const int replaced = first.get();
  first = std::move(second);
  EXPECT_EQ(first.get(), number);
  EXPECT_FALSE(is_open(replaced));
}

TEST(private_fd, a_forked_child_has_none) {
  const auto one = some_file();
  auto two = some_file();
  auto three = some_file();
  const auto moved = std::move(two);
  three.reset();
  const std::array numbers{one.get(), moved.get()};
  EXPECT_EQ(in_a_fork([&] {
              int kept = 0;
              for (const int number : numbers) kept += is_open(number);
              return kept + (one ? 10 : 0) + (moved ? 10 : 0);
            }),
            0);
  EXPECT_TRUE(is_open(one.get()));
  EXPECT_TRUE(is_open(moved.get()));
}

// What the child opens at the number is its own: the empty object must not close it.
TEST(private_fd, in_a_forked_child_its_end_closes_nothing) {
  auto file = some_file();
  const int number = file.get();
  EXPECT_EQ(in_a_fork([&] {
              ::dup2(STDERR_FILENO, number);
              file.reset();
              return is_open(number) ? 0 : 1;
            }),
            0);
}

TEST(private_fd, a_forked_child_may_make_its_own_and_fork_again) {
  const auto file = some_file();
  EXPECT_EQ(in_a_fork([] {
              const auto of_child = some_file();
              const int number = of_child.get();
              return in_a_fork([number] { return is_open(number) ? 7 : 5; });
            }),
            5);
}

TEST(messages, carry_bytes_and_descriptors) {
  auto [here, there] = make_socket_pair();
  auto [one, two] = make_socket_pair();
  const std::array numbers{one.get(), two.get()};
  ASSERT_EQ(send_message(here.get(), bytes_of("hello"), numbers), 0);
  std::array<char, 10> text{};
  const auto received = receive_message(there.get(), std::as_writable_bytes(std::span(text)));
  EXPECT_EQ(received.what, result::message);
  EXPECT_EQ(std::string(text.data(), received.size), "hello");
  ASSERT_EQ(received.descriptors.size(), 2U);
  // They are the pair: what goes in at one comes out at the other.
  ASSERT_EQ(send_message(received.descriptors[0].get(), bytes_of("through"), {}), 0);
  EXPECT_EQ(receive_message(received.descriptors[1].get(), std::as_writable_bytes(std::span(text))).size, 7U);
  EXPECT_NE(::fcntl(received.descriptors[0].get(), F_GETFD) & FD_CLOEXEC, 0);
}

TEST(messages, nothing_yet_and_closed) {
  auto [here, there] = make_socket_pair();
  std::array<std::byte, 10> bytes;
  EXPECT_EQ(receive_message(there.get(), bytes).what, result::nothing_yet);
  here.reset();
  EXPECT_EQ(receive_message(there.get(), bytes).what, result::closed);
  EXPECT_EQ(send_message(there.get(), bytes, {}), EPIPE);  // and no SIGPIPE
}

TEST(messages, one_that_is_too_long_is_no_message) {
  auto [here, there] = make_socket_pair();
  ASSERT_EQ(send_message(here.get(), bytes_of("longer than expected"), {}), 0);
  std::array<std::byte, 10> bytes;
  EXPECT_EQ(receive_message(there.get(), bytes).what, result::closed);
}

TEST(messages, a_full_socket_does_not_block) {
  auto [here, there] = make_socket_pair();
  int error = 0;
  while (error == 0) error = send_message(here.get(), bytes_of("more"), {});
  EXPECT_EQ(error, EAGAIN);
}

TEST(messages, descriptors_that_find_no_room_are_lost_all_together) {
  auto [here, there] = make_socket_pair();
  auto [one, two] = make_socket_pair();
  const std::array numbers{one.get(), two.get()};
  ASSERT_EQ(send_message(here.get(), bytes_of("hello"), numbers), 0);
  const int lowest_free = some_file().get();
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit one_more = before;
  one_more.rlim_cur = static_cast<rlim_t>(lowest_free) + 1;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &one_more), 0);
  std::array<std::byte, 10> bytes;
  const auto received = receive_message(there.get(), bytes);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_EQ(received.what, result::message);
  EXPECT_EQ(received.size, 5U);
  EXPECT_TRUE(received.descriptors_lost);
  EXPECT_TRUE(received.descriptors.empty());
  EXPECT_FALSE(is_open(lowest_free));
}

TEST(messages, nothing_of_ours_is_a_standard_stream) {
  const auto program = [] {
    ::close(STDIN_FILENO);
    ::close(STDOUT_FILENO);
    auto [here, there] = make_socket_pair();
    const bool above = here.get() > STDERR_FILENO && there.get() > STDERR_FILENO;
    const int number = here.get();
    static_cast<void>(send_message(here.get(), bytes_of("x"), std::span(&number, 1)));
    std::array<std::byte, 1> byte;
    const auto received = receive_message(there.get(), byte);
    const bool received_above = received.descriptors.at(0).get() > STDERR_FILENO;
    std::_Exit(above && received_above && !is_open(STDIN_FILENO) && !is_open(STDOUT_FILENO) ? 0 : 1);
  };
  EXPECT_EXIT(program(), testing::ExitedWithCode(0), "");
}

}  // namespace
