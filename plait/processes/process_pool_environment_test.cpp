// What a worker has of the program that it belongs to, and what of it is seen: its directory and environment, what it
// prints, how it ends.
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "process_pool_fixture_test.hpp"
#include "process_pool_programs_test.hpp"

namespace {

using namespace pool_test;
using testing::ElementsAre;

constexpr const char* season_variable = "PLAIT_TEST_SEASON";

// ── where it begins ──

std::string own_directory() { return std::filesystem::current_path().string(); }
std::string season() {
  const char* const value = std::getenv(season_variable);
  return value ? value : "none";
}

PLAIT_PROGRAM(goes_elsewhere) {
  const auto move_to = [](const char* directory, const char* season) {
    program::require(::chdir(directory) == 0 && ::setenv(season_variable, season, 1) == 0, 2);
  };
  move_to("/", "winter");
  process_pool_executor first({.max_workers = 1});
  move_to("/usr", "spring");
  first.submit(square, 1).result();  // the first worker of this program
  move_to("/usr/lib", "summer");
  death_of(first.submit(leave_at_once, 0));
  program::tell(first.submit(own_directory).result() + " in " + first.submit(season).result());
  for (const auto how : both_ways) {
    process_pool_executor later({.max_workers = 1, .start = how});
    program::tell(later.submit(own_directory).result() + " in " + later.submit(season).result());
  }
  program::require(own_directory() == "/usr/lib" && season() == "summer", 3);
}

TEST(process_pool_environment, is_as_it_was_when_the_first_worker_started) {
  program goes("goes_elsewhere");
  for (int i = 0; i < 3; ++i) EXPECT_EQ(goes.hear(), "/usr in spring");
  expect_clean_end(goes);
}

// ── programs that its calls start ──

bool a_program_sees(const std::string& variable, const std::string& value) {
  return std::system(("test \"$" + variable + "\" = " + value).c_str()) == 0;
}

PLAIT_PROGRAM(has_calls_that_start_programs) {
  ::unsetenv("OMP_NUM_THREADS");
  ::setenv(season_variable, "autumn", 1);
  for (const auto how : both_ways) {
    process_pool_executor pool({.max_workers = 1, .start = how});
    const auto sees = [&](const std::string& variable, const std::string& value) {
      return pool.submit(a_program_sees, variable, value).result();
    };
    program::require(sees("OMP_NUM_THREADS", "1"), 2);
    program::require(sees(season_variable, "autumn") && !sees(season_variable, "winter"), 3);
  }
}

TEST(process_pool_environment, is_that_of_the_programs_that_calls_start) {
  program host("has_calls_that_start_programs");
  expect_clean_end(host);
}

// ── its end ──

void print_at_exit() { std::printf("\ntold: at exit\n"); }
int prints_half_a_line(const std::string& text) {
  std::atexit(print_at_exit);
  return std::printf("\ntold: %s", text.c_str());  // in its own buffer still: stdout is a pipe
}

PLAIT_PROGRAM(has_calls_that_print) {
  for (const auto how : both_ways) {
    process_pool_executor pool({.max_workers = 1, .start = how});
    const std::string text = how == plait::start_method::spawn ? "by exec" : "by fork";
    pool.submit(prints_half_a_line, text).result();
    program::tell("before its end");
    program::require(pool.shutdown(), 2);
    program::tell("after its end");
  }
}

TEST(process_pool_worker_end, writes_what_its_calls_have_printed_and_runs_nothing_of_the_programs) {
  program prints("has_calls_that_print");
  std::vector<std::string> lines;
  for (std::string line; !(line = prints.hear()).empty();) lines.push_back(line);
  EXPECT_THAT(
      lines, ElementsAre("before its end", "by fork", "after its end", "before its end", "by exec", "after its end"));
  expect_clean_end(prints);
}

}  // namespace
