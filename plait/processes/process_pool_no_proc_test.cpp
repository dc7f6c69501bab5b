// The program loses its /proc while it has a pool: calls go on, what can be known only from there is not known, and
// that is said.
#include <string>

#include "process_pool_fixture_test.hpp"
#include "process_pool_programs_test.hpp"
#include <sched.h>
#include <sys/mount.h>
#include <tests/support/recorded_reports.hpp>

namespace {

using namespace pool_test;
using test_support::recorded_reports;
using testing::HasSubstr;

PLAIT_PROGRAM(loses_its_proc) {
  if (::unshare(CLONE_NEWNS) != 0 || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
    program::tell("not permitted");
    return;
  }
  const recorded_reports reports;
  const portable_gate gate;
  process_pool_executor pool({.max_workers = 1, .worker_memory_limit = std::size_t{4} << 30});
  program::require(pool.submit(square, 3).result() == 9, 2);
  program::require(::umount2("/proc", MNT_DETACH) == 0, 3);
  const auto call = pool.submit(wait_at, gate.path(), 5);
  gate.wait_for(1);
  std::string said;
  while (said.find("can't be watched (worker_memory_limit): open /proc/") == std::string::npos) {
    std::this_thread::yield();
    said += reports.text();
  }
  gate.let_through(1);
  program::require(call.result() == 5, 4);
  program::require(said.find("/statm: No such file or directory") != std::string::npos, 5);
  const auto usage = pool.worker_usages().at(0);
  program::require(usage.calls == 2 && usage.cpu_time && !usage.resident_bytes && !usage.peak_resident_bytes, 6);
  program::tell(message_of<plait::broken_executor>([] { process_pool_executor next({.max_workers = 1}); }));
}

TEST(process_pool_without_proc, goes_on_and_says_what_it_can_not_know) {
  if (sanitized) GTEST_SKIP() << "a sanitizer looks into /proc itself";
  program blind("loses_its_proc");
  const auto told = blind.hear();
  if (told == "not permitted") GTEST_SKIP() << "no mount namespace of its own is permitted here";
  EXPECT_THAT(told, HasSubstr("workers are started from /proc/self/exe, and it is not there"));
  EXPECT_THAT(told, HasSubstr("is /proc mounted?"));
  expect_clean_end(blind);
}

}  // namespace
