#include <plait/core/internal/cgroups.hpp>
#include <plait/core/internal/cpus.hpp>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <string>
#include <thread>

#include <sched.h>

namespace plait::inline PLAIT_ABI::detail {
namespace {

int allowed_by_affinity() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
  return static_cast<int>(std::thread::hardware_concurrency());  // more processors than a cpu_set_t holds
}

// "max 100000" or "150000 100000": what may be used of each period.
double quota_of_version_2(const std::string& folder) {
  std::ifstream file(folder + "/cpu.max");
  std::string quota;
  double period = 0;
  return file >> quota >> period && quota != "max" && period > 0 ? std::stod(quota) / period : HUGE_VAL;
}

// -1: no limit.
double quota_of_version_1(const std::string& folder) {
  double quota = 0;
  double period = 0;
  if (std::ifstream file(folder + "/cpu.cfs_quota_us"); !(file >> quota) || quota <= 0) return HUGE_VAL;
  std::ifstream file(folder + "/cpu.cfs_period_us");
  return file >> period && period > 0 ? quota / period : HUGE_VAL;
}

double allowed_by_cgroup() {
  double least = HUGE_VAL;
  for_each_cgroup("cpu", [&](const std::string& folder, bool version_2) {
    least = std::min(least, version_2 ? quota_of_version_2(folder) : quota_of_version_1(folder));
  });
  return least;
}

}  // namespace

int usable_cpus() noexcept {
  try {
    const double quota = std::ceil(allowed_by_cgroup());
    const int affinity = allowed_by_affinity();
    return std::max(1, quota < affinity ? static_cast<int>(quota) : affinity);
  } catch (...) {
    return 1;
  }
}

}  // namespace plait::inline PLAIT_ABI::detail
