// What the attendant's epoll tells of a pipe whose worker's pid is not known yet, and of one whose pid is.
#include <plait/processes/internal/attendant_epoll.hpp>
#include <plait/processes/internal/unique_fd.hpp>

#include <optional>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace {

using plait::detail::hear;
using plait::detail::not_yet;
using plait::detail::unique_fd;

class attendant_epoll : public testing::Test {
 protected:
  attendant_epoll() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) std::abort();
    from_worker = unique_fd(ends[0]);
    to_it = unique_fd(ends[1]);
    plait::detail::watch(epoll.get(), from_worker.get(), not_yet, 7);
  }
  // What is told now, and of whom; nothing where it is silent.
  std::optional<std::uint32_t> told() {
    epoll_event event{};
    const int count = ::epoll_wait(epoll.get(), &event, 1, 0);
    if (count == 0) return std::nullopt;
    EXPECT_EQ(count, 1);
    const std::uint64_t whose = event.data.u64;  // a copy: the struct is packed
    EXPECT_EQ(whose, 7U);
    return std::uint32_t{event.events};
  }
  void write() { ASSERT_EQ(::write(to_it.get(), "x", 1), 1); }

  unique_fd epoll{::epoll_create1(EPOLL_CLOEXEC)};
  unique_fd from_worker;
  unique_fd to_it;
};

TEST_F(attendant_epoll, tells_nothing_of_what_is_to_be_heard_later) {
  write();
  EXPECT_EQ(told(), std::nullopt);
  hear(epoll.get(), from_worker.get(), 7);
  EXPECT_EQ(told(), std::uint32_t{EPOLLIN});
  EXPECT_EQ(told(), std::uint32_t{EPOLLIN}) << "until it is read";
}

TEST_F(attendant_epoll, tells_once_of_an_end_that_is_to_be_heard_later) {
  write();
  to_it.reset();
  EXPECT_TRUE(told());
  EXPECT_EQ(told(), std::nullopt);
  hear(epoll.get(), from_worker.get(), 7);
  EXPECT_EQ(told(), std::uint32_t{EPOLLIN | EPOLLHUP});
}

}  // namespace
