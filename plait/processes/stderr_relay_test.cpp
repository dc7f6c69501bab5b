// The relay by itself, over a pipe that the test writes; what it passes on is read from a file in stderr's place.
#include <plait/processes/internal/stderr_relay.hpp>

#include <climits>
#include <cstdio>
#include <cstdlib>
#include <string>

#include <fcntl.h>
#include <gmock/gmock.h>
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

/// Of a worker that nobody has told of yet.
class early_relay : public testing::Test {
 protected:
  early_relay() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) std::abort();
    subject = stderr_relay(unique_fd(ends[0]), "decoders_0");
    to_it = unique_fd(ends[1]);
  }
  void write(const std::string& text) {
    ASSERT_EQ(::write(to_it.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }

  stderr_relay subject;
  unique_fd to_it;
  const stderr_in_a_file passed_on;
};

class relay : public early_relay {
 protected:
  relay() { subject.set_pid(4711); }
};

TEST_F(relay, of_nothing_passes_on_nothing) {
  EXPECT_TRUE(subject.pass_on());
  to_it.reset();
  EXPECT_FALSE(subject.pass_on());
  subject.close();
  subject.close();
  EXPECT_EQ(passed_on.text(), "");
  EXPECT_EQ(subject.last_lines(), "");
}

TEST_F(relay, holds_a_line_back_until_its_end_is_there) {
  write("one\ntw");
  EXPECT_TRUE(subject.pass_on());
  EXPECT_EQ(passed_on.text(), "decoders_0[4711]: one\n");
  write("o\nthree");
  EXPECT_TRUE(subject.pass_on());
  EXPECT_EQ(passed_on.text(), "decoders_0[4711]: one\ndecoders_0[4711]: two\n");
  subject.close();
  EXPECT_EQ(passed_on.text(), "decoders_0[4711]: one\ndecoders_0[4711]: two\ndecoders_0[4711]: three\n");
  EXPECT_EQ(subject.descriptor(), -1);
}

TEST_F(relay, labels_each_line_and_keeps_the_last_ones_without) {
  write("one\n\n\nfour\n");
  EXPECT_TRUE(subject.pass_on());
  EXPECT_EQ(passed_on.text(),
            "decoders_0[4711]: one\n"
            "decoders_0[4711]: \n"
            "decoders_0[4711]: \n"
            "decoders_0[4711]: four\n");
  EXPECT_EQ(subject.last_lines(), "one\n\n\nfour\n");
}

TEST_F(relay, passes_on_a_line_that_is_too_long_in_pieces_with_one_label) {
  const std::string much(60'000, 'x');
  write(much);
  EXPECT_TRUE(subject.pass_on());
  EXPECT_EQ(passed_on.text(), "");
  write(much);
  EXPECT_TRUE(subject.pass_on());
  EXPECT_GT(passed_on.text().size(), stderr_relay::longest_line);
  write("\nnext\n");
  EXPECT_TRUE(subject.pass_on());
  EXPECT_EQ(passed_on.text(), "decoders_0[4711]: " + much + much + "\ndecoders_0[4711]: next\n");
}

// Its end is missing, whether a piece of it is still here or not.
TEST_F(relay, ends_a_line_of_which_all_was_passed_on) {
  const std::string much(4'096, 'x');  // as it is read: nothing is left over
  std::string all;
  while (passed_on.text().empty()) {
    write(much);
    all += much;
    EXPECT_TRUE(subject.pass_on());
  }
  subject.close();
  EXPECT_EQ(passed_on.text(), "decoders_0[4711]: " + all + "\n");
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
  subject.close();
  EXPECT_EQ(passed_on.text(),
            "decoders_0[4711]: " + bytes.substr(0, 3) + "decoders_0[4711]: " + bytes.substr(3) + "\n");
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

// What a pipe takes in one piece holds whole lines: nobody else's can come between their parts.
TEST_F(relay, writes_many_lines_in_whole_ones) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC | O_NONBLOCK | O_DIRECT), 0);  // each read gives one write
  const unique_fd packets(ends[0]), in_stderrs_place(ends[1]);
  const unique_fd before(::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3));
  std::string all;
  for (int i = 0; i < 500; ++i) all += std::to_string(i) + "\n";
  write(all);
  ::dup2(in_stderrs_place.get(), STDERR_FILENO);
  EXPECT_TRUE(subject.pass_on());
  ::dup2(before.get(), STDERR_FILENO);
  std::string came(PIPE_BUF, '\0'), together;
  int writes = 0;
  for (ssize_t size; (size = ::read(packets.get(), came.data(), came.size())) > 0; ++writes) {
    together.append(came, 0, static_cast<std::size_t>(size));
    EXPECT_EQ(together.back(), '\n');
  }
  EXPECT_LE(writes, 4);  // 10 KiB of lines and labels
  std::string expected;
  for (int i = 0; i < 500; ++i) expected += "decoders_0[4711]: " + std::to_string(i) + "\n";
  EXPECT_EQ(together, expected);
}

// ── before it is known who writes ──

TEST_F(early_relay, lines_wait_for_the_pid) {
  write("one\ntwo\nth");
  EXPECT_TRUE(subject.pass_on());
  EXPECT_EQ(passed_on.text(), "");
  subject.set_pid(12);
  EXPECT_TRUE(subject.pass_on());
  EXPECT_EQ(passed_on.text(), "decoders_0[12]: one\ndecoders_0[12]: two\n");
  write("ree\n");
  EXPECT_TRUE(subject.pass_on());
  EXPECT_EQ(passed_on.text(), "decoders_0[12]: one\ndecoders_0[12]: two\ndecoders_0[12]: three\n");
}

TEST_F(early_relay, lines_wait_for_the_pid_of_a_worker_that_has_closed_the_pipe) {
  write("last words");
  to_it.reset();
  EXPECT_TRUE(subject.pass_on());
  subject.set_pid(12);
  EXPECT_FALSE(subject.pass_on());
  subject.close();
  EXPECT_EQ(subject.descriptor(), -1);
  EXPECT_EQ(passed_on.text(), "decoders_0[12]: last words\n");
  subject.close();
  EXPECT_EQ(passed_on.text(), "decoders_0[12]: last words\n");
}

TEST_F(early_relay, lines_of_a_worker_that_nobody_tells_of_have_its_name) {
  write("one\ntwo");
  subject.close();
  EXPECT_EQ(passed_on.text(), "decoders_0: one\ndecoders_0: two\n");
  EXPECT_EQ(subject.last_lines(), "one\ntwo\n");
}

TEST_F(early_relay, who_writes_more_than_the_pipe_holds_waits_for_it) {
  const std::string line = std::string(999, 'x') + "\n";
  std::string all;
  while (::write(to_it.get(), line.data(), line.size()) == static_cast<ssize_t>(line.size())) {
    all += "decoders_0[12]: " + line;
    EXPECT_TRUE(subject.pass_on());
    ASSERT_LE(all.size(), std::size_t{1} << 20) << "it is read, and nobody knows whose it is";
  }
  subject.set_pid(12);
  EXPECT_TRUE(subject.pass_on());
  EXPECT_THAT(passed_on.text(), testing::StartsWith(all));
}

TEST(unnamed_relay, has_no_labels) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
  const unique_fd to_it(ends[1]);
  stderr_relay subject{unique_fd(ends[0])};
  const stderr_in_a_file passed_on;
  ASSERT_EQ(::write(to_it.get(), "one\n", 4), 4);
  EXPECT_TRUE(subject.pass_on());
  EXPECT_EQ(passed_on.text(), "one\n");
}

}  // namespace
