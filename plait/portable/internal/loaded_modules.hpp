// What the dynamic linker has loaded into this process.
#pragma once

#include <plait/core/config.hpp>
#include <plait/portable/code_address.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace plait::inline PLAIT_ABI::detail {

struct loaded_module {
  std::uintptr_t base = 0;
  code_ranges code;
  module_description description;
  bool is_main = false;
};

[[nodiscard]] const loaded_module& main_module();
/// Nothing where the address is no code.
[[nodiscard]] std::optional<loaded_module> find_loaded_module(std::uintptr_t address);
[[nodiscard]] std::optional<loaded_module> find_loaded_module(std::string_view build_id);
/// All of them as the linker knows them; the main program, without a name, first.
struct module_outline {
  std::string name;
  std::uintptr_t base;
  code_ranges code;
};
[[nodiscard]] std::vector<module_outline> loaded_modules();
/// From now on nothing here looks at a file: paths are as the linker has them, and module_map loads nothing. For a
/// process that has given up its files.
void no_more_files() noexcept;
[[nodiscard]] bool files_are_out_of_reach() noexcept;

/// How many were unloaded so far: what was found before holds as long as this stays.
[[nodiscard]] unsigned long long count_of_unloaded() noexcept;

}  // namespace plait::inline PLAIT_ABI::detail
