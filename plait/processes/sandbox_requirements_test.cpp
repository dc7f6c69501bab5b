// What a sandbox needs of the kernel, where that is not there: programs of their own, for which it fails.
#include <plait/core/report.hpp>

#include <algorithm>
#include <cerrno>
#include <string>
#include <string_view>

#include "process_pool_programs_test.hpp"
#include "sandbox_fixture_test.hpp"
#include <tests/support/refuse.hpp>

namespace {

using namespace pool_test;
using testing::EndsWith;
using testing::HasSubstr;

using sandbox_requirements = sandbox_test;

constexpr long landlock_create_ruleset = 444;  // on every architecture; older headers don't know it

std::string refusal_of(const plait::sandbox::policy& policy) {
  return message_of<plait::broken_executor>([&] { const process_pool_executor pool({.sandbox = policy}); });
}

PLAIT_PROGRAM(has_no_landlock) {
  program::require(test_support::refuse(landlock_create_ruleset, ENOSYS), 20);
  program::tell(refusal_of(plait::sandbox::read_only{{"/usr"}}));
  for (int i = 0; i < 2; ++i) {
    process_pool_executor pool({.max_workers = 1, .sandbox = plait::sandbox::compute});
    program::require(pool.submit(square, 3).result() == 9, 2);
    program::require(forbidden_call(pool.submit(contents_of, std::string("/etc/passwd"))) == "openat", 3);
  }
}

TEST_F(sandbox_requirements, without_landlock_are_those_of_compute_alone) {
  program lacks("has_no_landlock");
  EXPECT_THAT(lacks.hear(), HasSubstr("sandbox::read_only needs Landlock"));
  const auto reports = lacks.errors();
  EXPECT_THAT(reports, EndsWith("this kernel has no Landlock: sandboxes are seccomp's alone\n"));
  EXPECT_EQ(std::ranges::count(reports, '\n'), 1) << reports;  // for both pools
  EXPECT_EQ(lacks.wait(), 0);
}

PLAIT_PROGRAM(has_no_notifications) {
  program::require(test_support::refuse(SYS_seccomp, ENOSYS), 20);
  program::tell(refusal_of(plait::sandbox::compute));
  program::tell(refusal_of(plait::sandbox::read_only{{"/usr"}}));
}

TEST_F(sandbox_requirements, are_notifications_of_seccomp) {
  program lacks("has_no_notifications");
  for (int i = 0; i < 2; ++i) EXPECT_THAT(lacks.hear(), HasSubstr("user notifications of seccomp"));
  expect_clean_end(lacks);
}

/// As a container may do above a program: a filter that allows all, and whose listener stays open.
bool listen_to_own_calls() {
  sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  const sock_fprog all{1, &allow};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &all) >= 0;
}

PLAIT_PROGRAM(is_listened_to) {
  program::require(listen_to_own_calls(), 20);
  plait::set_report_function([](plait::severity, std::string_view) noexcept {});
  process_pool_executor pool({.max_workers = 1, .sandbox = plait::sandbox::compute});
  const auto call = [&] { return pool.submit(square, 3).result(); };
  program::tell(message_of<plait::broken_executor>(call));
  program::tell(message_of<plait::broken_executor>(call));
}

TEST_F(sandbox_requirements, are_that_nobody_listens_already) {
  program listened("is_listened_to");
  for (int i = 0; i < 2; ++i)
    EXPECT_THAT(listened.hear(), HasSubstr("a container that listens to its processes' calls can be why"));
  expect_clean_end(listened);
}

}  // namespace
