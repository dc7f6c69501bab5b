// What a worker writes to its stderr, passed on to the program's, whole lines at a time.
#pragma once

#include <plait/processes/internal/unique_fd.hpp>

#include <cstddef>
#include <string>

namespace plait::inline PLAIT_ABI::detail {

/// Reads a pipe and never waits for it. Keeps the last lines, for who asks why the worker died. Thread safety: none.
class stderr_relay {
 public:
  static constexpr std::size_t longest_line = 64 * 1024;  // a longer one is passed on in pieces
  static constexpr std::size_t kept_lines = 20;           // arbitrary: an assertion or a sanitizer's headline
  static constexpr std::size_t kept_bytes = 4 * 1024;

  stderr_relay() noexcept = default;
  explicit stderr_relay(unique_fd pipe) noexcept : pipe_(std::move(pipe)) {}

  [[nodiscard]] int descriptor() const noexcept { return pipe_.get(); }
  /// Passes on what is there now. False at the end of the pipe.
  bool pass_on();
  /// The same, and a last line without its end too.
  void pass_on_rest();
  [[nodiscard]] const std::string& last_lines() const noexcept { return last_lines_; }

 private:
  void write_lines(std::size_t bytes);

  unique_fd pipe_;
  std::string pending_;  // the begin of a line
  std::string last_lines_;
};

}  // namespace plait::inline PLAIT_ABI::detail
