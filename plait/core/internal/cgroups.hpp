#pragma once

#include <plait/core/config.hpp>

#include <fstream>
#include <string>
#include <string_view>

namespace plait::inline PLAIT_ABI::detail {

/// Calls `f(folder, version_2)` for each cgroup whose limits hold for this process: on the way from its own one up to
/// the root, of version 2 and of version 1's hierarchy that has this controller ("cpu", "memory"). A line of
/// /proc/self/cgroup is `id:controllers:/path`; version 2 has no controllers in it.
template <class F> void for_each_cgroup(std::string_view controller, F f) {
  std::ifstream groups("/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {
    const auto first = line.find(':');
    const auto second = line.find(':', first + 1);
    if (second == std::string::npos || line[second + 1] != '/') continue;
    const auto controllers = ',' + line.substr(first + 1, second - first - 1) + ',';
    const bool version_2 = controllers == ",,";
    if (!version_2 && controllers.find(',' + std::string(controller) + ',') == std::string::npos) continue;
    const auto root = version_2 ? std::string("/sys/fs/cgroup") : "/sys/fs/cgroup/" + std::string(controller);
    for (auto path = line.substr(second + 1); !path.empty() && path != "/"; path.erase(path.find_last_of('/')))
      f(root + path, version_2);
    f(root, version_2);
  }
}

}  // namespace plait::inline PLAIT_ABI::detail
