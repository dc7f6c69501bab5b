// The worker's side of crash_record.hpp: a signal handler. What it calls is safe in one: system calls, the unwinder,
// _dl_find_object.
#include <plait/processes/internal/crash_record.hpp>

#include <atomic>
#include <csignal>
#include <cstring>
#include <utility>

#include <dlfcn.h>
#include <link.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>
#include <unwind.h>

namespace plait::inline PLAIT_ABI::detail {
namespace {

/// Room for the kernel's picture of the registers (some 11 KiB with the largest) and for the unwinder.
constexpr std::size_t handler_stack = 128 * 1024;
constexpr std::size_t guard = 4096;

crash_record* record = nullptr;
pid_t own_pid = 0;
bool prepared = false;
std::atomic<bool> claimed{false};  // by the thread that writes the record: the first one that crashed

/// Where the thread was when the signal came.
struct registers {
  std::uintptr_t pc = 0;  // 0: not known, or indeed there
  std::uintptr_t stack = 0;
};

#if defined(__x86_64__)
registers registers_in(const ucontext_t& context) noexcept {
  const auto& all = context.uc_mcontext.gregs;
  return {static_cast<std::uintptr_t>(all[REG_RIP]), static_cast<std::uintptr_t>(all[REG_RSP])};
}
/// It jumped to where no code is, and the unwinder knows no function there: makes it look as if that had returned.
void undo_jump(ucontext_t& context) noexcept {
  auto& all = context.uc_mcontext.gregs;
  std::memcpy(&all[REG_RIP], reinterpret_cast<const void*>(all[REG_RSP]), sizeof all[REG_RIP]);
  all[REG_RSP] += static_cast<greg_t>(sizeof(void*));
}
constexpr bool can_undo_jump = true;
#elif defined(__aarch64__)
registers registers_in(const ucontext_t& context) noexcept {
  return {context.uc_mcontext.pc, context.uc_mcontext.sp};
}
void undo_jump(ucontext_t& context) noexcept { context.uc_mcontext.pc = context.uc_mcontext.regs[30]; }
constexpr bool can_undo_jump = true;
#else
registers registers_in(const ucontext_t& /*context*/) noexcept { return {}; }
void undo_jump(ucontext_t& /*context*/) noexcept {}
constexpr bool can_undo_jump = false;
#endif

/// Writes frames, innermost first.
class frame_writer {
 public:
  explicit frame_writer(crash_record& to) noexcept : to_(to) {}

  [[nodiscard]] bool full() const noexcept { return count_ == crash_record::most_frames; }

  void write(std::uintptr_t address) noexcept {
    auto& frame = to_.frames[count_];
    frame.offset = address;
    frame.module = crash_record::no_module;
#ifdef DLFO_STRUCT_HAS_EH_DBASE  // glibc has _dl_find_object
    dl_find_object found;
    if (::_dl_find_object(reinterpret_cast<void*>(address), &found) == 0 && found.dlfo_link_map != nullptr) {
      frame.offset = address - found.dlfo_link_map->l_addr;
      frame.module = module_named(found.dlfo_link_map->l_name);
    }
#endif
    std::atomic_ref(to_.frame_count).store(++count_, std::memory_order_release);
  }

  void leave_out_the_rest() noexcept { to_.deeper = 1; }

 private:
  std::uint32_t module_named(const char* name) noexcept {
    if (name == nullptr || *name == '\0') return crash_record::the_program;
    for (std::uint32_t i = 0; i < known_count_; ++i)
      if (known_[i].name == name) return known_[i].at;
    const auto size = std::strlen(name) + 1;
    if (known_count_ == most_modules || size > sizeof to_.names - names_end_) return crash_record::no_module;
    std::memcpy(to_.names + names_end_, name, size);
    known_[known_count_++] = {name, names_end_};
    return std::exchange(names_end_, names_end_ + static_cast<std::uint32_t>(size));
  }

  static constexpr std::uint32_t most_modules = 16;  // between two frames of one stack
  struct known_module {
    const char* name;
    std::uint32_t at;
  };

