#include <plait/core/errors.hpp>
#include <plait/core/report.hpp>

#include <stdexcept>

#include <gtest/gtest.h>
#include <tests/support/recorded_reports.hpp>

namespace {

TEST(report, goes_to_stderr_unless_somebody_wants_it) {
  const auto before = plait::set_report_function(nullptr);
  testing::internal::CaptureStderr();
  plait::detail::report(plait::severity::error, "a broken thing");
  plait::detail::report(plait::severity::warning, "a strange thing");
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "plait: error: a broken thing\nplait: warning: a strange thing\n");
  plait::set_report_function(before);
}

TEST(report, goes_to_the_function_that_was_installed_last) {
  {
    const test_support::recorded_reports reports;
    plait::detail::report(plait::severity::warning, "a strange thing");
    EXPECT_EQ(test_support::recorded_reports::text(), "a strange thing\n");
  }
  testing::internal::CaptureStderr();
  plait::detail::report(plait::severity::warning, "another");
  EXPECT_NE(testing::internal::GetCapturedStderr(), "");
  EXPECT_EQ(test_support::recorded_reports::text(), "");
}

TEST(report, describes_any_exception) {
  using plait::detail::describe;
  EXPECT_EQ(describe(nullptr), "no exception");
  EXPECT_EQ(describe(std::make_exception_ptr(std::out_of_range("index 7"))), "std::out_of_range: index 7");
  EXPECT_EQ(describe(std::make_exception_ptr(plait::cancelled_error())), "cancelled");
  EXPECT_EQ(describe(std::make_exception_ptr(7)), "an exception that is no std::exception");
}

}  // namespace
