// How a process of the program becomes a worker, or the server of workers, before main.
//
// The environment marks it: PLAIT_WORKER is "server:<main socket>,<lifeline>:<name>" or
// "worker:<descriptor>,...:<name>". takeover.cpp, an object of its own, defines __libc_start_main, which the start-up
// code of every program calls with the program's main; where the mark is there, it hands another main to glibc's own
// __libc_start_main. So static constructors have run, and nothing of main has.
//
// The start-up code's reference pulls the object out of the archive; a shared libplait comes before libc in the
// search. The definition is weak: a fully static program has glibc's own, strong one in it, which then wins, and main
// must call worker_entry. takeover.cpp refers to the rest weakly too: a program that starts no workers does not carry
// it.
#pragma once

#include <plait/core/config.hpp>

namespace plait::inline PLAIT_ABI::detail {

using main_function = int (*)(int, char**, char**);

/// What this process is to run: the program's main, or where the environment marks it, the main of a worker or a
/// server. Takes the mark out of the environment, so that it reaches no child. A mark is ignored in a program that
/// has more rights than who starts it (set-uid): that one must not do what its environment says.
PLAIT_API main_function choose_main(main_function program_main) noexcept;

/// How a process began, as far as plait saw it.
struct takeover_state {
  bool ran = false;            // choose_main was called
  const char* mark = nullptr;  // what the environment said, until the process does that work
};
/// Changes only while the process has one thread.
[[nodiscard]] takeover_state& takeover() noexcept;

}  // namespace plait::inline PLAIT_ABI::detail
