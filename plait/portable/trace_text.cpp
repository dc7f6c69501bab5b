// A trace travels as addresses, and gets its functions' names where somebody reads it: names cost milliseconds.
#include <plait/portable/exceptions.hpp>
#include <plait/portable/internal/debug_lines.hpp>
#include <plait/portable/internal/loaded_modules.hpp>
#include <plait/portable/internal/symbol_file.hpp>
#include <plait/portable/internal/text.hpp>
#include <plait/portable/internal/throw_trace.hpp>

#include <algorithm>
#include <charconv>
#include <map>
#include <sstream>
#include <string_view>
#include <utility>
#include <vector>

#include <cxxabi.h>

namespace plait::inline PLAIT_ABI::detail {

namespace {

constexpr std::string_view program = "program";
constexpr std::size_t most_looked_up = 256;  // arbitrary: a trace of ours has 64 frames at most

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
      text.append("?+").append(hex(address));
    else
      text.append(in->name.empty() ? program : in->name).append("+").append(hex(address - in->base));
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

namespace {

/// A line of a trace.
struct frame_line {
  std::string text;
  std::string module = {};  // empty: of nothing that can be looked up
  std::uintptr_t address = 0;
};

frame_line read_frame(std::string line) {
  frame_line frame{std::move(line)};
  const auto plus = frame.text.rfind("+0x");
  if (plus == std::string::npos) return frame;
  const auto* const end = frame.text.data() + frame.text.size();
  std::from_chars(frame.text.data() + plus + 3, end, frame.address, 16);
  frame.module = frame.text.substr(0, plus);
  return frame;
}

/// "f(int) at file.cpp:12 in " for each address of a module's that something is known of.
std::map<std::uintptr_t, std::string> look_up(const char* path, const std::vector<std::uintptr_t>& addresses,
                                              trace_detail how) {
  const symbol_file file(path);
  std::map<std::uintptr_t, std::string> known;
  std::map<std::uintptr_t, std::string> lines;
  if (how == trace_detail::names_and_lines) lines = source_lines(file.debug(), addresses);
  for (const auto address : addresses) {
    auto text = file.function_at(address);
    if (const auto line = lines.find(address); line != lines.end())
      text.append(text.empty() ? "" : " at ").append(line->second);
    if (!text.empty()) known.emplace(address, text + " in ");
  }
  return known;
}

}  // namespace

std::string readable_trace(const std::string& trace, trace_detail how) {
  const auto modules = loaded_modules();
  // The trace may come from a hostile process: no other files are opened than those that are loaded anyway.
  const auto is_here = [&](const std::string& name) {
    return name == program ||
           std::ranges::any_of(modules, [&](const auto& m) { return !m.name.empty() && m.name == name; });
  };
  std::vector<frame_line> frames;
  std::map<std::string, std::vector<std::uintptr_t>> wanted;
  std::istringstream lines(trace);
  for (std::string line; std::getline(lines, line);) {
    frames.push_back(frames.size() < most_looked_up ? read_frame(std::move(line)) : frame_line{std::move(line)});
    if (const auto& frame = frames.back(); is_here(frame.module)) wanted[frame.module].push_back(frame.address);
  }
  std::map<std::string, std::map<std::uintptr_t, std::string>> known;
  for (const auto& [module, addresses] : wanted)
    known[module] = look_up(module == program ? "/proc/self/exe" : module.c_str(), addresses, how);
  std::string text;
  for (const auto& frame : frames) {
    const auto& of_module = known[frame.module];
    if (const auto at = of_module.find(frame.address); at != of_module.end()) text += at->second;
    text.append(frame.text).append("\n");
  }
  return text;
}

}  // namespace plait::inline PLAIT_ABI::detail
