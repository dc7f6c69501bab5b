// The relay by itself, over a pipe that the test writes; what it passes on is read from a file in stderr's place.
#include <plait/processes/internal/stderr_relay.hpp>

#include <cstdio>
#include <string>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace {

using plait::detail::stderr_relay;
using plait::detail::unique_fd;

/// stderr is a file while it lives.
class stderr_in_a_file {
 public:
  stderr_in_a_file() : before_(::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3)), file_(std::tmpfile()) {
    ::dup2(::fileno(file_), STDERR_FILENO);
  }
  stderr_in_a_file(const stderr_in_a_file&) = delete;
  stderr_in_a_file& operator=(const stderr_in_a_file&) = delete;
  ~stderr_in_a_file() {
    ::dup2(before_, STDERR_FILENO);
    ::close(before_);
    std::fclose(file_);
  }
  [[nodiscard]] std::string text() const {
    std::string text(1 << 20, '\0');
    const auto size = ::pread(::fileno(file_), text.data(), text.size(), 0);
    text.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
    return text;
  }

 private:
  int before_;
  std::FILE* file_;
};

class relay : public testing::Test {
 protected:
  relay() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) std::abort();
    subject = stderr_relay(unique_fd(ends[0]));
    to_it = unique_fd(ends[1]);
  }
  void write(const std::string& text) {
    ASSERT_EQ(::write(to_it.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }

  stderr_relay subject;
  unique_fd to_it;
  const stderr_in_a_file passed_on;
};

TEST_F(relay, of_nothing_passes_on_nothing) {
  EXPECT_TRUE(subject.pass_on());
  to_it.reset();
  EXPECT_FALSE(subject.pass_on());
  subject.pass_on_rest();
  subject.pass_on_rest();
  EXPECT_EQ(passed_on.text(), "");
  EXPECT_EQ(subject.last_lines(), "");
}

TEST_F(relay, holds_a_line_back_until_its_end_is_there) {
  write("one\ntw");
  EXPECT_TRUE(subject.pass_on());
  EXPECT_EQ(passed_on.text(), "one\n");
  write("o\nthree");
  EXPECT_TRUE(subject.pass_on());
  EXPECT_EQ(passed_on.text(), "one\ntwo\n");
  subject.pass_on_rest();
  EXPECT_EQ(passed_on.text(), "one\ntwo\nthree\n");
  EXPECT_EQ(subject.descriptor(), -1);
}

TEST_F(relay, passes_on_a_line_that_is_too_long_in_pieces) {
  const std::string much(60'000, 'x');
  write(much);
  EXPECT_TRUE(subject.pass_on());
  EXPECT_EQ(passed_on.text(), "");
  write(much);
  EXPECT_TRUE(subject.pass_on());
  EXPECT_GT(passed_on.text().size(), stderr_relay::longest_line);
  write("\n");
  EXPECT_TRUE(subject.pass_on());
  EXPECT_EQ(passed_on.text(), much + much + "\n");
}

TEST_F(relay, keeps_the_last_lines) {
  for (int i = 0; i < 30; ++i) write(std::to_string(i) + "\n");
  EXPECT_TRUE(subject.pass_on());
  std::string expected;
  for (int i = 10; i < 30; ++i) expected += std::to_string(i) + "\n";
  EXPECT_EQ(subject.last_lines(), expected);
}

TEST_F(relay, keeps_no_more_than_so_many_bytes_of_them) {
  write(std::string(3'000, 'a') + "\n" + std::string(3'000, 'b') + "\n");
  EXPECT_TRUE(subject.pass_on());
  EXPECT_EQ(subject.last_lines().size(), stderr_relay::kept_bytes);
  EXPECT_TRUE(subject.last_lines().ends_with("b\n"));
}

TEST_F(relay, keeps_what_is_no_text_as_it_is) {
  const std::string bytes("\0\xff\n\0", 4);
  write(bytes);
  subject.pass_on_rest();
  EXPECT_EQ(passed_on.text(), bytes + "\n");
  EXPECT_EQ(subject.last_lines(), bytes + "\n");
}

TEST_F(relay, goes_on_where_stderr_is_closed) {
  const unique_fd before(::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3));
  ::close(STDERR_FILENO);
  write("lost\n");
  EXPECT_TRUE(subject.pass_on());
  ::dup2(before.get(), STDERR_FILENO);
  EXPECT_EQ(subject.last_lines(), "lost\n");
}

}  // namespace
