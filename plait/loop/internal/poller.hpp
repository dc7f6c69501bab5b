// Where a loop sleeps: epoll, and an eventfd to be woken by.
#pragma once

#include <plait/core/sync.hpp>

#include <cstdint>

namespace plait::inline PLAIT_ABI::detail {

/// wake() may be called from any thread and any signal handler; the rest on the loop's thread.
class poller {
 public:
  poller() noexcept = default;
  ~poller();
  poller(const poller&) = delete;
  poller& operator=(const poller&) = delete;

  /// Before all else. Throws std::system_error, naming the call, where no descriptor is left.
  void open();
  /// Sleeps until a wake that came since the last wait, or until the deadline. May return early.
  void wait(time_point deadline) noexcept;
  void wake() noexcept;
  /// A descriptor that ends wait() too, whenever it becomes readable anew. False where it can't be watched.
  [[nodiscard]] bool watch(int descriptor) noexcept;
  void forget(int descriptor) noexcept;
  /// Blocks until wake() was called `count` times in all, and these calls are over.
  void outlast(std::uint64_t count) noexcept;

 private:
#if defined(PLAIT_SIMULATED)
  sync::atomic<std::uint32_t> wakes_{0};
  std::uint32_t seen_ = 0;
#else
  int epoll_ = -1;
  int event_ = -1;  // edge-triggered and never read, so that a wake-up costs no read: outlast() reads it
#endif
};

}  // namespace plait::inline PLAIT_ABI::detail
