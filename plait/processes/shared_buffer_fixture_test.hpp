// What the tests of shared buffers share: how many of them a process holds, and whether two are the same memory.
#pragma once

#include <plait/processes/shared_array.hpp>
#include <plait/processes/shared_buffer.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <ostream>
#include <sstream>
#include <string>
#include <string_view>
#include <system_error>

namespace pool_test {

using plait::shared_array;
using plait::shared_buffer;

/// Of shared buffers, in one process.
struct held {
  std::size_t mappings = 0, descriptors = 0;
  friend bool operator==(const held&, const held&) = default;
  friend void PrintTo(const held& h, std::ostream* out) {
    *out << h.mappings << " mappings, " << h.descriptors << " descriptors";
  }
};

/// Which also goes to a worker.
inline held held_here() {
  constexpr std::string_view name = "memfd:plait:buffer";
  held found;
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) found.mappings += line.find(name) != line.npos;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code gone;  // the iterator's own
    found.descriptors += std::filesystem::read_symlink(entry, gone).string().find(name) != std::string::npos;
  }
  return found;
}

/// The inode of the file that is mapped there: the same in all processes that map it.
inline std::uint64_t inode_at(const void* address) {
  const auto wanted = reinterpret_cast<std::uintptr_t>(address);
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    std::istringstream fields(line);
    std::uintptr_t begin = 0, end = 0;
    char dash = 0;
    std::string permissions, offset, device;
    std::uint64_t inode = 0;
    fields >> std::hex >> begin >> dash >> end >> permissions >> offset >> device >> std::dec >> inode;
    if (begin <= wanted && wanted < end) return inode;
  }
  return 0;
}
inline std::uint64_t inode_of(const shared_buffer& buffer) { return inode_at(buffer.data()); }

inline void fill(const shared_buffer& buffer, char with) {
  std::ranges::fill(buffer.bytes(), static_cast<std::byte>(with));
}
/// For workers.
inline void fill_there(shared_buffer buffer, char with) { fill(buffer, with); }
inline bool is_full_of(const shared_buffer& buffer, char with) {
  return std::ranges::all_of(buffer.bytes(), [&](auto byte) { return byte == static_cast<std::byte>(with); });
}
inline shared_buffer filled(std::size_t bytes, char with) {
  shared_buffer made(bytes);
  fill(made, with);
  return made;
}

}  // namespace pool_test
