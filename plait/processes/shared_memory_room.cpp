#include <plait/core/internal/cgroups.hpp>
#include <plait/processes/internal/shared_memory_room.hpp>

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <limits>
#include <optional>
#include <string>

#include <sys/sysinfo.h>

namespace plait::inline PLAIT_ABI::detail {
namespace {

constexpr std::uint64_t unlimited = std::numeric_limits<std::uint64_t>::max();

std::optional<std::uint64_t> number_in(const std::string& path) {
  std::ifstream file(path);
  std::uint64_t number = 0;
  if (file >> number) return number;
  return std::nullopt;  // "max", or no such file
}

// A line "name 123" of the file.
std::uint64_t field_in(const std::string& path, const std::string& name) {
  std::ifstream file(path);
  std::string field;
  std::uint64_t number = 0;
  while (file >> field >> number) {
    if (field == name) return number;
    file.ignore(std::numeric_limits<std::streamsize>::max(), '\n');
  }
  return 0;
}

std::uint64_t room_of_machine(const struct sysinfo& machine) {
  const std::uint64_t unit = machine.mem_unit;
  if (const auto available = field_in("/proc/meminfo", "MemAvailable:"); available != 0) return available * 1024;
  return (machine.freeram + machine.bufferram) * unit;  // no /proc: without what caches would give back
}

// What is used counts files that the kernel would drop for us.
std::uint64_t left(std::optional<std::uint64_t> limit, std::optional<std::uint64_t> used, std::uint64_t cached) {
  if (!limit || !used) return unlimited;
  const auto held = *used - std::min(*used, cached);
  return *limit - std::min(*limit, held);
}

std::uint64_t room_of_group(const std::string& folder, bool version_2) {
  if (version_2) {
    return left(number_in(folder + "/memory.max"), number_in(folder + "/memory.current"),
                field_in(folder + "/memory.stat", "inactive_file"));
  }
  return left(number_in(folder + "/memory.limit_in_bytes"), number_in(folder + "/memory.usage_in_bytes"),
              field_in(folder + "/memory.stat", "total_inactive_file"));
}

std::uint64_t room_of_groups() {
  auto least = unlimited;
  for_each_cgroup("memory", [&](const std::string& folder, bool version_2) {
    least = std::min(least, room_of_group(folder, version_2));
  });
  return least;
}

}  // namespace

std::size_t room_for_shared_memory() noexcept {
  try {
    struct sysinfo machine{};
    if (::sysinfo(&machine) != 0) return std::numeric_limits<std::size_t>::max();
    const auto for_others = machine.totalram * machine.mem_unit / 16;
    const auto room = std::min(room_of_machine(machine), room_of_groups());
    return room - std::min<std::uint64_t>(room, for_others);
  } catch (...) {
    return 0;  // not even room to ask
  }
}

}  // namespace plait::inline PLAIT_ABI::detail
