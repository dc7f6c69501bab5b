// A trace travels as addresses, and gets its functions' names where somebody reads it: names cost milliseconds.
#include <plait/portable/exceptions.hpp>
#include <plait/portable/internal/loaded_modules.hpp>
#include <plait/portable/internal/symbol_file.hpp>
#include <plait/portable/internal/throw_trace.hpp>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <memory>
#include <sstream>
#include <string_view>
#include <unordered_map>

#include <cxxabi.h>

namespace plait::inline PLAIT_ABI::detail {

namespace {

constexpr std::string_view program = "program";

std::string hex(std::uintptr_t number) {
  char digits[20];
  std::snprintf(digits, sizeof(digits), "+0x%lx", static_cast<unsigned long>(number));
  return digits;
}

}  // namespace

std::string describe_trace(std::span<void* const> frames) {
  if (frames.empty()) return {};
  const auto modules = loaded_modules();
  std::string text;
  for (const void* frame : frames) {
    // Frames are where a call returns to: the byte before is still in the calling function.
    const auto address = reinterpret_cast<std::uintptr_t>(frame) - 1;
    const auto in = std::ranges::find_if(modules, [&](const auto& m) { return contains(m.code, address); });
    if (in == modules.end())
      text.append("?").append(hex(address));
    else
      text.append(in->name.empty() ? program : in->name).append(hex(address - in->base));
    text += '\n';
  }
  return text;
}

std::string trace_of(const std::exception_ptr& error) {
  if (!error) return {};
  try {
    std::rethrow_exception(error);
  } catch (...) {
    const auto* const type = abi::__cxa_current_exception_type();
    return type != nullptr ? describe_trace(throw_trace_of(error, *type)) : std::string();
  }
}

std::string readable_trace(const std::string& trace) {
  const auto modules = loaded_modules();
  std::unordered_map<std::string, std::unique_ptr<symbol_file>> files;
  std::istringstream lines(trace);
  std::string text;
  for (std::string line; std::getline(lines, line);) {
    const auto plus = line.rfind("+0x");
    std::uintptr_t address = 0;
    std::string name;
    if (plus != std::string::npos) {
      std::from_chars(line.data() + plus + 3, line.data() + line.size(), address, 16);
      const std::string module = line.substr(0, plus);
      // The trace may come from a hostile process: no other files are opened than those that are loaded anyway.
      const bool here = module == program || std::ranges::any_of(modules, [&](const auto& m) {
                          return !m.name.empty() && m.name == module;
                        });
      if (here) {
        auto& file = files[module];
        if (!file) file = std::make_unique<symbol_file>(module == program ? "/proc/self/exe" : module.c_str());
        name = file->function_at(address);
      }
    }
    if (!name.empty()) text.append(name).append(" in ");
    text.append(line).append("\n");
  }
  return text;
}

}  // namespace plait::inline PLAIT_ABI::detail
