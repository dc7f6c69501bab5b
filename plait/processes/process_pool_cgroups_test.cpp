// What the limits of cgroups come to, in whatever hierarchy the program is: over files that stand for the kernel's,
// in a program that has mounts of its own.
#include <plait/core/internal/cpus.hpp>
#include <plait/processes/internal/memory_kills.hpp>
#include <plait/processes/internal/shared_memory_room.hpp>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <utility>

#include "process_pool_fixture_test.hpp"
#include "process_pool_programs_test.hpp"
#include <sched.h>
#include <sys/mount.h>

namespace {

using namespace pool_test;
using plait::detail::count_memory_kills;
using plait::detail::room_for_shared_memory;
using plait::detail::usable_cpus;

/// As /proc/self/cgroup and the files below /sys/fs/cgroup say from now on, to this thread.
class cgroups_of_ours {
 public:
  cgroups_of_ours() {
    if (::unshare(CLONE_NEWNS) != 0 || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("none", "/sys/fs/cgroup", "tmpfs", 0, nullptr) != 0) {
      program::tell("not permitted");
      std::exit(0);
    }
  }

  static void are(const std::string& membership, const std::vector<std::pair<std::string, std::string>>& files) {
    for (const auto& entry : std::filesystem::directory_iterator("/sys/fs/cgroup"))
      std::filesystem::remove_all(entry.path());
    write("membership", membership);
    ::umount2("/proc/self/cgroup", MNT_DETACH);  // the one before
    if (::mount("/sys/fs/cgroup/membership", "/proc/self/cgroup", nullptr, MS_BIND, nullptr) != 0) {
      program::tell("not permitted");
      std::exit(0);
    }
    for (const auto& [path, text] : files) write(path, text);
  }

 private:
  static void write(const std::string& path, const std::string& text) {
    const auto file = std::filesystem::path("/sys/fs/cgroup") / path;
    std::filesystem::create_directories(file.parent_path());
    program::require((std::ofstream(file) << text << '\n' << std::flush).good(), 90);
  }
};

int affine_cpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  return ::sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : -1;
}

PLAIT_PROGRAM(has_quotas_of_cpu) {
  const cgroups_of_ours groups;
  const int all = affine_cpus();
  groups.are("0::/a/b", {{"a/b/cpu.max", "max 100000"}});
  program::require(usable_cpus() == all, 2);
  groups.are("0::/a/b", {{"a/b/cpu.max", "max 100000"}, {"a/cpu.max", "50000 100000"}});
  program::require(usable_cpus() == 1, 3);  // the group around it
  groups.are("0::/a", {{"a/cpu.max", "110000 100000"}});
  program::require(usable_cpus() == std::min(all, 2), 4);  // rounded up
  groups.are("5:cpuset:/\n4:cpu,cpuacct:/a\n0::/",
             {{"cpu/a/cpu.cfs_quota_us", "20000"}, {"cpu/a/cpu.cfs_period_us", "100000"}});
  program::require(usable_cpus() == 1, 5);
  groups.are("4:cpu:/a", {{"cpu/a/cpu.cfs_quota_us", "-1"}, {"cpu/a/cpu.cfs_period_us", "100000"}});
  program::require(usable_cpus() == all, 6);  // -1: none
  groups.are("5:cpuset:/a", {{"cpu/a/cpu.cfs_quota_us", "20000"}, {"cpu/a/cpu.cfs_period_us", "100000"}});
  program::require(usable_cpus() == all, 7);  // somebody else's
  groups.are("nonsense", {});
  program::require(usable_cpus() == all, 8);
}

PLAIT_PROGRAM(has_memory_that_was_killed_for) {
  const cgroups_of_ours groups;
  const auto told = [] {
    const auto kills = count_memory_kills();
    return std::to_string(kills.count) + ' ' + kills.file;
  };
  groups.are("0::/a/b", {{"a/b/memory.events", "low 0\nmax 5\noom 4\noom_kill 3\noom_group_kill 1"},
                         {"a/memory.events", "oom 9\noom_kill 8"}});
  program::require(told() == "3 /sys/fs/cgroup/a/b/memory.events", 2);
  groups.are("0::/a/b", {{"a/memory.events", "oom 9\noom_kill 8"}});
  program::require(told() == "8 /sys/fs/cgroup/a/memory.events", 3);
  groups.are("7:memory:/a", {{"memory/a/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 2"}});
  program::require(told() == "2 /sys/fs/cgroup/memory/a/memory.oom_control", 4);
  groups.are("0::/", {});
  program::require(count_memory_kills().file == "/proc/vmstat", 5);
}

PLAIT_PROGRAM(has_little_memory_left) {
  const cgroups_of_ours groups;
  const auto room_in = [&](const std::string& membership, const auto& files) {
    groups.are(membership, files);
    return room_for_shared_memory();
  };
  using files = std::vector<std::pair<std::string, std::string>>;
  // All of it: nothing is left, since something is kept for others.
  program::require(room_in("0::/a/b", files{{"a/b/memory.max", "max"},
                                            {"a/b/memory.current", "5000"},
                                            {"a/memory.max", "5000"},
                                            {"a/memory.current", "5000"}}) == 0,
                   2);
  program::require(room_in("7:memory:/a", files{{"memory/a/memory.limit_in_bytes", "5000"},
                                                {"memory/a/memory.usage_in_bytes", "7000"}}) == 0,
                   3);
  const auto machine = room_in("0::/", files{});
  const auto much = std::to_string(std::uint64_t{1} << 50);
  // What caches hold counts as free.
  program::require(room_in("0::/a", files{{"a/memory.max", much},
                                          {"a/memory.current", much},
                                          {"a/memory.stat", "anon 0\ninactive_file " + much}}) >= machine / 2,
                   4);
}

class process_pool_cgroups : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(where_it, process_pool_cgroups,
                         testing::Values("has_quotas_of_cpu", "has_memory_that_was_killed_for",
                                         "has_little_memory_left"),
                         [](const auto& info) { return std::string(info.param); });

TEST_P(process_pool_cgroups, are_understood) {
  program limited(GetParam());
  const auto told = limited.hear();
  expect_clean_end(limited);
  if (told == "not permitted") GTEST_SKIP() << "no mounts of its own are permitted here";
  EXPECT_EQ(told, "");
}

}  // namespace
