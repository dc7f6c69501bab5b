// The main of every test program: GoogleTest's, with a watchdog over each test.
#include <string>

#include "watchdog.hpp"
#include <gtest/gtest.h>

namespace {

class watched_tests : public testing::EmptyTestEventListener {
  void OnTestStart(const testing::TestInfo& test) override {
    watchdog_.start(std::string(test.test_suite_name()) + "." + test.name());
  }
  void OnTestEnd(const testing::TestInfo&) override { watchdog_.stop(); }

  test_support::watchdog watchdog_{test_support::watchdog_limit()};
};

}  // namespace

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  // A death test runs its statement in the program started anew: a mere fork of a program with threads may hang.
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  if (test_support::watchdog_limit().count() > 0) {
    testing::UnitTest::GetInstance()->listeners().Append(new watched_tests);  // GoogleTest owns it
  }
  return RUN_ALL_TESTS();
}
