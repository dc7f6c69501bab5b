// Where a loop sleeps: epoll, an eventfd to be woken by, and what else it wants to hear of.
//
// What users watch (descriptor_table.hpp) is armed for one report at a time: an entry of a file that lives on under
// another number when its own was closed, which epoll then can't be told to forget, speaks once at most. Each arming
// has a generation, so that this last word is told from news of a file that has the number now.
#pragma once

#include <plait/core/sync.hpp>

#include <cstdint>

namespace plait::inline PLAIT_ABI::detail {

/// What a descriptor is watched for; a set of bits.
enum interest : std::uint8_t { no_interest = 0, to_read = 1, to_write = 2 };

/// Is told what the armed descriptors are ready for.
class readiness_sink {
 public:
  virtual void ready_now(int descriptor, std::uint32_t generation, std::uint8_t interests) noexcept = 0;

 protected:
  ~readiness_sink() = default;
};

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
  /// Deadlines are kept to the microsecond, as far as is known: not to the millisecond only.
  [[nodiscard]] static bool is_exact() noexcept;
  void wake() noexcept;
  /// A descriptor that ends wait() too, whenever it becomes readable anew. False where it can't be watched.
  [[nodiscard]] bool watch(int descriptor) noexcept;
  void forget(int descriptor) noexcept;

  // ── what users watch ──
  /// Who is told of it, by wait() and look().
  void report_to(readiness_sink& sink) noexcept { sink_ = &sink; }
  /// One report as soon as it is ready for one of `interests`. Returns 0 or errno: ENOENT where it is not known (or
  /// is another file now), EPERM where such a file is always ready.
  [[nodiscard]] int arm_known(int descriptor, std::uint32_t generation, std::uint8_t interests) noexcept;
  [[nodiscard]] int arm_new(int descriptor, std::uint32_t generation, std::uint8_t interests) noexcept;
  /// As a wait() that does not sleep.
  void look() noexcept;

  // ── inside another loop ──
  /// Readable while look() would find something.
  [[nodiscard]] int descriptor() const noexcept;
  /// Before set_alarm. Throws std::system_error.
  void open_alarm();
  /// Makes descriptor() readable at `when`; replaces the time set before.
  void set_alarm(time_point when) noexcept;

  /// Blocks until wake() was called `count` times in all, and these calls are over.
  void outlast(std::uint64_t count) noexcept;

 private:
  readiness_sink* sink_ = nullptr;
#if defined(PLAIT_SIMULATED)
  sync::atomic<std::uint32_t> wakes_{0};
  std::uint32_t seen_ = 0;
#else
  int epoll_ = -1;
  int alarm_ = -1;  // a timerfd; only inside another loop
  int event_ = -1;  // edge-triggered and never read, so that a wake-up costs no read: outlast() reads it
#endif
};

}  // namespace plait::inline PLAIT_ABI::detail
