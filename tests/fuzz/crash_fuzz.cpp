// What a worker that crashed, or a hostile one, has left in its crash record: a report of bounded size in which
// nothing moves a terminal's cursor, or none.
#include <plait/core/internal/printable.hpp>
#include <plait/portable/exceptions.hpp>
#include <plait/processes/internal/crash_record.hpp>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <memory>
#include <sstream>
#include <string>

#include "crash_input.hpp"
#include "input.hpp"

namespace {

using plait::detail::crash_record;

// A module's name of 512 bytes and "...", and an offset.
constexpr std::size_t longest_line = 512 + 3 + 19;
constexpr std::size_t longest_fault = 200;

bool is_fit_for_a_terminal(const std::string& line) {
  auto text = line;
  std::erase(text, '\\');  // of what was escaped
  return std::ranges::none_of(text, [](unsigned char c) { return c < 0x20 || c == 0x7f; }) &&
         plait::detail::printable(text, text.size()) == text;
}

void check_trace(const std::string& trace, std::size_t longest, const char* what) {
  std::size_t count = 0;
  std::istringstream lines(trace);
  for (std::string line; std::getline(lines, line); ++count)
    fuzz::require(line.size() <= longest && is_fit_for_a_terminal(line), what);
  fuzz::require(count <= crash_record::most_frames + 1, "no more lines than frames, and one");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::input in(data, size);
  const auto head = in.get<fuzz::crash_head>();
  // As the pool has it, which reads no more of that memory than the record: not on the stack, so that nothing beside
  // it goes unseen.
  const auto record = std::make_unique<crash_record>();
  static_assert(std::is_trivially_copyable_v<crash_record>);
  std::memset(static_cast<void*>(record.get()), 0, sizeof(crash_record));
  const auto bytes = in.take(sizeof(crash_record));
  if (!bytes.empty()) std::memcpy(static_cast<void*>(record.get()), bytes.data(), bytes.size());
  if ((head.flags & fuzz::crash_head::says_its_signal) != 0) record->signal = head.signal;

  const auto report = plait::detail::read_crash(*record, head.signal);
  const auto& signals = plait::detail::crash_signals;
  const bool is_crash = std::ranges::find(signals, int{head.signal}) != std::end(signals);
  fuzz::require(report.has_value() == (is_crash && record->signal == head.signal), "a report of that crash, or none");
  if (!report) return 0;
  fuzz::require(report->fault.size() <= longest_fault && is_fit_for_a_terminal(report->fault),
                "what the fault was is a short line");
  check_trace(report->trace, longest_line, "a frame is a line of bounded length");
  // What worker_died::stack() makes of it. It reads the program's own file: some milliseconds.
  if ((head.flags & fuzz::crash_head::is_looked_up) != 0)
    check_trace(plait::detail::readable_trace(report->trace), SIZE_MAX, "a frame that was looked up is a line");
  return 0;
}
