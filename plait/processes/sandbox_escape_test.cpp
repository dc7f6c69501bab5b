// Code in a sandboxed worker tries to get out. Each try ends in sandbox_violation with the name of the system call,
// and the pool goes on.
#include <cstdint>
#include <fstream>
#include <locale>
#include <thread>
#include <vector>

#include "sandbox_fixture_test.hpp"
#include <dlfcn.h>
#include <netinet/in.h>
#include <sched.h>
#include <spawn.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>

namespace {

using namespace pool_test;

template <class... Arguments> int ask(long number, Arguments... arguments) {
  return static_cast<int>(::syscall(number, arguments...));
}
// A child that should not be there leaves at once.
int as_parent(pid_t child) {
  if (child == 0) ::_exit(0);
  return child;
}
char word[64];

struct escape {
  const char* name;
  int (*call)(int parent);
  const char* system_call;
  friend void PrintTo(const escape& e, std::ostream* out) { *out << e.name; }
};

#if defined(__SANITIZE_THREAD__)
constexpr auto* first_of_dlopen = "readlinkat";  // the sanitizer's: it looks where the file is
#else
constexpr auto* first_of_dlopen = "openat";
#endif

const escape escapes[] = {
    // files
    {"open", [](int) { return ::open("/etc/passwd", O_RDONLY); }, "openat"},
    {"open_to_write", [](int) { return ::open("/tmp/plait_was_here", O_WRONLY | O_CREAT, 0600); }, "openat"},
    {"stream", [](int) { return static_cast<int>(std::ifstream("/etc/passwd").get()); }, "openat"},
    {"openat2", [](int) { return ask(SYS_openat2, AT_FDCWD, "/etc/passwd", word, 24); }, "openat2"},
    {"stat",
     [](int) {
       struct stat s;
       return ::stat("/etc/passwd", &s);
     },
     "newfstatat"},
    {"unlink", [](int) { return ::unlinkat(AT_FDCWD, "/tmp/plait_was_here", 0); }, "unlinkat"},
    {"mkdir", [](int) { return ::mkdirat(AT_FDCWD, "/tmp/plait_was_here", 0700); }, "mkdirat"},
    {"rename", [](int) { return ask(SYS_renameat2, AT_FDCWD, "/tmp/plait_a", AT_FDCWD, "/tmp/plait_b", 0); },
     "renameat2"},
    {"chdir", [](int) { return ::chdir("/"); }, "chdir"},
    {"memfd_create", [](int) { return ::memfd_create("x", 0); }, "memfd_create"},
    {"open_by_handle_at", [](int) { return ask(SYS_open_by_handle_at, 0, word, 0); }, "open_by_handle_at"},
    {"mount", [](int) { return ::mount("x", "/mnt", "tmpfs", 0, nullptr); }, "mount"},
    // files that libraries read
    {"named_locale", [](int) { return static_cast<int>(std::locale("de_DE.UTF-8").name().size()); }, "openat"},
    {"number_of_processors", [](int) { return static_cast<int>(std::thread::hardware_concurrency()); }, "openat"},
    {"library_that_is_not_loaded", [](int) { return ::dlopen("libresolv.so.2", RTLD_NOW) ? 1 : 0; }, first_of_dlopen},
    // the network
    {"socket", [](int) { return ::socket(AF_INET, SOCK_STREAM, 0); }, "socket"},
    {"unix_socket", [](int) { return ::socket(AF_UNIX, SOCK_STREAM, 0); }, "socket"},
    {"socketpair", [](int) { return ::socketpair(AF_UNIX, SOCK_STREAM, 0, reinterpret_cast<int*>(word)); },
     "socketpair"},
    {"connect",
     [](int) {
       const sockaddr_in to{};
       return ask(SYS_connect, 256, &to, sizeof to);
     },
     "connect"},
    {"sendto", [](int) { return ask(SYS_sendto, 256, word, 1, 0, nullptr, 0); }, "sendto"},
    // processes
    {"fork", [](int) { return as_parent(::fork()); }, "clone"},
    {"raw_fork", [](int) { return as_parent(ask(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, 0)); }, "clone"},
    {"clone_of_a_thread_in_a_namespace",
     [](int) { return as_parent(ask(SYS_clone, CLONE_THREAD | CLONE_NEWUSER, nullptr, nullptr, nullptr, 0)); },
     "clone"},
    {"posix_spawn",
     [](int) {
       char name[] = "true", *const argv[] = {name, nullptr};
       return ::posix_spawn(nullptr, "/bin/true", nullptr, nullptr, argv, environ);
     },
     "clone"},
    {"execve",
     [](int) {
       char* const none[] = {nullptr};
       return ::execve("/bin/true", none, none);
     },
     "execve"},
    {"unshare", [](int) { return ::unshare(CLONE_NEWUSER); }, "unshare"},
    {"setns", [](int) { return ::setns(0, 0); }, "setns"},
    // others
    {"ptrace_of_the_parent", [](int parent) { return ask(SYS_ptrace, PTRACE_ATTACH, parent, 0, 0); }, "ptrace"},
    {"process_vm_readv",
     [](int parent) {
       iovec mine{word, 1}, theirs{word, 1};
       return static_cast<int>(::process_vm_readv(parent, &mine, 1, &theirs, 1, 0));
     },
     "process_vm_readv"},
    {"process_vm_writev",
     [](int parent) {
       iovec mine{word, 1}, theirs{word, 1};
       return static_cast<int>(::process_vm_writev(parent, &mine, 1, &theirs, 1, 0));
     },
     "process_vm_writev"},
    {"memory_of_the_parent",
     [](int parent) { return ::open(("/proc/" + std::to_string(parent) + "/mem").c_str(), O_RDWR); }, "openat"},
    {"kill_of_the_parent", [](int parent) { return ::kill(parent, 0); }, "kill"},
    {"kill_of_all", [](int) { return ::kill(-1, 0); }, "kill"},
    {"tgkill_of_the_parent", [](int parent) { return ask(SYS_tgkill, parent, parent, 0); }, "tgkill"},
    {"tkill", [](int parent) { return ask(SYS_tkill, parent, 0); }, "tkill"},
    {"queued_signal", [](int parent) { return ask(SYS_rt_sigqueueinfo, parent, 0, word); }, "rt_sigqueueinfo"},
    {"pidfd_open", [](int parent) { return ask(SYS_pidfd_open, parent, 0); }, "pidfd_open"},
    {"pidfd_getfd", [](int) { return ask(SYS_pidfd_getfd, 256, 0, 0); }, "pidfd_getfd"},
    {"pidfd_send_signal", [](int) { return ask(SYS_pidfd_send_signal, 256, 0, nullptr, 0); }, "pidfd_send_signal"},
    {"limits_of_the_parent",
     [](int parent) {
       rlimit none{};
       return ::prlimit(parent, RLIMIT_CPU, &none, nullptr);
     },
     "prlimit64"},
    {"priority_of_the_parent", [](int parent) { return ::setpriority(PRIO_PROCESS, static_cast<id_t>(parent), 19); },
     "setpriority"},
    // the kernel's larger doors
    {"io_uring_setup", [](int) { return ask(SYS_io_uring_setup, 1, word); }, "io_uring_setup"},
    {"bpf", [](int) { return ask(SYS_bpf, 0, word, sizeof word); }, "bpf"},
    {"perf_event_open", [](int) { return ask(SYS_perf_event_open, word, 0, -1, -1, 0); }, "perf_event_open"},
    {"userfaultfd", [](int) { return ask(SYS_userfaultfd, 0); }, "userfaultfd"},
    {"keyctl", [](int) { return ask(SYS_keyctl, 0, 0, 0, 0, 0); }, "keyctl"},
    {"add_key", [](int) { return ask(SYS_add_key, "user", "x", word, 1, -1); }, "add_key"},
    {"seccomp", [](int) { return ask(SYS_seccomp, 0, 0, nullptr); }, "seccomp"},
    {"shmget", [](int) { return ask(SYS_shmget, 0, 4096, 01600); }, "shmget"},
    {"inotify_init1", [](int) { return ask(SYS_inotify_init1, 0); }, "inotify_init1"},
    {"personality", [](int) { return ask(SYS_personality, 0x0400000); }, "personality"},
    // what it has
    {"dumpable", [](int) { return ::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0); }, "prctl"},
    {"no_death_with_the_parent", [](int) { return ::prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0); }, "prctl"},
    {"more_descriptors",
     [](int) {
       rlimit more{4096, 4096};
       return ::setrlimit(RLIMIT_NOFILE, &more);
     },
     "prlimit64"},
    {"read_of_a_bell", [](int) { return static_cast<int>(::read(257, word, 8)); }, "read"},
    {"read_by_a_number_of_64_bits", [](int) { return ask(SYS_read, 0x100000000L + 257, word, 8); }, "read"},
    {"descriptors_to_the_parent",
     [](int) {
       msghdr message{};
       return static_cast<int>(::sendmsg(256, &message, 0));
     },
     "sendmsg"},
    {"read_of_a_file_by_pread", [](int) { return static_cast<int>(::pread(0, word, 8, 0)); }, "pread64"},
    {"write_to_the_control_socket", [](int) { return static_cast<int>(::write(256, word, 8)); }, "write"},
    {"dup", [](int) { return ::dup(256); }, "dup"},
    {"copy_by_fcntl", [](int) { return ::fcntl(256, F_DUPFD, 3); }, "fcntl"},
    {"bell_that_blocks", [](int) { return ::fcntl(257, F_SETFL, 0); }, "fcntl"},
    {"typing_at_the_terminal", [](int) { return ask(SYS_ioctl, 1, 0x5412, "x"); }, "ioctl"},
    {"eventfd", [](int) { return ::eventfd(0, 0); }, "eventfd2"},
    {"epoll", [](int) { return ::epoll_create1(0); }, "epoll_create1"},
    {"timerfd", [](int) { return ::timerfd_create(CLOCK_MONOTONIC, 0); }, "timerfd_create"},
    {"a_call_that_nobody_has", [](int) { return ask(2000); }, "number 2000"},
};

