// The names of functions in an ELF file, and where their source lines are told.
#pragma once

#include <plait/core/config.hpp>
#include <plait/portable/internal/debug_lines.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace plait::inline PLAIT_ABI::detail {

/// Reads the file's symbols, of the program and of its libraries' interface. Where there are none, or no such file,
/// it knows no name.
class symbol_file {
 public:
  explicit symbol_file(const char* path);
  symbol_file(const symbol_file&) = delete;
  symbol_file& operator=(const symbol_file&) = delete;
  ~symbol_file();

  /// The function that this address of the file lies in, as it is written in C++; empty where that is not known.
  [[nodiscard]] std::string function_at(std::uintptr_t address) const;
  /// As long as this lives. Empty where the file has no debug information, or has it compressed or in a file of its
  /// own.
  [[nodiscard]] const debug_sections& debug() const noexcept { return debug_; }

 private:
  struct function {
    std::uintptr_t begin;
    std::uintptr_t end;
    const char* name;
  };
  template <class T> [[nodiscard]] std::span<const T> table(std::uint64_t offset, std::uint64_t bytes) const;
  void read_sections();
  void read_functions(std::span<const std::byte> symbols, std::span<const std::byte> text);

  std::span<const std::byte> file_;  // mapped
  std::vector<function> functions_;
  debug_sections debug_;
};

}  // namespace plait::inline PLAIT_ABI::detail
