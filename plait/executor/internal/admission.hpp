// The count behind slots; see slot.hpp.
#pragma once

#include <plait/core/internal/mutex.hpp>
#include <plait/core/promise.hpp>
#include <plait/executor/slot.hpp>

#include <cstddef>
#include <deque>
#include <limits>
#include <memory>

namespace plait::inline PLAIT_ABI::detail {

/// Counts what waits in a bounded executor. Thread-safe.
class PLAIT_API admission : public std::enable_shared_from_this<admission> {
 public:
  static constexpr std::size_t unlimited = std::numeric_limits<std::size_t>::max();

  admission(std::size_t max_calls, std::size_t max_bytes) noexcept : max_calls_(max_calls), max_bytes_(max_bytes) {}

  /// Takes room for a call of that many bytes; false where there is none. A call larger than the bound is let in
  /// alone.
  [[nodiscard]] bool try_enter(std::size_t bytes) noexcept;
  /// Room for one call of a size not known yet.
  [[nodiscard]] future<slot> acquire();
  /// The call that uses a slot has so many bytes.
  void charge(std::size_t bytes) noexcept;
  /// The call has left the queue.
  void leave(std::size_t bytes) noexcept;
  /// Nobody waits any more: who does gets `reason`.
  void close(const std::exception_ptr& reason) noexcept;

 private:
  [[nodiscard]] bool has_room(std::size_t bytes) const noexcept {
    return calls_ < max_calls_ && (bytes_ == 0 || (bytes_ < max_bytes_ && bytes <= max_bytes_ - bytes_));
  }
  void hand_on() noexcept;

  const std::size_t max_calls_;
  const std::size_t max_bytes_;
  mutex mutex_;  // guards what follows; no promise is completed under it
  std::size_t calls_ = 0;
  std::size_t bytes_ = 0;
  std::deque<promise<slot>> waiting_;
  std::exception_ptr closed_by_;  // null while open
  bool handing_on_ = false;       // somebody is in hand_on
};

}  // namespace plait::inline PLAIT_ABI::detail