class sandbox_escape : public sandbox_test, public testing::WithParamInterface<escape> {};
INSTANTIATE_TEST_SUITE_P(by, sandbox_escape, testing::ValuesIn(escapes),
                         [](const auto& info) { return std::string(info.param.name); });

TEST_P(sandbox_escape, is_that_calls_end_alone) {
  process_pool_executor pool({.max_workers = 1, .sandbox = plait::sandbox::compute});
  const auto pid = pool.submit(own_pid).result();
  const auto call = pool.submit({.name = "decode"}, GetParam().call, ::getpid());
  EXPECT_EQ(forbidden_call(call), GetParam().system_call);
  const auto death = death_of(call);
  EXPECT_EQ(death.pid(), pid);
  EXPECT_EQ(death.call(), "decode");
  expect_next_hundred(pool);
}

using sandbox_escapes = sandbox_test;

#if defined(__x86_64__)
// The kernel's other ways in have other numbers. Where it was built without one the process dies of that instead.
TEST_F(sandbox_escapes, by_another_architectures_numbers) {
  process_pool_executor pool({.max_workers = 1, .sandbox = plait::sandbox::compute});
  const auto x32 = pool.submit([] { return ask(0x40000000 + 39); });
  EXPECT_THAT(forbidden_call(x32), testing::AnyOf("getpid", "number 1073741863"));
  const auto i386 = pool.submit([] {
    ::signal(SIGSEGV, SIG_DFL);  // a sanitizer's handler would look into files
    long result = 20;            // getpid there
    asm volatile("int $0x80" : "+a"(result) : : "memory");
    return static_cast<int>(result);
  });
  const auto death = death_of(i386);
  if (death.signal() != SIGSEGV) {
    EXPECT_EQ(forbidden_call(i386), "getpid");
  }
  expect_next_hundred(pool);
}
#endif

