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

// The tightest quota on the way from this process's cgroup up to the root. A line of /proc/self/cgroup is
// `id:controllers:/path`; version 2 has no controllers in it.
double allowed_by_cgroup() {
  double least = HUGE_VAL;
  std::ifstream groups("/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {
    const auto first = line.find(':');
    const auto second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const auto controllers = line.substr(first + 1, second - first - 1);
    if (!controllers.empty() && controllers.find("cpu") == std::string::npos) continue;
    const std::string root = controllers.empty() ? "/sys/fs/cgroup" : "/sys/fs/cgroup/cpu";
    for (auto path = line.substr(second + 1);; path.erase(path.find_last_of('/'))) {
      least = std::min(least, quota_of(root + path));
      if (path.find('/') == std::string::npos) break;
    }
  }
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
