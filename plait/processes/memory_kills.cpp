#include <plait/core/internal/cgroups.hpp>
#include <plait/processes/internal/memory_kills.hpp>

#include <fstream>
#include <optional>

namespace plait::inline PLAIT_ABI::detail {
namespace {

// Lines of `name number`.
std::optional<std::uint64_t> counter_in(const std::string& path) {
  std::ifstream file(path);
  std::string name;
  for (std::uint64_t number = 0; file >> name >> number;)
    if (name == "oom_kill") return number;
  return std::nullopt;
}

}  // namespace

memory_kills count_memory_kills() {
  memory_kills found;
  const auto look = [&](std::string path) {
    if (!found.file.empty()) return;
    if (const auto count = counter_in(path)) found = {*count, std::move(path)};
  };
  for_each_cgroup("memory", [&](const std::string& folder, bool version_2) {
    look(folder + (version_2 ? "/memory.events" : "/memory.oom_control"));
  });
  look("/proc/vmstat");
  return found;
}

}  // namespace plait::inline PLAIT_ABI::detail
