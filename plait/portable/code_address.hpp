// Where a function is, in words that another process understands.
//
// A function lies somewhere else in each process, but at the same offset of the same module (the program, a shared
// library, a plugin). So an address travels as the number of its module and the offset in it. The sender numbers its
// modules in the order of their first use and tells the receiver once what each number means: its build id, and the
// path where it was loaded from.
#pragma once

#include <plait/core/config.hpp>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace plait::inline PLAIT_ABI::detail {

/// Where the code of a module lies in this process.
struct code_range {
  std::uintptr_t begin;
  std::uintptr_t end;
};
using code_ranges = std::vector<code_range>;
[[nodiscard]] inline bool contains(const code_ranges& code, std::uintptr_t address) noexcept {
  for (const auto& range : code)
    if (address - range.begin < range.end - range.begin) return true;
  return false;
}

/// Module 0 is the main program.
struct code_address {
  std::uint32_t module = 0;
  std::uint64_t offset = 0;
  friend bool operator==(const code_address&, const code_address&) = default;
};

/// Throws not_portable where no loaded module has code there, or one (a shared library) has that has no build id: a
/// worker could not know that it has the same one. Thread-safe. Some nanoseconds for the program's own functions, and
/// what a question to the dynamic linker costs for others.
[[nodiscard]] PLAIT_API code_address address_of_code(const void* address);

/// Of the main program: then address_of_code throws nothing and takes no lock. Thread-safe.
[[nodiscard]] PLAIT_API bool is_code_of_program(const void* address) noexcept;

struct module_description {
  std::string path;
  std::string build_id;  ///< its bytes, not their digits
  friend bool operator==(const module_description&, const module_description&) = default;
};

/// What a number that address_of_code gave means. Thread-safe. Throws std::out_of_range for one that it did not give.
[[nodiscard]] PLAIT_API module_description describe_module(std::uint32_t module);

/// How many numbers were given, that of the main program included: they are 0, 1, … Thread-safe.
[[nodiscard]] PLAIT_API std::uint32_t module_count();

/// The receiver's side: what the sender's numbers mean here. Module 0, the main program, is this one.
/// Thread safety: distinct objects are independent.
class PLAIT_API module_map {
 public:
  module_map();
  ~module_map();
  /// The module with that build id, found among the loaded ones or else loaded from the path (blocks as dlopen does);
  /// it is never unloaded again. decode_error: "the worker has no module with build id … (path)".
  void add(std::uint32_t module, const module_description& description);
  /// decode_error for a module that was not added, and for an offset where no code is.
  [[nodiscard]] const void* resolve(code_address address) const;

 private:
  struct module_here {
    std::uintptr_t base;
    code_ranges code;
  };
  [[nodiscard]] const module_here* find(std::uint32_t number) const noexcept;

  module_here program_;
  std::map<std::uint32_t, module_here> others_;
};

/// While it lives, the functions that this thread reads from bytes are numbered as in `modules`. Without one, only
/// those of the main program are known.
class PLAIT_API reading_modules {
 public:
  explicit reading_modules(const module_map& modules) noexcept;
  reading_modules(const reading_modules&) = delete;
  reading_modules& operator=(const reading_modules&) = delete;
  ~reading_modules();

 private:
  const module_map* before_;
};
[[nodiscard]] PLAIT_API const void* resolve_for_this_thread(code_address address);

}  // namespace plait::inline PLAIT_ABI::detail
