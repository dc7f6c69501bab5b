// A descriptor with an owner, and what a system call that failed becomes.
//
// plait's descriptors are never 0, 1 or 2 (a program may have closed those, and would then read and write ours as its
// standard streams), and never outlive an exec.
#pragma once

#include <plait/core/config.hpp>

#include <string_view>
#include <utility>

#include <unistd.h>

namespace plait::inline PLAIT_ABI::detail {

class unique_fd {
 public:
  unique_fd() noexcept = default;
  explicit unique_fd(int descriptor) noexcept : descriptor_(descriptor) {}
  unique_fd(unique_fd&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  unique_fd& operator=(unique_fd&& other) noexcept {
    if (this != &other) reset(std::exchange(other.descriptor_, -1));
    return *this;
  }
  ~unique_fd() { reset(); }

  [[nodiscard]] int get() const noexcept { return descriptor_; }
  [[nodiscard]] explicit operator bool() const noexcept { return descriptor_ >= 0; }
  [[nodiscard]] int release() noexcept { return std::exchange(descriptor_, -1); }
  void reset(int descriptor = -1) noexcept {
    if (const int old = std::exchange(descriptor_, descriptor); old >= 0) ::close(old);
  }

 private:
  int descriptor_ = -1;
};

/// Throws std::system_error that says "plait: " and `call`, which failed with `error`.
[[noreturn]] void throw_system_error(int error, std::string_view call);

/// The descriptor that a system call gave, moved above the standard streams and closed on exec. Throws
/// std::system_error naming `call` where it is negative (by errno), or where there is no room for it.
[[nodiscard]] unique_fd above_stdio(int descriptor, const char* call);

}  // namespace plait::inline PLAIT_ABI::detail
