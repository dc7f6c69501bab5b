// The caller asks one thread after another: it sends the thread a signal, the handler walks its own stack with the
// compiler's unwinder into the one shared slot, the caller waits for that (not for ever) and copies it. Names are
// found afterwards, by addr2line.
//
// The signal is the one that glibc keeps for setuid(): glibc takes it out of every mask, so a thread can't block it.
// It is installed by the bare system call, since glibc refuses to, and since ThreadSanitizer would hold the signal
// back until the thread next calls a function that it knows, which a spinning thread never does.
#include "thread_stacks.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <cxxabi.h>
#include <dlfcn.h>
#include <link.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <unwind.h>

namespace test_support {
namespace {

constexpr int unblockable_signal = 33;
constexpr std::size_t max_frames = 100;
constexpr auto patience = std::chrono::seconds(2);

struct stack_slot {
  std::atomic<pid_t> asked = 0;      // stored by the asking thread, read by the handler: an answer too late is none
  std::atomic<bool> filled = false;  // stored by the handler when it is done, awaited by the asking thread
  std::array<std::uintptr_t, max_frames> frames{};
  std::size_t size = 0;
  bool inside = false;  // past the handler's own frames
};
stack_slot slot;

_Unwind_Reason_Code add_frame(_Unwind_Context* context, void*) {
  int before_instruction = 0;
  const std::uintptr_t ip = _Unwind_GetIPInfo(context, &before_instruction);
  slot.inside = slot.inside || before_instruction != 0;
  if (!slot.inside) return _URC_NO_REASON;
  if (ip == 0 || slot.size == max_frames) return _URC_END_OF_STACK;
  slot.frames[slot.size++] = before_instruction != 0 ? ip : ip - 1;  // a return address lies behind its call
  return _URC_NO_REASON;
}

void walk_own_stack(int) {
  if (slot.asked.load() != gettid()) return;
  _Unwind_Backtrace(add_frame, nullptr);
  slot.filled.store(true);
}

#if defined(__x86_64__)
// The kernel wants the way back from us here. Unwinders know a signal's frame by exactly these bytes.
extern "C" void plait_test_return_from_signal();
asm(R"(
  .text
  .globl plait_test_return_from_signal
  .hidden plait_test_return_from_signal
  .type plait_test_return_from_signal, @function
  nop
plait_test_return_from_signal:
  movq $15, %rax
  syscall
  .size plait_test_return_from_signal, . - plait_test_return_from_signal
)");
#endif

struct kernel_sigaction {
  void (*handler)(int);
  unsigned long flags;
  void (*restorer)();
  unsigned long mask;
};

void install_handler() {
  kernel_sigaction action{walk_own_stack, SA_RESTART, nullptr, ~0UL};
#if defined(__x86_64__)
  constexpr unsigned long has_restorer = 0x04000000;
  action.flags |= has_restorer;
  action.restorer = plait_test_return_from_signal;
#endif
  syscall(SYS_rt_sigaction, unblockable_signal, &action, nullptr, sizeof action.mask);
}

struct thread_stack {
  pid_t tid = 0;
  std::string name;
  std::vector<std::uintptr_t> frames;
};

/// Those of this process, but for the one that asks.
std::vector<pid_t> threads_here() {
  std::vector<pid_t> found;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/task")) {
    const pid_t tid = std::stoi(entry.path().filename());
    if (tid != gettid()) found.push_back(tid);
  }
  return found;
}

// ThreadSanitizer's own, which comes with the first thread: it knows nothing of that one, and crashes where that
// walks its stack.
std::set<pid_t> of_sanitizer;

thread_stack ask(pid_t tid) {
  thread_stack result{.tid = tid, .name = {}, .frames = {}};
  std::getline(std::ifstream("/proc/self/task/" + std::to_string(tid) + "/comm"), result.name);
  slot.size = 0;
  slot.inside = false;
  slot.filled.store(false);
  slot.asked.store(tid);
  if (syscall(SYS_tgkill, getpid(), tid, unblockable_signal) != 0) return result;
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (!slot.filled.load() && std::chrono::steady_clock::now() < deadline) usleep(1000);
  if (slot.filled.load()) result.frames.assign(slot.frames.begin(), slot.frames.begin() + slot.size);
  return result;
}

struct place {
  std::string module;         // the file that the code comes from
  std::uintptr_t offset = 0;  // the address in that file's own count
  std::string symbol;         // the nearest exported name, for want of a better one
};

place find_place(std::uintptr_t address) {
  Dl_info info{};
  link_map* map = nullptr;
  if (dladdr1(reinterpret_cast<void*>(address), &info, reinterpret_cast<void**>(&map), RTLD_DL_LINKMAP) == 0) {
    return {.module = "?", .offset = address, .symbol = "?"};
  }
  place result{.module = info.dli_fname, .offset = address - map->l_addr, .symbol = "?"};
  if (map->l_name[0] == '\0') result.module = std::filesystem::read_symlink("/proc/self/exe");
  if (info.dli_sname != nullptr) {
    char* readable = abi::__cxa_demangle(info.dli_sname, nullptr, nullptr, nullptr);
    result.symbol = readable != nullptr ? readable : info.dli_sname;
    std::free(readable);
  }
  return result;
}

/// What addr2line says of the offsets in one file: a line for each function, the inlined ones first.
std::map<std::uintptr_t, std::vector<std::string>> ask_addr2line(const std::string& module,
                                                                 const std::set<std::uintptr_t>& offsets) {
  std::ostringstream command;
  command << "addr2line -apfiC -e '" << module << "' 2>/dev/null" << std::hex;
  for (const std::uintptr_t offset : offsets) command << " 0x" << offset;
  std::map<std::uintptr_t, std::vector<std::string>> answer;
  std::FILE* pipe = popen(command.str().c_str(), "r");
  if (pipe == nullptr) return answer;
  std::vector<std::string>* functions = nullptr;
  char* line = nullptr;
  std::size_t capacity = 0;
  for (ssize_t length; (length = getline(&line, &capacity, pipe)) > 0;) {
    std::string text(line, length - 1);
    if (text.starts_with("0x")) {
      functions = &answer[std::stoull(text, nullptr, 16)];
      text.erase(0, text.find(": ") + 2);
    }
    if (text.ends_with(" at ??:?")) text.erase(text.size() - 8);
    if (functions != nullptr && !text.starts_with("??")) functions->push_back(text);
  }
  std::free(line);
  pclose(pipe);
  return answer;
}

}  // namespace

