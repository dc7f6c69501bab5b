// Backpressure: room in a bounded executor.
//
//    submit / try_submit ──try_enter──►┌───────────┐──leave── the call leaves the queue: it starts, or is dropped
//    acquire_slot ──acquire──► waiters │ admission │          (room goes to the waiter that came first)
//                              (FIFO)  └───────────┘
//
// Guarantees
// - Room that becomes free goes to whoever waits longest; nobody who comes later takes it from him.
// - A waiter that gives up (its future is cancelled, its task goes away) loses no room: what it was given comes back.
#pragma once

#include <plait/core/future.hpp>

#include <cstddef>
#include <memory>
#include <utility>

namespace plait::inline PLAIT_ABI {

namespace detail {
class admission;
PLAIT_API void give_back_slot(admission& room) noexcept;
}  // namespace detail

/// Room for one call, taken from a bounded executor until it is used by submit(slot, …) or destroyed. From an
/// unbounded executor a slot holds nothing and is always to be had. Move-only. Thread safety: distinct objects are
/// independent. May outlive its executor.
class [[nodiscard]] slot {
 public:
  slot() noexcept = default;
  explicit slot(std::shared_ptr<detail::admission> room) noexcept : room_(std::move(room)) {}
  slot(slot&&) noexcept = default;
  slot& operator=(slot&& other) noexcept {
    slot(std::move(other)).swap(*this);
    return *this;
  }
  ~slot() {
    if (room_) detail::give_back_slot(*room_);
  }
  void swap(slot& other) noexcept { room_.swap(other.room_); }

  /// For executors: gives the room away.
  [[nodiscard]] std::shared_ptr<detail::admission> release() noexcept { return std::exchange(room_, nullptr); }
  [[nodiscard]] const std::shared_ptr<detail::admission>& room() const noexcept { return room_; }

 private:
  std::shared_ptr<detail::admission> room_;
};

}  // namespace plait::inline PLAIT_ABI
