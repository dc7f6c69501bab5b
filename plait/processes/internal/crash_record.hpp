// What a crash leaves behind: from the worker's last moments to worker_died::stack().
//
//     worker, in a signal handler          a page of its link's memory         parent, once it is dead
//     ───────────────────────────          ───────────────────────────         ───────────────────────
//     SIGSEGV, SIGBUS, SIGFPE, SIGILL,
//     SIGABRT, SIGTRAP
//       │ on a stack of its own
//       ├─ signal, address ───────────────► crash_record
//       ├─ walks its stack: a frame is ───►   module's name + offset ───copy───► read_crash: checks, makes a text
//       │  written as soon as it is known                                          "program+0x1234\n…"
//       ▼                                                                          │ worker_died keeps that
//     the signal again, by its default action                                      ▼
//                                                                                stack(): names and lines, from
//                                                                                the files that are loaded here
//
// Guarantees
// - The worker dies by the signal that it would have died of, and dumps core where it would have. Should writing the
//   record crash too, that ends it, and what was written by then counts. It takes no lock and no memory: the unwinder
//   finds its tables by _dl_find_object (glibc 2.35), which is made for signal handlers.
// - The parent copies the record once and trusts none of it: a worker may write there what it likes, and so may what
//   it forked, even now. What comes of it is a text of bounded size in which nothing moves a terminal's cursor.
// - Who has a handler of his own keeps it: a sanitizer (its report is on stderr then), a static constructor, and
//   whatever the initializer or a call sets later. Then there is no record.
// - A process that a call forked writes no record: its crash is not the worker's.
// - Nothing is done for it before a crash but once, when the worker starts.
//
// Limits: the alternate stack is the main thread's, where calls run. A thread that a call has started reports its
// crashes too, but not that its stack is full: then the kernel can run no handler. Functions that were inlined have
// no frame of their own. With an older glibc frames are bare addresses.
#pragma once

#include <plait/core/config.hpp>

#include <csignal>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>

namespace plait::inline PLAIT_ABI::detail {

/// Those that a crash is.
inline constexpr int crash_signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP};

struct crash_record {
  static constexpr std::uint32_t most_frames = 64;  // what a person reads; of an overflow, its innermost ones
  static constexpr std::uint32_t the_program = 0;
  static constexpr std::uint32_t no_module = 0xffffffff;

  struct frame {
    std::uint64_t offset = 0;  // of the instruction, in the module's file; or its address where there is none
    std::uint32_t module = the_program;  // or where in `names` its name begins, or no_module
    std::uint32_t unused = 0;
  };

  std::uint32_t signal = 0;  // written after what follows, up to `sender`; 0: nothing is written
  std::int32_t code = 0;     // siginfo's si_code
  std::uint64_t address = 0;
  std::uint64_t stack_pointer = 0;  // 0: not known
  std::int32_t sender = 0;
  std::uint32_t frame_count = 0;  // grows with each frame that is written
  std::uint32_t deeper = 0;       // 1: there were more
  std::uint32_t unused = 0;
  frame frames[most_frames];
  char names[3000];
};
static_assert(sizeof(crash_record) <= 4096 && std::is_trivially_copyable_v<crash_record>);

/// The part of report_crashes_to that processes inherit which this one forks.
void prepare_crash_reports() noexcept;
/// In a worker, by its main thread, before any code of the user's: has crashes of this process written there. Once in
/// a process.
void report_crashes_to(crash_record& record) noexcept;
/// Before that memory is unmapped.
void report_no_more_crashes() noexcept;

/// How a crash reads.
struct crash_report {
  std::string fault;  // "address 0x10 is not mapped"; empty where there is nothing to say
  std::string trace;  // for readable_trace
};

/// What the record says of a death by this signal; nothing where it says nothing of it, or the signal is no crash's:
/// one that was killed has not written it by our handler.
[[nodiscard]] PLAIT_API std::optional<crash_report> read_crash(const crash_record& record, int signal);

}  // namespace plait::inline PLAIT_ABI::detail