void prepare_thread_stacks() {
#if defined(__SANITIZE_THREAD__)
  for (const pid_t tid : threads_here()) of_sanitizer.insert(tid);
#endif
  _Unwind_Backtrace([](_Unwind_Context*, void*) { return _URC_END_OF_STACK; }, nullptr);
}

void print_thread_stacks(std::FILE* out) {
  install_handler();
  std::vector<thread_stack> stacks;
  for (const pid_t tid : threads_here()) {
    if (!of_sanitizer.contains(tid)) stacks.push_back(ask(tid));
  }

  std::map<std::uintptr_t, place> places;
  std::map<std::string, std::set<std::uintptr_t>> offsets;
  for (const thread_stack& stack : stacks) {
    for (const std::uintptr_t frame : stack.frames) {
      const place& found = places[frame] = find_place(frame);
      offsets[found.module].insert(found.offset);
    }
  }
  std::map<std::string, std::map<std::uintptr_t, std::vector<std::string>>> functions;
  for (const auto& [module, in_module] : offsets) functions[module] = ask_addr2line(module, in_module);

  for (const thread_stack& stack : stacks) {
    std::fprintf(out, "\nthread %d '%s'\n", static_cast<int>(stack.tid), stack.name.c_str());
    if (stack.frames.empty()) std::fprintf(out, "  (it did not answer)\n");
    for (const std::uintptr_t frame : stack.frames) {
      const place& at = places[frame];
      const std::vector<std::string>& known = functions[at.module][at.offset];
      for (const std::string& function : known) std::fprintf(out, "  %s\n", function.c_str());
      if (known.empty()) std::fprintf(out, "  %s in %s\n", at.symbol.c_str(), at.module.c_str());
    }
  }
  std::fflush(out);
}

}  // namespace test_support
