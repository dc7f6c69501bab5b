#include <plait/processes/internal/sandbox_filter.hpp>

#include <cerrno>
#include <system_error>

#if defined(PLAIT_HAS_SANDBOX)

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <type_traits>

#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#if !defined(PR_SET_VMA)
#define PR_SET_VMA 0x53564d41
#endif

namespace plait::inline PLAIT_ABI::detail {
namespace {

using condition = scmp_arg_cmp;

// The kernel takes the lower half of a register for an int, so `equals` must never be used to forbid.
condition equals(unsigned argument, std::uint64_t value) { return {argument, SCMP_CMP_EQ, value, 0}; }
condition has_none_of(unsigned argument, std::uint64_t bits) { return {argument, SCMP_CMP_MASKED_EQ, bits, 0}; }

// A thread, as glibc makes one; no flag that makes a process or enters a namespace.
constexpr std::uint64_t thread_flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SYSVSEM | CLONE_SIGHAND |
                                       CLONE_THREAD | CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID;

// All that opening can do but reading.
constexpr std::uint64_t more_than_reading =
    O_ACCMODE | O_CREAT | O_TRUNC | O_APPEND | O_PATH | (O_TMPFILE & ~O_DIRECTORY);

// A number below `lowest`: what was opened to be read.
condition is_a_file(unsigned argument) {
  static_assert((filtered_descriptors::lowest & (filtered_descriptors::lowest - 1)) == 0);
  return has_none_of(argument, 0xffffffffU & ~static_cast<std::uint32_t>(filtered_descriptors::lowest - 1));
}

class filter {
 public:
  filter() : context_(::seccomp_init(SCMP_ACT_NOTIFY)) {
    if (!context_) throw std::system_error(ENOMEM, std::system_category(), "plait: seccomp_init");
    check(::seccomp_attr_set(context_.get(), SCMP_FLTATR_API_SYSRAWRC, 1), "seccomp_attr_set(SYSRAWRC)");
    check(::seccomp_attr_set(context_.get(), SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_NOTIFY), "seccomp_attr_set(BADARCH)");
    check(::seccomp_attr_set(context_.get(), SCMP_FLTATR_CTL_TSYNC, 1), "seccomp_attr_set(TSYNC)");
    check(::seccomp_attr_set(context_.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2), "seccomp_attr_set(OPTIMIZE)");
  }

  void allow(std::initializer_list<const char*> calls) {
    for (const char* const call : calls) add(SCMP_ACT_ALLOW, call, {});
  }
  void allow(const char* call, std::initializer_list<condition> where) { add(SCMP_ACT_ALLOW, call, where); }
  void refuse(int error, const char* call, std::initializer_list<condition> where = {}) {
    add(SCMP_ACT_ERRNO(static_cast<unsigned>(error)), call, where);
  }

  unique_fd install() {
    check(::seccomp_load(context_.get()), "seccomp (a container that listens to its processes' calls can be why)");
    const int listener = ::seccomp_notify_fd(context_.get());
    check(listener, "seccomp_notify_fd");
    return unique_fd(listener);
  }

 private:
  struct free_context {
    void operator()(scmp_filter_ctx context) const noexcept { ::seccomp_release(context); }
  };

  static void check(int result, const std::string& call) {
    if (result < 0) throw std::system_error(-result, std::system_category(), "plait: " + call);
  }
  void add(std::uint32_t action, const char* call, std::initializer_list<condition> where) {
    const int number = ::seccomp_syscall_resolve_name(call);
    if (number < 0) return;  // this machine has no such call
    check(
        ::seccomp_rule_add_array(context_.get(), action, number, static_cast<unsigned>(where.size()), where.begin()),
        std::string("seccomp_rule_add of ") + call);
  }