// glibc asks for it first; there must be no process by it, and an answer that makes glibc ask otherwise.
TEST_F(sandbox_escapes, by_clone3_find_no_such_call) {
  process_pool_executor pool({.max_workers = 1, .sandbox = plait::sandbox::compute});
  const auto error = [] {
    std::uint64_t arguments[11] = {};
    return as_parent(ask(SYS_clone3, arguments, sizeof arguments)) < 0 ? errno : 0;
  };
  EXPECT_EQ(pool.submit(error).result(), ENOSYS);
}

// Two calls at once, so that the one that signals is not the one that is signalled.
int spins() {
  while (true) std::this_thread::yield();
}
int signal_to(pid_t pid) { return ::kill(pid, SIGKILL); }

TEST_F(sandbox_escapes, to_a_sibling_leave_it_alone) {
  process_pool_executor pool({.max_workers = 2, .sandbox = plait::sandbox::compute});
  const auto busy = pool.submit(spins);
  while (pool.worker_pids().empty()) std::this_thread::yield();
  const auto sibling = pool.worker_pids().at(0);
  EXPECT_EQ(forbidden_call(pool.submit(signal_to, sibling)), "kill");
  EXPECT_FALSE(busy.done());
  pool.shutdown(plait::shutdown_mode::kill);
}

