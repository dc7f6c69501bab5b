// Text for a person's eyes, of what others named.
#pragma once

#include <plait/core/config.hpp>

#include <string>
#include <string_view>
#include <typeinfo>

namespace plait::inline PLAIT_ABI::detail {

/// `text` with what would move a terminal's cursor or break a line written as \n, \t, \x1b; so is what is no UTF-8.
/// At most `longest` bytes of it, then "...".
[[nodiscard]] PLAIT_API std::string printable(std::string_view text, std::size_t longest = 200);

/// A type as it is written in C++.
[[nodiscard]] PLAIT_API std::string type_name(const std::type_info& type);
/// A symbol as it is written in C++; as it is where it is no such symbol.
[[nodiscard]] PLAIT_API std::string demangled(const char* symbol);

}  // namespace plait::inline PLAIT_ABI::detail
