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
double quota_of(const std::string& folder) {
  std::ifstream file(folder + "/cpu.max");
  std::string quota;
  double period = 0;
  if (file >> quota >> period && quota != "max" && period > 0) return std::stod(quota) / period;
  std::ifstream quota_v1(folder + "/cpu.cfs_quota_us");
  std::ifstream period_v1(folder + "/cpu.cfs_period_us");
  double used = 0;
  if (quota_v1 >> used && period_v1 >> period && used > 0 && period > 0) return used / period;
  return HUGE_VAL;
}

double allowed_by_cgroup() {
  double least = HUGE_VAL;
  for_each_cgroup("cpu", [&](const std::string& folder, bool) { least = std::min(least, quota_of(folder)); });
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
