// Deadlines of what no loop owns: a thread that sleeps until the next one, started when the first is set.
#pragma once

#include <plait/core/internal/mutex.hpp>
#include <plait/core/sync.hpp>

#include <functional>
#include <memory>

namespace plait::inline PLAIT_ABI::detail {

/// Thread-safe. The functions run on its own thread, outside its lock; they must be short.
class PLAIT_API alarm_clock {
 public:
  using key = const void*;  // whose deadline it is

  alarm_clock();
  ~alarm_clock() { stop(); }
  alarm_clock(const alarm_clock&) = delete;
  alarm_clock& operator=(const alarm_clock&) = delete;

  /// Runs `ring` at `when`, unless cleared before. One deadline a key. Throws std::system_error where no thread can
  /// be started, std::bad_alloc; then nothing was set.
  void set(key whose, time_point when, std::function<void()> ring);
  /// False where it rings now, or has rung, or was never set.
  bool clear(key whose) noexcept;
  /// Nothing rings after it, and its thread has ended; on that thread itself what rings now is the last.
  void stop() noexcept;
  [[nodiscard]] bool on_own_thread() const noexcept;

 private:
  struct insides;
  std::shared_ptr<insides> insides_;  // the thread's too: it may outlive the clock by the end of its last ring
};

}  // namespace plait::inline PLAIT_ABI::detail
