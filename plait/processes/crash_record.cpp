// The parent's side; see crash_record.hpp.
#include <plait/core/internal/printable.hpp>
#include <plait/portable/internal/text.hpp>
#include <plait/processes/internal/crash_record.hpp>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <iterator>
#include <string_view>

namespace plait::inline PLAIT_ABI::detail {
namespace {

constexpr std::size_t longest_module = 512;  // of its name, as it is shown

/// The stack ends where the access went: a little below the stack pointer (a call, a push), or in a frame that was
/// just taken. Arbitrary: a larger frame's overflow is told as an address that is not mapped.
bool is_near_stack(const crash_record& r) {
  constexpr std::uint64_t near = 64 * 1024;
  const auto distance = r.address > r.stack_pointer ? r.address - r.stack_pointer : r.stack_pointer - r.address;
  return r.stack_pointer != 0 && distance < near;
}

std::string segv(const crash_record& r) {
  auto where = "address " + hex(r.address);
  switch (r.code) {
    case SEGV_MAPERR:
      return where + (is_near_stack(r) ? " is not mapped: most likely the stack overflowed" : " is not mapped");
    case SEGV_ACCERR:
      return where + " may not be accessed so";
    case SEGV_PKUERR:
      return where + " is closed by a protection key";
    case SI_KERNEL:
      return "an address that can't be one, or an instruction that only the kernel may use";
    default:
      return where;
  }
}

std::string bus(const crash_record& r) {
  auto where = "address " + hex(r.address);
  switch (r.code) {
    case BUS_ADRALN:
      return where + " is not aligned";
    case BUS_ADRERR:
      return where + " has no memory behind it (a mapped file became shorter, or a file system or memory is full)";
    case BUS_OBJERR:
    case BUS_MCEERR_AR:
    case BUS_MCEERR_AO:
      return where + ": the memory's hardware failed";
    default:
      return where;
  }
}

std::string fpe(const crash_record& r) {
  switch (r.code) {
    case FPE_INTDIV:
      return "an integer was divided by zero, or the quotient has no room";
    case FPE_INTOVF:
      return "an integer overflowed";
    case FPE_FLTDIV:
      return "a floating-point number was divided by zero";
    case FPE_FLTOVF:
      return "a floating-point number overflowed";
    case FPE_FLTUND:
      return "a floating-point number underflowed";
    case FPE_FLTRES:
      return "a floating-point result is not exact";
    case FPE_FLTINV:
      return "an invalid floating-point operation";
    default:
      return {};
  }
}

std::string describe_fault(const crash_record& r) {
  if (r.code == SI_USER || r.code == SI_QUEUE)
    return r.sender > 0 ? "sent by process " + std::to_string(r.sender) : "sent by another process";
  if (r.code == SI_TKILL) return r.signal == SIGABRT ? "" : "raised by the process itself";  // what abort() does
  switch (r.signal) {
    case SIGSEGV:
      return segv(r);
    case SIGBUS:
      return bus(r);
    case SIGFPE:
      return fpe(r);
    case SIGILL:
      return "an illegal instruction";
    case SIGTRAP:
      return "a trap instruction";
    default:
      return {};
  }
}

std::string name_of(const crash_record& r, std::uint32_t module) {
  if (module == crash_record::the_program) return "program";
  if (module >= sizeof r.names) return "?";
  const auto* const begin = r.names + module;
  const std::string_view name(begin, ::strnlen(begin, sizeof r.names - module));
  return name.empty() ? "?" : printable(name, longest_module);
}

}  // namespace

std::optional<crash_report> read_crash(const crash_record& record, int signal) {
  crash_record copy;
  std::memcpy(&copy, &record, sizeof copy);
  asm volatile("" : : "r"(&copy) : "memory");  // from here on the compiler has the copy alone
  if (std::ranges::find(crash_signals, signal) == std::end(crash_signals)) return std::nullopt;
  if (copy.signal != static_cast<std::uint32_t>(signal)) return std::nullopt;
  crash_report report;
  report.fault = describe_fault(copy);
  for (std::uint32_t i = 0; i < std::min(copy.frame_count, crash_record::most_frames); ++i)
    report.trace.append(name_of(copy, copy.frames[i].module))
        .append("+")
        .append(hex(copy.frames[i].offset))
        .append("\n");
  if (copy.deeper != 0) report.trace += "...\n";
  return report;
}

}  // namespace plait::inline PLAIT_ABI::detail