  crash_record& to_;
  std::uint32_t count_ = 0;
  known_module known_[most_modules];
  std::uint32_t known_count_ = 0;
  std::uint32_t names_end_ = 1;  // 0 is the program
};

struct walk {
  frame_writer& to;
  std::uintptr_t pc;     // was written already
  bool jumped;           // and is where no code is
  bool arrived = false;  // at the function that the signal interrupted: those before it are the handler's
};

_Unwind_Reason_Code visit(_Unwind_Context* context, void* argument) {
  auto& here = *static_cast<walk*>(argument);
  int is_interrupted = 0;
  const auto address = static_cast<std::uintptr_t>(_Unwind_GetIPInfo(context, &is_interrupted));
  if (!here.arrived) {
    if (is_interrupted == 0) return _URC_NO_REASON;
    here.arrived = true;
    if (!here.jumped && address == here.pc) return _URC_NO_REASON;
  } else if (address == 0) {
    return _URC_END_OF_STACK;
  }
  if (here.to.full()) {
    here.to.leave_out_the_rest();
    return _URC_END_OF_STACK;
  }
  // Others stand behind their call, which may be the last of its line.
  here.to.write(is_interrupted != 0 && !here.jumped ? address : address - 1);
  here.jumped = false;
  return _URC_NO_REASON;
}

void write_record(int signal, const siginfo_t& info, ucontext_t& context) noexcept {
  const auto at = registers_in(context);
  const bool by_another = info.si_code == SI_TKILL && info.si_pid != own_pid;
  record->code = by_another ? SI_USER : info.si_code;
  record->address = reinterpret_cast<std::uintptr_t>(info.si_addr);
  record->stack_pointer = at.stack;
  record->sender = info.si_code <= 0 ? info.si_pid : 0;
  record->frame_count = 0;
  std::atomic_ref(record->signal).store(static_cast<std::uint32_t>(signal), std::memory_order_release);
  frame_writer frames(*record);
  frames.write(at.pc);
  // A fault at the very instruction: it could not be read.
  const bool jumped =
      can_undo_jump && info.si_code > 0 && (signal == SIGSEGV || signal == SIGBUS) && record->address == at.pc;
  const auto before = context.uc_mcontext;
  if (jumped) undo_jump(context);
  walk here{frames, at.pc, jumped};
  _Unwind_Backtrace(visit, &here);
  if (jumped) context.uc_mcontext = before;
}

void set_default(int signal) noexcept {
  struct sigaction action{};
  action.sa_handler = SIG_DFL;
  ::sigaction(signal, &action, nullptr);
}

/// Where the instruction, done again on return, fails again: then the core dump has all of it.
bool happens_again(int signal, const siginfo_t& info) noexcept {
  return info.si_code > 0 && signal != SIGTRAP && signal != SIGABRT &&
         !(signal == SIGBUS && info.si_code == BUS_MCEERR_AO);
}

void on_crash(int signal, siginfo_t* info, void* context) {
  set_default(signal);  // whatever comes of the following
  const auto pid = static_cast<pid_t>(::syscall(SYS_getpid));
  if (pid == own_pid && !claimed.exchange(true, std::memory_order_acq_rel))
    write_record(signal, *info, *static_cast<ucontext_t*>(context));
  if (!happens_again(signal, *info)) ::syscall(SYS_tgkill, pid, ::syscall(SYS_gettid), signal);  // on return
}

/// As the kernel has it: a sanitizer's sigaction tells of the program's handlers only.
bool is_by_default(int signal) noexcept {
  std::uintptr_t action[8] = {};  // the kernel's struct sigaction begins with the handler
  return ::syscall(SYS_rt_sigaction, signal, nullptr, action, sizeof(std::uint64_t)) == 0 &&
         action[0] == reinterpret_cast<std::uintptr_t>(SIG_DFL);
}

void take_a_stack() noexcept {
  stack_t there{};
  if (::sigaltstack(nullptr, &there) != 0 || (there.ss_flags & SS_DISABLE) == 0)
    return;  // the program's, a sanitizer's
  void* const memory =
      ::mmap(nullptr, guard + handler_stack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
  if (memory == MAP_FAILED) return;  // then a stack that is full is not reported
  ::mprotect(memory, guard, PROT_NONE);
  there = {.ss_sp = static_cast<char*>(memory) + guard, .ss_flags = 0, .ss_size = handler_stack};
  ::sigaltstack(&there, nullptr);
}

}  // namespace

void prepare_crash_reports() noexcept {
  if (std::exchange(prepared, true)) return;
  // Its first use makes tables.
  _Unwind_Backtrace([](_Unwind_Context*, void*) { return _URC_END_OF_STACK; }, nullptr);
  take_a_stack();
}

void report_crashes_to(crash_record& where) noexcept {
  prepare_crash_reports();
  record = &where;
  own_pid = ::getpid();
  struct sigaction action{};
  action.sa_sigaction = on_crash;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  for (const int signal : crash_signals)
    if (is_by_default(signal)) ::sigaction(signal, &action, nullptr);
}

void report_no_more_crashes() noexcept { claimed.store(true, std::memory_order_release); }

}  // namespace plait::inline PLAIT_ABI::detail
