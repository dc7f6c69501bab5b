#include <plait/processes/internal/server_exec.hpp>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

// glibc's clone under its other name: sanitizers replace the first one by something that knows only fork().
extern "C" int __clone(int (*function)(void*), void* stack, int flags, void* argument, ...);

namespace plait::inline PLAIT_ABI::detail {
namespace {

// The children below share this process's memory, while the thread that made them sleeps (CLONE_VM | CLONE_VFORK).
// They call the kernel directly: what a sanitizer puts in its place would note in the shared memory what the child
// did.
#define PLAIT_SHARES_MEMORY __attribute__((no_sanitize("address", "thread", "undefined")))

constexpr std::size_t stack_size = 128 * 1024;
constexpr int last_signal = 64;

struct launch {
  const char* const* argv = nullptr;
  const char* const* environment = nullptr;
  const int* kept = nullptr;  // ascending
  std::size_t kept_count = 0;
  pid_t parent = 0;             // a child's
  char* inner_stack = nullptr;  // an orphan's

  // what came of it
  pid_t pid = 0;
  int pidfd = -1;
  int error = 0;
  const char* call = nullptr;
};

PLAIT_SHARES_MEMORY void fail(launch& l, const char* call) {
  l.error = errno;
  l.call = call;
}

[[noreturn]] PLAIT_SHARES_MEMORY void leave() {
  for (;;) ::syscall(SYS_exit_group, 127);
}

PLAIT_SHARES_MEMORY bool is_ignored(int signal, const launch& l) {
  if (signal == SIGTERM) return l.parent == 0;
  return signal == SIGINT || signal == SIGQUIT || signal == SIGHUP;
}

PLAIT_SHARES_MEMORY void set_signal_actions(const launch& l) {
  // The kernel's struct sigaction begins with the handler; all the rest is zero.
  std::uintptr_t action[8] = {};
  for (int signal = 1; signal <= last_signal; ++signal) {
    action[0] = reinterpret_cast<std::uintptr_t>(is_ignored(signal, l) ? SIG_IGN : SIG_DFL);
    ::syscall(SYS_rt_sigaction, signal, action, nullptr, sizeof(std::uint64_t));
  }
}

// Null as stdin. stdout and stderr stay; where the program has closed them, nothing else may come to their numbers.
PLAIT_SHARES_MEMORY bool set_standard_streams() {
  ::syscall(SYS_close, STDIN_FILENO);
  for (int stream = STDIN_FILENO; stream <= STDERR_FILENO; ++stream)
    if (::syscall(SYS_fcntl, stream, F_GETFD) < 0 &&
        ::syscall(SYS_openat, AT_FDCWD, "/dev/null", stream == STDIN_FILENO ? O_RDONLY : O_WRONLY) < 0)
      return false;
  return true;
}

PLAIT_SHARES_MEMORY bool close_all_but_kept(const launch& l) {
  unsigned first = STDERR_FILENO + 1;
  for (std::size_t i = 0; i < l.kept_count; ++i) {
    const auto kept = static_cast<unsigned>(l.kept[i]);
    if (kept > first && ::syscall(SYS_close_range, first, kept - 1, 0) < 0) return false;
    if (::syscall(SYS_fcntl, kept, F_SETFD, 0) < 0) return false;
    first = kept + 1;
  }
  return ::syscall(SYS_close_range, first, ~0U, 0) == 0;
}

PLAIT_SHARES_MEMORY int become_program(void* argument) {
  auto& l = *static_cast<launch*>(argument);
  if (l.parent != 0) {
    ::syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (::syscall(SYS_getppid) != l.parent) leave();
  }
  set_signal_actions(l);
  if (!set_standard_streams()) {
    fail(l, "open /dev/null");
  } else if (!close_all_but_kept(l)) {
    fail(l, "close_range");
  } else {
    const std::uint64_t none = 0;
    ::syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, nullptr, sizeof none);
    ::syscall(SYS_execve, "/proc/self/exe", l.argv, l.environment);
    fail(l, "execve /proc/self/exe");
  }
  leave();
}

// Makes the program's process and ends: so that is nobody's child. The descriptors are shared with the first process,
// the pidfd is its own.
PLAIT_SHARES_MEMORY int start_orphan(void* argument) {
  auto& l = *static_cast<launch*>(argument);
  l.pid = __clone(become_program, l.inner_stack, CLONE_VM | CLONE_VFORK | SIGCHLD, &l);
  if (l.pid < 0) {
    fail(l, "clone");
  } else if (l.error == 0) {
    l.pidfd = static_cast<int>(::syscall(SYS_pidfd_open, l.pid, 0));
    if (l.pidfd < 0) {
      fail(l, "pidfd_open");
      ::syscall(SYS_kill, l.pid, SIGKILL);
    }
  }
  if (l.pid > 0 && l.error != 0) ::syscall(SYS_wait4, l.pid, nullptr, 0, nullptr);
  leave();
}

class stacks {
 public:
  stacks()
      : memory_(static_cast<char*>(::mmap(nullptr, 2 * stack_size, PROT_READ | PROT_WRITE,
                                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0))) {
    if (memory_ == MAP_FAILED) throw_system_error(errno, "mmap");
  }
  ~stacks() { ::munmap(memory_, 2 * stack_size); }
  stacks(const stacks&) = delete;
  stacks& operator=(const stacks&) = delete;
  // They grow downwards.
  [[nodiscard]] char* first() const noexcept { return memory_ + stack_size; }
  [[nodiscard]] char* second() const noexcept { return memory_ + 2 * stack_size; }

