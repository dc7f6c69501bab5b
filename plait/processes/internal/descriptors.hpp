// Descriptors that stay in this process, and messages that carry descriptors to another one.
#pragma once

#include <plait/core/config.hpp>
#include <plait/processes/internal/unique_fd.hpp>

#include <cstddef>
#include <span>
#include <vector>

namespace plait::inline PLAIT_ABI::detail {

/// A descriptor that a forked child does not keep: in a child made by fork() it is closed, and empty, before fork()
/// returns. So no copy of it holds a connection open that its owner has closed, or that its owner died with.
///
/// Thread safety: distinct objects may be used by several threads at once; one object by one at a time, as a
/// unique_fd.
class private_fd {
 public:
  private_fd() noexcept = default;
  explicit private_fd(unique_fd descriptor);
  private_fd(private_fd&& other) noexcept;
  private_fd& operator=(private_fd&& other) noexcept;
  ~private_fd() { reset(); }

  [[nodiscard]] int get() const noexcept { return descriptor_; }
  [[nodiscard]] explicit operator bool() const noexcept { return descriptor_ >= 0; }
  void reset() noexcept;

 private:
  friend struct private_fds;

  int descriptor_ = -1;
  private_fd* previous_ = nullptr;  // in the list of all that are not empty; guarded by its lock
  private_fd* next_ = nullptr;
};

inline constexpr std::size_t most_descriptors_in_message = 253;  // SCM_MAX_FD of Linux

struct socket_pair {
  private_fd ours, theirs;
};
/// Two ends that keep the borders of messages (SOCK_SEQPACKET). No fork() comes between their making and their being
/// private: a child that kept either end would hide the other's death.
[[nodiscard]] socket_pair make_socket_pair();

/// Sends one message with descriptors, whole or not at all, never waits and never raises SIGPIPE. Returns 0 or errno.
[[nodiscard]] int send_message(int socket, std::span<const std::byte> bytes,
                               std::span<const int> descriptors) noexcept;

struct received_message {
  enum class result { message, nothing_yet, closed } what = result::closed;
  std::size_t size = 0;
  std::vector<unique_fd> descriptors;  // closed on exec, never 0, 1 or 2
  bool descriptors_lost = false;       // this process had no room for all of them: it got none
};
/// Takes one message, never waits. One that is longer than `bytes` is `closed`: nobody who keeps the protocol sends
/// it.
[[nodiscard]] received_message receive_message(int socket, std::span<std::byte> bytes);

}  // namespace plait::inline PLAIT_ABI::detail
