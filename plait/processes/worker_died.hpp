// What the future of a call gets whose worker process died.
#pragma once

#include <plait/core/config.hpp>

#include <cstddef>
#include <stdexcept>
#include <string>
#include <vector>

#include <sys/types.h>

namespace plait::inline PLAIT_ABI {

/// The worker process ended while it ran this call: killed by a signal, or it left by exit() with whatever code. Only
/// this call fails; the others go on in other workers. The first line of what() says all but the stack.
///
/// Thread safety: as a value; distinct objects, and const access to one, may be used at once.
class PLAIT_API worker_died : public std::runtime_error {
 public:
  struct details {
    pid_t pid = 0;
    int signal = 0;            ///< that killed it; 0 where it left by itself
    int exit_code = 0;         ///< where it left by itself
    std::string cause = {};    ///< what the pool knows beyond that; may be empty
    std::string call = {};     ///< the call's name; may be empty
    std::string last_lines{};  ///< of what it wrote to its stderr
    int deaths = 0;            ///< see deaths()
    std::string fault{};       ///< what the signal was sent for; may be empty
    std::string trace{};       ///< of a crash: a line a frame, "module+0x1234"
    std::size_t call_bytes = 0;
    std::vector<std::size_t> argument_sizes{};
  };
  explicit worker_died(details what_happened);
  ~worker_died() override;

  [[nodiscard]] pid_t pid() const noexcept { return details_.pid; }
  [[nodiscard]] int signal() const noexcept { return details_.signal; }
  [[nodiscard]] int exit_code() const noexcept { return details_.exit_code; }
  [[nodiscard]] const std::string& call() const noexcept { return details_.call; }
  /// Why it died, where plait or the kernel knows: that plait killed it, and what for; that memory ran out
  /// ("probably", since the kernel does not say whom it killed); that it reached a limit. Else empty.
  [[nodiscard]] const std::string& cause() const noexcept { return details_.cause; }
  /// How many workers died of this call, where it is not run again for that, whatever `retries` says; else 0.
  [[nodiscard]] int deaths() const noexcept { return details_.deaths; }
  /// What the crash was, in words: "address 0x10 is not mapped". Empty where it was none, or the worker could not
  /// tell.
  [[nodiscard]] const std::string& fault() const noexcept { return details_.fault; }
  /// What was sent to the worker for this call, in bytes: arguments, the callable's state, context variables.
  [[nodiscard]] std::size_t call_bytes() const noexcept { return details_.call_bytes; }
  /// Of each argument, as it was encoded, in bytes. Empty where call_bytes() is above 1 MiB (to measure them they are
  /// encoded once more), for a call of map, and where the encoding throws.
  [[nodiscard]] const std::vector<std::size_t>& argument_sizes() const noexcept { return details_.argument_sizes; }
  /// The last lines that it wrote to its stderr, at most 20 and 4 KiB, as it wrote them: without the label that they
  /// have where they are passed on. The log's lines are not among them; in a sandbox they are, and so is its stdout.
  [[nodiscard]] const std::string& last_lines() const noexcept { return details_.last_lines; }

  /// Of a crash (SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP): the stack of the thread that crashed, a frame a
  /// line, innermost first, at most 64, with functions' names and source lines where the program's files have them:
  /// "parse(int) at parse.cpp:12 in program+0x1234". A worker can lie about it, but not make it long, or unfit for a
  /// terminal. Empty where the worker was killed or has exited, where it has a handler of its own for the signal (the
  /// program's, a sanitizer's), or where a thread that the call has started ran out of stack.
  /// Reads the files of the program and its libraries: blocks for milliseconds, for longer where they are large.
  [[nodiscard]] std::string stack() const;

 private:
  details details_;
};

}  // namespace plait::inline PLAIT_ABI