 private:
  char* const memory_;
};

// No handler may run in a process that shares the memory, and no cancellation may leave one behind. All signals,
// those too that glibc keeps for itself: it takes them out of any set that it is given.
class undisturbed {
 public:
  undisturbed() {
    ::pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state_);
    const std::uint64_t all = ~std::uint64_t{0};
    ::syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, &mask_, sizeof mask_);
  }
  ~undisturbed() {
    ::syscall(SYS_rt_sigprocmask, SIG_SETMASK, &mask_, nullptr, sizeof mask_);
    ::pthread_setcancelstate(cancel_state_, nullptr);
  }
  undisturbed(const undisturbed&) = delete;
  undisturbed& operator=(const undisturbed&) = delete;

 private:
  int cancel_state_ = 0;
  std::uint64_t mask_ = 0;
};

void start_child(launch& l, char* stack) {
  l.pid = __clone(become_program, stack, CLONE_VM | CLONE_VFORK | SIGCHLD, &l);
  if (l.pid < 0) return fail(l, "clone");
  if (l.error == 0) {
    l.pidfd = static_cast<int>(::syscall(SYS_pidfd_open, l.pid, 0));
    if (l.pidfd >= 0) return;
    fail(l, "pidfd_open");
    ::kill(l.pid, SIGKILL);
  }
  while (::waitpid(l.pid, nullptr, 0) < 0 && errno == EINTR) {
  }
}

void start_through_orphan(launch& l, const stacks& stacks) {
  l.inner_stack = stacks.second();
  // No exit signal: the host sees neither SIGCHLD nor, in its waitpid(-1), this process.
  const pid_t between = __clone(start_orphan, stacks.first(), CLONE_VM | CLONE_VFORK | CLONE_FILES, &l);
  if (between < 0) return fail(l, "clone");
  while (::waitpid(between, nullptr, __WCLONE) < 0 && errno == EINTR) {
  }
}

// OpenMP and the BLAS libraries start as many threads as there are cpus, in each worker: so with n workers n times
// too many. OpenBLAS, MKL and BLIS have variables of their own and go by this one where those are not set. To set
// theirs as well would only overrule a program that sets this one, and an initializer that calls omp_set_num_threads.
constexpr const char* threads_variable = "OMP_NUM_THREADS";
constexpr const char* one_thread = "OMP_NUM_THREADS=1";

bool sets(const char* entry, const char* variable) {
  const auto length = std::strlen(variable);
  return std::strncmp(entry, variable, length) == 0 && entry[length] == '=';
}

std::string mark_of(const exec_plan& plan) {
  std::string mark = std::string(mark_variable) + '=' + plan.role + ':';
  for (const int descriptor : plan.kept) {
    if (mark.back() != ':') mark += ',';
    mark += std::to_string(descriptor);
  }
  return (mark += ':') += plan.name;
}

}  // namespace

int pool_depth() noexcept {
  const char* const text = std::getenv(depth_variable);
  int depth = 0;
  if (text) std::from_chars(text, text + std::strlen(text), depth);
  return depth > 0 ? depth : 0;
}

executed exec_self(const exec_plan& plan) {
  const std::string mark = mark_of(plan);
  const std::string depth = std::string(depth_variable) + '=' + std::to_string(plan.depth);
  std::vector<const char*> environment;
  bool sets_threads = false;
  for (char** entry = environ; entry && *entry; ++entry) {
    if (sets(*entry, mark_variable) || sets(*entry, depth_variable)) continue;
    sets_threads = sets_threads || sets(*entry, threads_variable);
    environment.push_back(*entry);
  }
  if (!sets_threads) environment.push_back(one_thread);
  environment.insert(environment.end(), {mark.c_str(), depth.c_str(), nullptr});
  const char* const argv[] = {plan.command_line.c_str(), nullptr};
  auto kept = plan.kept;
  std::ranges::sort(kept);
  const stacks stacks;

  launch l;
  l.argv = argv;
  l.environment = environment.data();
  l.kept = kept.data();
  l.kept_count = kept.size();
  {
    const undisturbed here;
    if (plan.kin == kinship::orphan) {
      start_through_orphan(l, stacks);
    } else {
      l.parent = ::getpid();
      start_child(l, stacks.first());
    }
  }
  if (l.error != 0) return {l.error, l.call, 0, {}};
  return {0, nullptr, l.pid, above_stdio(l.pidfd, "pidfd_open")};
}

}  // namespace plait::inline PLAIT_ABI::detail