// Ten at once, and calls that do no harm between them.
TEST_F(sandbox_escapes, many_at_once) {
  process_pool_executor pool({.max_workers = 3, .sandbox = plait::sandbox::compute});
  std::vector<plait::future<int>> bad, good;
  for (int i = 0; i < 10; ++i) {
    bad.push_back(pool.submit(escapes[static_cast<std::size_t>(i)].call, ::getpid()));
    for (int k = 0; k < 10; ++k) good.push_back(pool.submit(square, k));
  }
  for (std::size_t i = 0; i < bad.size(); ++i) EXPECT_EQ(forbidden_call(bad[i]), escapes[i].system_call);
  for (std::size_t i = 0; i < good.size(); ++i) EXPECT_EQ(good[i].result(), square(static_cast<int>(i % 10)));
}

// The kernel tells of it, whatever handlers the worker has and whatever it blocks.
TEST_F(sandbox_escapes, can_not_be_hidden_by_handlers_and_masks) {
  process_pool_executor pool({.max_workers = 1, .sandbox = plait::sandbox::compute});
  const auto hides = [] {
    for (int signal = 1; signal < NSIG; ++signal) ::signal(signal, SIG_IGN);
    sigset_t all;
    sigfillset(&all);
    ::sigprocmask(SIG_BLOCK, &all, nullptr);
    return ::socket(AF_INET, SOCK_STREAM, 0);
  };
  EXPECT_EQ(forbidden_call(pool.submit(hides)), "socket");
  expect_next_hundred(pool);
}

// From another thread than the call's.
TEST_F(sandbox_escapes, by_threads_are_the_calls) {
  process_pool_executor pool({.max_workers = 1, .sandbox = plait::sandbox::compute});
  const auto in_a_thread = [] {
    std::thread([] { static_cast<void>(::socket(AF_INET, SOCK_STREAM, 0)); }).join();
    return 1;
  };
  EXPECT_EQ(forbidden_call(pool.submit(in_a_thread)), "socket");
  expect_next_hundred(pool);
}

// A worker that fills the bells, which all of them ring, must not keep the others' rings from the parent.
TEST_F(sandbox_escapes, by_bells_that_are_full_hold_nobody_up) {
  process_pool_executor pool({.max_workers = 2, .sandbox = plait::sandbox::compute});
  const auto fills = [] {
    const std::uint64_t most = UINT64_MAX - 1;
    for (const int bell : {257, 258}) static_cast<void>(!::write(bell, &most, sizeof most));
    return 1;
  };
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(pool.submit(fills).result(), 1);
    EXPECT_EQ(pool.submit(square, i).result(), i * i);
  }
}

}  // namespace
