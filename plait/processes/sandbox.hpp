// What the workers of a pool may do to the rest of the machine.
//
//     plait::process_pool_executor pool({.sandbox = plait::sandbox::compute});
//     plait::process_pool_executor pool({.sandbox = plait::sandbox::read_only{{"/usr/share/fonts"}}});
#pragma once

#include <plait/core/config.hpp>
#include <plait/processes/worker_died.hpp>

#include <string>
#include <variant>
#include <vector>

namespace plait::inline PLAIT_ABI {

/// For code that isn't trusted: a worker that has run its initializer gives up, for good, all that its calls don't
/// need. A call that asks the kernel for anything else is killed at once, with its worker, and its future gets
/// sandbox_violation; the other calls go on in other workers.
///
/// What a call may do: compute, allocate memory, throw, start threads (std::thread), sleep, ask for the time and for
/// random bytes, log, write to its stdout and stderr. Both of these are passed on line by line to the program's
/// stderr, and so are log lines, each line labelled with the worker's name and pid. Nothing else: no files, no
/// network, no new processes, no signals to others, no shared memory of its own. What the initializer opened is
/// closed; libraries that it loaded stay.
///
/// Arguments and results of any size travel as ever. A shared_buffer that is passed to a call can be read and written
/// there, also by later calls, where the initializer or a call keeps it. Making one there is std::system_error
/// (EPERM), and returning one not_portable, of that call: who passed it has it still.
///
/// A sandbox_violation counts as the death of a worker that it is: with `retries` after worker_died the call is run
/// again in another worker, at most twice, since it may have been blamed for what an earlier one left behind.
///
/// Some of the standard library reads files and so is a violation in `compute`: names of locales ("de_DE.UTF-8"),
/// std::thread::hardware_concurrency, loading a library, other time zones than the one that the worker began with.
/// What of this is needed the initializer must do.
///
/// It needs a plait that was built with libseccomp, a kernel with seccomp's user notifications, and nobody above the
/// program who listens to them already; no rights. Where any of this is missing the pool's constructor throws
/// broken_executor, or (the last) its calls get it, and what() names it. docs/design.md says what it does not protect
/// from.
namespace sandbox {

/// Workers may do what all processes may.
struct none {};

/// No files at all.
struct compute_only {};
inline constexpr compute_only compute{};

/// As compute; and these files, and all in these folders, may be opened for reading. Any other is refused as for want
/// of rights (EACCES), whatever links lead to it; opening for writing is a violation. Whether other files exist, and
/// their sizes, can be asked. Needs Landlock (Linux 5.13 or newer); and an initializer that leaves no threads behind.
struct read_only {
  std::vector<std::string> paths;  ///< of files or folders that exist; relative ones to the directory of now
};

using policy = std::variant<none, compute_only, read_only>;

}  // namespace sandbox

/// The call asked the kernel for something that its worker's sandbox forbids, and was killed before it had it.
///
/// The kernel says what was asked for, not the worker. A worker whose calls have been taken over by hostile code is
/// that code's until it dies: it may also spoil calls that it is sent later (max_workers, or the pool's end, bound
/// how many).
class PLAIT_API sandbox_violation : public worker_died {
 public:
  sandbox_violation(details what_happened, std::string system_call);
  ~sandbox_violation() override;

  /// The name of the system call: "openat"; "number 999" where it has none here.
  [[nodiscard]] const std::string& system_call() const noexcept { return system_call_; }

 private:
  std::string system_call_;
};

}  // namespace plait::inline PLAIT_ABI
