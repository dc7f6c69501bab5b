// How a worker gives up its rights (sandbox.hpp says which it keeps).
//
//   worker_main                               what is there                                     who is trusted
//   ───────────                               ─────────────                                     ──────────────
//   sandbox_entrance(link's, own)             control socket, bells and handover moved to       the program's own
//     │                                       numbers that nobody opens; stdout, stderr and     statics
//     │                                       the log all are the pipe to the parent
//   notices: modules that calls are known     dlopen
//     │      to lie in
//   the initializer                           all: it may load models, read files               the initializer
//     │
//   enter()                                   time zone and unwinder are loaded; limits; all
//     │                                       but those and buffers is closed; no_new_privs;
//     │                                       Landlock; filter
//     │──── handover: the filter's listener ─────────────────────────────────────► parent: sandbox_watch
//     ▼
//   calls                                     memory, threads, clock, futex, its pipe, its      nobody
//                                             bells (by write), what its parent sends it
//
// The initializer runs outside, since what it is for (loading a model, a library, a table) needs files; it is the
// program's own and takes no foreign data. What comes from others comes as a call's arguments.
//
// What a worker needs after it has entered, and how it has that:
// - its rings, the futexes in them: mapped, and futex works on them. Bells: write, to these two alone; reading one
//   would take a ring away that another worker has given, so reading is allowed by number, and their numbers are out
//   of reach.
// - large blocks: recvmsg from the control socket, mmap, close. Their size comes by lseek: glibc's fstat is a call
//   with a path in it that a filter can't look into.
// - shared buffers: likewise; and fstat by its own call, fstatfs. Those that the initializer keeps, and what
//   has come for calls already, stay open. New ones it can't make: no limit would hold for them. None can be sent
//   back: the caller has them all, and descriptors on their way are counted for the user, so that many of them would
//   keep other workers from sending theirs. Both are errors in words.
// - its own memory, where that has a limit: /proc/self/statm, opened before, by pread.
// - a crash: its handler and that one's stack are there before; the handler walks what is mapped, and raises.
// - the listener for stop_tokens, and threads of the calls' own: clone with the flags of a thread; clone3, whose
//   flags no filter sees, is not there (ENOSYS).
// - memory: brk, mmap and theirs. One arena for all threads: when others shrink, malloc opens a file of /proc.
// - exceptions: unwinding reads what is mapped; the trace that goes with one is addresses, and the parent puts names
//   to them. The unwinder's library is loaded before.
// - functions of libraries: those that are loaded. Lazy binding and thread-locals need no files. A library that a
//   call's code lies in and that is not there is an error of that call (no_more_files).
// - sanitizers: their memory and threads are as above; a report of theirs that wants to read files is a violation,
//   and so it is lost.
//
// What is forbidden does not fail, it kills: a probe that fails without a word would hide what code tries to do.
// Probes that even computing makes are answered instead: clone3 (ENOSYS), whether stdout is a terminal (ENOTTY), and
// in `compute` fstat (EACCES).
#pragma once

#include <plait/core/config.hpp>
#include <plait/processes/internal/unique_fd.hpp>
#include <plait/processes/sandbox.hpp>

#include <span>
#include <vector>

namespace plait::inline PLAIT_ABI::detail {

class sandbox_entrance {
 public:
  /// For a worker that is in no sandbox.
  sandbox_entrance() noexcept = default;
  /// `link_ends` as worker_link takes them: their numbers change. Takes the handover. Stdout becomes what stderr is.
  sandbox_entrance(std::span<int> link_ends, unique_fd handover);

  [[nodiscard]] explicit operator bool() const noexcept { return static_cast<bool>(handover_); }

  /// Before it is entered: this one stays open and can be read inside, by pread. Its number changes.
  void let_read(unique_fd& file);
  /// For good. `kept` stay open too. Throws std::system_error or std::runtime_error naming what is missing: then the
  /// worker must run no calls.
  void enter(const sandbox::policy& chosen, std::vector<int> kept);

 private:
  void hand_over(const unique_fd& listener) const;

  int control_ = -1;
  int bells_[2] = {-1, -1};
  int file_ = -1;
  unique_fd handover_;
};

}  // namespace plait::inline PLAIT_ABI::detail
