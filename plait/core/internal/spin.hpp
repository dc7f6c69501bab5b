// Looking a little longer before sleeping.
//
// A sleep and a wake cost two context switches, and where both sides are on different virtual cores tens of
// microseconds. So who finds nothing looks again, letting another thread have the core between looks (so that a
// partner on the same core gets to run), for a bounded time. Where the core came back late, somebody else wanted it:
// then the next spins are left out, so that a busy machine is not made busier. Unless so much has come meanwhile that
// it was the partner.
#pragma once

#include <plait/core/sync.hpp>

namespace plait::inline PLAIT_ABI::detail {

#if defined(PLAIT_SIMULATED)
template <class... Asked> [[nodiscard]] bool spin_until(Asked...) {
  return false;  // would only multiply the schedules
}
#else

/// One thread's readiness to spin.
class spin_budget {
 public:
  /// The bound on one spin. 5 µs give most of what spinning can give where threads share a core; more helps where
  /// they do not, and costs idle time.
  static constexpr nanoseconds longest{10'000};
  /// A yield that takes longer than this means that a stranger got the core, where there is not plenty after it.
  static constexpr nanoseconds late{1'000'000};
  /// How many spins are left out then.
  static constexpr int left_out = 100;

  /// `plenty()` is asked after a late yield.
  template <class Ready, class Plenty> [[nodiscard]] bool spin_until(Ready ready, Plenty plenty) {
    if (skipped_ > 0) {
      --skipped_;
      return false;
    }
    auto before = sync::now();
    const auto end = before + longest;
    while (before < end) {
      if (ready()) return true;
      sync::yield();
      const auto after = sync::now();
      if (after - before > late) {
        if (!plenty()) skipped_ = left_out;
        break;
      }
      before = after;
    }
    return ready();
  }

 private:
  int skipped_ = 0;
};

template <class Ready, class Plenty> [[nodiscard]] bool spin_until(Ready ready, Plenty plenty) {
  static thread_local spin_budget budget;
  return budget.spin_until(ready, plenty);
}
template <class Ready> [[nodiscard]] bool spin_until(Ready ready) {
  return spin_until(ready, [] { return false; });
}
#endif

}  // namespace plait::inline PLAIT_ABI::detail
