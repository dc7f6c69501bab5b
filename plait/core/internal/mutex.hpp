// A mutex of four bytes over a futex, so that the simulated machine sees every step of it.
//
// Guarantees
// - Uncontended, lock and unlock are one atomic operation each and no system call.
// - A thread that waits looks a few times (its owner holds it for tens of nanoseconds), then sleeps.
#pragma once

#include <plait/core/sync.hpp>

namespace plait::inline PLAIT_ABI::detail {

class PLAIT_API mutex {
 public:
  constexpr mutex() noexcept = default;
  mutex(const mutex&) = delete;
  mutex& operator=(const mutex&) = delete;

  void lock() noexcept {
    std::uint32_t expected = free_;
    if (!word_.compare_exchange_strong(expected, locked, std::memory_order_acquire, std::memory_order_relaxed))
      lock_contended();
  }
  [[nodiscard]] bool try_lock() noexcept {
    std::uint32_t expected = free_;
    return word_.compare_exchange_strong(expected, locked, std::memory_order_acquire, std::memory_order_relaxed);
  }
  void unlock() noexcept {
    if (word_.exchange(free_, std::memory_order_release) == locked_with_sleepers) sync::futex_wake(word_, 1);
  }

 private:
  static constexpr std::uint32_t free_ = 0, locked = 1, locked_with_sleepers = 2;

  void lock_contended() noexcept;

  sync::atomic<std::uint32_t> word_{free_};  // lock's acquire pairs with unlock's release
};

}  // namespace plait::inline PLAIT_ABI::detail
