// What sandboxed workers log and print: programs of their own, whose stderr is read here.
#include <plait/observe/log.hpp>

#include <cstdio>

#include "process_pool_programs_test.hpp"
#include "sandbox_fixture_test.hpp"

namespace {

using namespace pool_test;
using testing::HasSubstr;

using sandbox_output = sandbox_test;

plait::process_pool_options talking() {
  plait::basic_config({.pattern = "%n: %v"});
  return {.max_workers = 1, .worker_name_prefix = "talking", .sandbox = plait::sandbox::compute};
}

int says() {
  plait::get_logger("call")->info("logged");
  std::printf("printed\n");
  std::fflush(stdout);
  std::fprintf(stderr, "complained\n");
  return 1;
}

PLAIT_PROGRAM(logs_and_prints_in_a_sandbox) {
  process_pool_executor pool(talking());
  program::require(pool.submit(says).result() == 1);
  program::tell(std::to_string(known_pids(pool, 1).at(0)));
  program::require(pool.shutdown());
}

// All by one pipe, so that no line can claim to be another's: a log line has a label too.
TEST_F(sandbox_output, is_labelled_on_the_programs_stderr) {
  program talks("logs_and_prints_in_a_sandbox");
  const auto label = "talking_0[" + talks.hear() + "]: ";
  EXPECT_THAT(talks.errors(), HasSubstr(label + "call: logged\n" + label + "printed\n" + label + "complained\n"));
  EXPECT_EQ(talks.wait(), 0);
}

PLAIT_PROGRAM(logs_prints_and_dies_in_a_sandbox) {
  process_pool_executor pool(talking());
  const auto says_and_leaves = [] { return leave_at_once(2 + says()); };
  const auto death = death_of(pool.submit(says_and_leaves));
  program::require(death.exit_code() == 3, 2);
  program::require(death.last_lines() == "call: logged\nprinted\ncomplained\n", 3);
}

// Unlike those of other workers, whose log and stdout go their own ways.
TEST_F(sandbox_output, is_all_among_the_last_lines_of_a_worker_that_died) {
  program talks("logs_prints_and_dies_in_a_sandbox");
  EXPECT_THAT(talks.errors(), HasSubstr("]: complained\n"));
  EXPECT_EQ(talks.wait(), 0);
}

}  // namespace
