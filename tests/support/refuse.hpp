// A process that may less than others: system calls that fail, and no rights of root's. There is no way back.
#pragma once

#include <cerrno>
#include <cstddef>

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

namespace test_support {

enum class refused_to { this_thread, all_threads };

/// From now on `system_call` fails with `error` in this thread, or in all that there are, and in the threads and
/// processes that come from them; where `unless_flag` is given, only if that is not in the call's first argument.
/// False where the kernel does not allow such a filter.
[[nodiscard]] inline bool refuse(long system_call, int error, unsigned unless_flag = 0,
                                 refused_to whom = refused_to::this_thread) {
  sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<unsigned>(system_call), 0, 3),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args[0])),
      BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, unless_flag, 1, 0),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<unsigned>(error)),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program{sizeof filter / sizeof filter[0], filter};
  const unsigned long flags = whom == refused_to::all_threads ? SECCOMP_FILTER_FLAG_TSYNC : 0;
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program) == 0;
}

[[nodiscard]] inline bool refuse_in_all_threads(long system_call, int error) {
  return refuse(system_call, error, 0, refused_to::all_threads);
}

/// Whom the limits on processes concern, unlike root. False where that can't be.
[[nodiscard]] inline bool become_ordinary_user() {
  constexpr uid_t nobody = 65534;
  if (::geteuid() != 0) return true;
  if (::setgid(nobody) != 0 || ::setuid(nobody) != 0) return false;
  // Whose program this is stays hidden otherwise: that of another user, as it was.
  return ::prctl(PR_SET_DUMPABLE, 1) == 0;
}

}  // namespace test_support
