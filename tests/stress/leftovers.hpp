// What this program has, and which processes are its own: counted before and after.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include <sys/types.h>

namespace stress {

/// Marks this program's descendants, by a variable in the environment. To be called before the first worker.
void mark_descendants();
/// Whether that process is one.
[[nodiscard]] bool is_descendant(pid_t pid);

struct belongings {
  std::size_t descriptors = 0;
  std::size_t mappings = 0;        // of shared memory
  std::size_t shared_objects = 0;  // in /dev/shm, with plait in their names
  friend bool operator==(const belongings&, const belongings&) = default;
};
[[nodiscard]] belongings look_at_belongings();
[[nodiscard]] std::string to_text(const belongings& all);

/// Processes that should not be: children of this program, of its worker server too (zombies among them), and marked
/// ones that are not the server. A line each. Those that are about to die are waited for, but not for ever.
[[nodiscard]] std::vector<std::string> leftover_processes();

/// Kills it, if it is a descendant; never whoever has got its number since. False where it is not there.
bool kill_descendant(pid_t pid, int signal);

}  // namespace stress
