// The exceptions that users registered, by their names.
#pragma once

#include <plait/portable/portable_exception.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <typeinfo>

namespace plait::inline PLAIT_ABI::detail {

/// As it is written in C++.
[[nodiscard]] std::string demangle(const char* name);
/// The name of the type. std::throw_with_nested throws a type of its own, which derives from that of its argument:
/// the name of the latter.
[[nodiscard]] std::string name_of_thrown(const std::type_info& type);

[[nodiscard]] std::optional<exception_codec> find_exception_codec(std::string_view name);

}  // namespace plait::inline PLAIT_ABI::detail
