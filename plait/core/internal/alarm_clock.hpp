// Deadlines of what no loop owns: a thread that sleeps until the next one, started when the first is set.
#pragma once

#include <plait/core/internal/mutex.hpp>
#include <plait/core/sync.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <utility>

namespace plait::inline PLAIT_ABI::detail {

/// Thread-safe. The functions run on its own thread, outside its lock; they must be short, and must not stop the
/// clock.
class PLAIT_API alarm_clock {
 public:
  using key = const void*;  // whose deadline it is

  alarm_clock() = default;
  ~alarm_clock() { stop(); }
  alarm_clock(const alarm_clock&) = delete;
  alarm_clock& operator=(const alarm_clock&) = delete;

  /// Runs `ring` at `when`, unless cleared before. One deadline a key. Throws std::system_error where no thread can
  /// be started, std::bad_alloc.
  void set(key whose, time_point when, std::function<void()> ring);
  /// False where it rings now, or has rung, or was never set.
  bool clear(key whose) noexcept;
  /// Nothing rings after it. Not on its own thread.
  void stop() noexcept;

 private:
  void work() noexcept;

  mutex mutex_;  // guards all below
  std::multimap<time_point, std::pair<key, std::function<void()>>> deadlines_;
  std::map<key, decltype(deadlines_)::iterator> by_key_;
  std::optional<sync::thread> thread_;
  bool stopping_ = false;
  sync::atomic<std::uint32_t> changed_{0};  // goes up when the next deadline may be another one
};

}  // namespace plait::inline PLAIT_ABI::detail
