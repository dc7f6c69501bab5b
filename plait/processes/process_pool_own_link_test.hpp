// How a call finds the memory that its worker shares with the pool, as hostile code would.
#pragma once

#include <plait/processes/internal/link_memory.hpp>

#include <cstdlib>
#include <fstream>
#include <string>

namespace pool_test {

inline plait::detail::link_memory& own_link() {
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);)
    if (line.find("/memfd:plait:link") != std::string::npos)
      return *reinterpret_cast<plait::detail::link_memory*>(std::stoull(line, nullptr, 16));
  std::abort();
}

}  // namespace pool_test
