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
  struct of_process {
    std::size_t descriptors = 0;  // of any kind
    std::size_t memfds = 0;       // of these
    std::size_t mappings = 0;     // of shared memory
    friend bool operator==(const of_process&, const of_process&) = default;
  };
  of_process program;
  of_process server;               // all zero where there is none
  std::size_t shared_objects = 0;  // in /dev/shm, with plait in their names
  friend bool operator==(const belongings&, const belongings&) = default;
};
[[nodiscard]] belongings look_at_belongings();
/// Once nothing changes any more: the server closes what a pool leaves behind when it comes to it.
[[nodiscard]] belongings settled_belongings();
[[nodiscard]] std::string to_text(const belongings& all);

/// The program has what it had before, at once. The server, if there is one, has no more than one had then, soon: it
/// closes what a pool leaves behind when it comes to it.
[[nodiscard]] bool has_no_more_than(const belongings& before, belongings& now);

/// Processes that should not be: children of this program, of its worker server too (zombies among them), and marked
/// ones that are not the server. A line each. Those that are about to die are waited for, but not for ever.
[[nodiscard]] std::vector<std::string> leftover_processes();

/// Kills it, if it is a descendant; never whoever has got its number since. False where it is not there.
bool kill_descendant(pid_t pid, int signal);

}  // namespace stress
