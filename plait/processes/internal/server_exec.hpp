// Starting this program anew, as the server of workers or as a worker.
#pragma once

#include <plait/core/config.hpp>
#include <plait/processes/internal/unique_fd.hpp>

#include <string>
#include <vector>

#include <sys/types.h>

namespace plait::inline PLAIT_ABI::detail {

inline constexpr const char* mark_variable = "PLAIT_WORKER";
inline constexpr const char* depth_variable = "PLAIT_DEPTH";

/// How many pools this process is below the first program.
[[nodiscard]] int pool_depth() noexcept;

enum class kinship {
  orphan,  // no child of this process: nothing to reap, no SIGCHLD; outlives the thread and the process
  child,   // killed when the thread that starts it ends
};

struct exec_plan {
  const char* role = "";     // "server" or "worker": how takeover.hpp marks it
  std::string name;          // the process's, for the kernel
  std::string command_line;  // as ps shows it
  int depth = 0;
  std::vector<int> kept{};  // the descriptors that it keeps beside stdout and stderr: same numbers, same order
  kinship kin = kinship::child;
};

struct executed {
  int error = 0;               // errno of `call`; then there is no process
  const char* call = nullptr;  // what failed
  pid_t pid = 0;
  unique_fd pidfd;
};

/// Runs /proc/self/exe, whatever became of the file. Returns when the exec is done or has failed. The signal mask is
/// empty there and all actions are the default, but for the ignored: SIGINT, SIGQUIT, SIGHUP, and SIGTERM for an
/// orphan. The environment is this process's, and OMP_NUM_THREADS=1 where that does not set it: libraries read it
/// when they are loaded. Does not copy the memory of this process, runs no handlers of fork(), leaves no child of its
/// own behind. Thread-safe. Throws std::bad_alloc.
[[nodiscard]] executed exec_self(const exec_plan& plan);

}  // namespace plait::inline PLAIT_ABI::detail
