#include "benchmarks/driver/child.hpp"

#include <cerrno>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace bench {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

constexpr std::chrono::seconds ample{60};

outcome run_shell(const std::string& script, surroundings where = surroundings::free,
                  std::chrono::seconds timeout = ample) {
  return run_program({"/bin/sh", "-c", script}, where, timeout);
}

TEST(run_program, reads_the_lines_that_are_figures) {
  const auto result =
      run_shell(R"(printf 'latency\t1.5\tus\nsome words\nrate\t20\tk calls/s\nbad\t1x\tus\nbad\tx\n')");
  EXPECT_EQ(result.error, "");
  ASSERT_EQ(result.figures.size(), 2u);
  EXPECT_EQ(result.figures.at("latency").value, 1.5);
  EXPECT_EQ(result.figures.at("latency").unit, "us");
  EXPECT_EQ(result.figures.at("rate").unit, "k calls/s");
}

TEST(run_program, takes_output_that_would_fill_a_pipe) {
  const auto result = run_shell(R"(head -c 1000000 /dev/zero | tr '\0' x)");
  EXPECT_EQ(result.error, "");
  EXPECT_EQ(result.output.size(), 1'000'000u);
}

TEST(run_program, gives_the_program_its_input) {
  const std::string input(1'000'000, 'x');
  EXPECT_EQ(run_program({"/bin/cat"}, surroundings::free, ample, input).output, input);
}

TEST(run_program, tells_the_exit_status_and_the_last_words) {
  EXPECT_EQ(run_shell("echo first >&2; echo wrong sum >&2; exit 3").error, "exit status 3; wrong sum");
  EXPECT_EQ(run_shell("exit 3").error, "exit status 3; it printed no reason");
}

TEST(run_program, tells_the_signal) {
  EXPECT_THAT(run_shell("kill -SEGV $$").error, StartsWith("killed by signal 11"));
}

TEST(run_program, kills_what_does_not_end) {
  const auto result = run_program({"/bin/sleep", "3600"}, surroundings::free, std::chrono::seconds(0));
  EXPECT_EQ(result.error, "not done after 0 s, killed");
}

TEST(run_program, kills_what_the_program_leaves_behind) {
  const auto left_behind = std::stoi(run_shell("sleep 3600 >/dev/null 2>&1 & echo $!").output);
  const auto handle = static_cast<int>(syscall(SYS_pidfd_open, left_behind, 0));
  if (handle < 0) {
    EXPECT_EQ(errno, ESRCH);
    return;
  }
  pollfd end{handle, POLLIN, 0};
  EXPECT_EQ(poll(&end, 1, 10'000), 1) << "process " << left_behind << " still runs";
  close(handle);
}

TEST(run_program, tells_what_can_not_be_started) {
  const auto result = run_program({"/nowhere/program"}, surroundings::free, ample);
  EXPECT_THAT(result.error, HasSubstr("/nowhere/program: No such file or directory"));
}

TEST(run_program, gives_one_core_where_that_is_asked) {
  EXPECT_EQ(run_shell("env -u OMP_NUM_THREADS nproc", surroundings::one_core).output, "1\n");
}

}  // namespace
}  // namespace bench
