// What a worker writes to its stderr, passed on to the program's in whole lines: "decoders_0[4711]: bad header".
#pragma once

#include <plait/processes/internal/unique_fd.hpp>

#include <cstddef>
#include <string>

#include <sys/types.h>

namespace plait::inline PLAIT_ABI::detail {

/// Reads a pipe and never waits for it. Each line gets a label: whose it is. Keeps the last lines, as they were
/// written, for who asks why the worker died.
///
/// Lines are written together, as many as a pipe takes in one piece (PIPE_BUF), so that those of several workers do
/// not mix where the program's stderr is a pipe. A line that is longer is not safe from that.
///
/// Thread safety: none.
class stderr_relay {
 public:
  static constexpr std::size_t longest_line = 64 * 1024;  // a longer one is passed on in pieces
  static constexpr std::size_t kept_lines = 20;           // arbitrary: an assertion or a sanitizer's headline
  static constexpr std::size_t kept_bytes = 4 * 1024;

  stderr_relay() noexcept = default;
  /// `name`: the worker's, for the label. Without one there is no label.
  explicit stderr_relay(unique_fd pipe, const std::string& name = {})
      : pipe_(std::move(pipe)),
        name_(name),
        label_(name.empty() ? name : name + ": "),
        waits_for_pid_(!name.empty()) {}

  /// The worker's, for the label. Until then nothing is read: a worker may write before anybody has said that it was
  /// started, and where that is more than the pipe holds, it waits.
  void set_pid(pid_t pid);

  [[nodiscard]] int descriptor() const noexcept { return pipe_.get(); }
  /// Passes on what is there now, once the pid is known. False where that is the end of the pipe.
  bool pass_on();
  /// The same, whether the pid is known or not; gives a last line its end, and closes the pipe.
  void close();
  [[nodiscard]] const std::string& last_lines() const noexcept { return last_lines_; }

 private:
  void write_what_is_due();
  void write_lines(std::size_t bytes);

  unique_fd pipe_;
  std::string name_;
  std::string label_;
  bool waits_for_pid_ = false;
  std::string pending_;       // the begin of a line
  bool within_line_ = false;  // what was written last was no end of a line
  std::string last_lines_;
};

}  // namespace plait::inline PLAIT_ABI::detail
