// What the tests of sandboxes share.
#pragma once

#include <plait/processes/internal/sandbox_filter.hpp>
#include <plait/processes/sandbox.hpp>

#include "process_pool_fixture_test.hpp"

namespace pool_test {

using plait::sandbox_violation;

/// Skips where no process can be sandboxed: what the pool then says, process_pool_sandbox_refused tests.
class sandbox_test : public testing::Test {
 protected:
  void SetUp() override {
    if (const auto why = plait::detail::why_no_filter(); !why.empty()) GTEST_SKIP() << why;
  }
};

/// The system call that the call was killed for; a test fails where it was not.
template <class T> std::string forbidden_call(const plait::future<T>& call) {
  try {
    const auto error = call.exception();
    if (error) std::rethrow_exception(error);
    ADD_FAILURE() << "the call has a value";
  } catch (const sandbox_violation& violation) {
    EXPECT_EQ(violation.signal(), SIGKILL);
    EXPECT_THAT(violation.what(),
                testing::HasSubstr("its sandbox forbids the system call " + violation.system_call()));
    return violation.system_call();
  } catch (const std::exception& other) {
    ADD_FAILURE() << "another error: " << other.what();
  } catch (const plait::cancelled_error&) {
    ADD_FAILURE() << "the call was cancelled";
  }
  return {};
}

}  // namespace pool_test