  std::unique_ptr<std::remove_pointer_t<scmp_filter_ctx>, free_context> context_;
};

void allow_computing(filter& to) {
  to.allow({"brk", "mmap", "munmap", "mremap", "mprotect", "madvise", "membarrier"});
  to.allow({"futex", "sched_yield", "sched_getaffinity", "set_robust_list", "rseq", "getcpu"});
  to.allow({"clock_gettime", "clock_getres", "clock_nanosleep", "nanosleep", "gettimeofday", "time", "times",
            "restart_syscall"});
  to.allow({"rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "rt_sigsuspend", "pause", "sigaltstack"});
  to.allow({"getpid", "getppid", "gettid", "getuid", "geteuid", "getgid", "getegid", "uname", "sysinfo", "getrusage",
            "getrlimit", "getrandom"});
  to.allow({"exit", "exit_group"});
  to.allow("prlimit64", {equals(0, 0), equals(2, 0)});  // to ask, for itself
  to.allow("prctl", {equals(0, PR_SET_NAME)});
  to.allow("prctl", {equals(0, PR_GET_NAME)});
  to.allow("prctl", {equals(0, PR_SET_VMA)});  // names of memory, as younger allocators give them
  // abort() and raise() send to themselves.
  const auto self = static_cast<std::uint64_t>(::getpid());
  to.allow("tgkill", {equals(0, self)});
  to.allow("kill", {equals(0, self)});
  // Where its flags lie in memory a filter can't see them; glibc then uses clone.
  to.refuse(ENOSYS, "clone3");
  to.allow("clone", {equals(0, thread_flags)});
}

void allow_descriptors(filter& to, const filtered_descriptors& known) {
  for (const int out : {STDOUT_FILENO, STDERR_FILENO, known.bells[0], known.bells[1]})
    to.allow("write", {equals(0, static_cast<std::uint64_t>(out))});
  for (const int out : {STDOUT_FILENO, STDERR_FILENO})
    to.allow("writev", {equals(0, static_cast<std::uint64_t>(out))});
  to.allow("recvmsg", {equals(0, static_cast<std::uint64_t>(known.control))});
  to.allow("sendmsg", {equals(0, static_cast<std::uint64_t>(known.handover))});
  if (known.file >= 0) to.allow("pread64", {equals(0, static_cast<std::uint64_t>(known.file))});
  to.allow({"close", "lseek", "fstat", "fstatfs", "poll", "ppoll"});
  for (const int what : {F_GETFD, F_SETFD, F_GETFL, F_GET_SEALS})
    to.allow("fcntl", {equals(1, static_cast<std::uint64_t>(what))});
  to.refuse(ENOTTY, "ioctl", {equals(1, TCGETS)});  // whoever writes asks whether it is to a terminal
}

void allow_no_files(filter& to) {
  to.allow("read", {equals(0, STDIN_FILENO)});  // /dev/null
  // glibc's fstat, which stdio lives without. A path may stand there as well, so it can't be allowed.
  to.refuse(EACCES, "newfstatat", {equals(3, AT_EMPTY_PATH)});
}

void allow_reading(filter& to) {
  to.allow("open", {has_none_of(1, more_than_reading)});
  to.allow("openat", {has_none_of(2, more_than_reading)});
  for (const char* const call : {"read", "readv", "pread64", "preadv", "getdents64", "fadvise64"})
    to.allow(call, {is_a_file(0)});
  to.allow({"stat", "lstat", "newfstatat", "statx", "access", "faccessat", "faccessat2", "readlink", "readlinkat",
            "getcwd"});
}

}  // namespace

std::string why_no_filter() {
  std::uint32_t action = SCMP_ACT_NOTIFY;
  constexpr unsigned action_is_available = 2;  // SECCOMP_GET_ACTION_AVAIL
  if (::syscall(SYS_seccomp, action_is_available, 0, &action) == 0) return {};
  const std::error_code error(errno, std::system_category());
  return "this kernel, or the container that the program is in, has no user notifications of seccomp (" +
         error.message() + ")";
}

unique_fd install_filter(const filtered_descriptors& known, bool reads_files) {
  filter rules;
  allow_computing(rules);
  allow_descriptors(rules, known);
  if (reads_files)
    allow_reading(rules);
  else
    allow_no_files(rules);
  return rules.install();
}

}  // namespace plait::inline PLAIT_ABI::detail

#else

namespace plait::inline PLAIT_ABI::detail {

std::string why_no_filter() {
  return "this plait was built without libseccomp (Debian: libseccomp-dev; CMake: PLAIT_SANDBOX)";
}

unique_fd install_filter(const filtered_descriptors&, bool) {
  throw std::system_error(ENOSYS, std::system_category(), "plait: " + why_no_filter());
}

}  // namespace plait::inline PLAIT_ABI::detail

#endif
