// Source lines of code addresses, from a file's debug information (DWARF's .debug_line, versions 2 to 5).
#pragma once

#include <plait/core/config.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace plait::inline PLAIT_ABI::detail {

struct debug_sections {
  std::span<const std::byte> lines;         // .debug_line
  std::span<const std::byte> line_strings;  // .debug_line_str: names of files, in version 5
  std::span<const std::byte> strings;       // .debug_str: these too
};

/// "file.cpp:12" for each of these addresses that a line is known for. Goes through the line table once, up to the
/// last of them. Damaged tables give no lines, or wrong ones; nothing is read beyond them.
[[nodiscard]] PLAIT_API std::map<std::uintptr_t, std::string> source_lines(const debug_sections& sections,
                                                                           std::vector<std::uintptr_t> addresses);

}  // namespace plait::inline PLAIT_ABI::detail
