#include <plait/core/internal/mutex.hpp>

namespace plait::inline PLAIT_ABI::detail {

void mutex::lock_contended() noexcept {
#if !defined(PLAIT_SIMULATED)
  // Arbitrary; ten looks with a pause cost less than the cheapest sleep and wake (1.5 µs).
  for (int look = 0; look < 10; ++look) {
    if (word_.load(std::memory_order_relaxed) == free_ && try_lock()) return;
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
  }
#endif
  while (word_.exchange(locked_with_sleepers, std::memory_order_acquire) != free_)
    sync::futex_wait(word_, locked_with_sleepers);
}

}  // namespace plait::inline PLAIT_ABI::detail
