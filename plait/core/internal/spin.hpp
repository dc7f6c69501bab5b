// Looking a little longer before sleeping.
//
// A sleep and a wake cost two context switches, and where both sides are on different virtual cores tens of
// microseconds. So who finds nothing looks again, letting another thread have the core between looks (so that a
// partner on the same core gets to run), for a bounded time. Where the core came back late, somebody else wanted it:
// then the next spins are left out, so that a busy machine is not made busier, and more of them each time. Unless so
// much has come meanwhile that it was the partner.
#pragma once

#include <plait/core/sync.hpp>

#include <algorithm>

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
  /// How many spins are left out then: twice as many each time that this happens again, half as many after each spin
  /// in which it does not.
  static constexpr int fewest_left_out = 100, most_left_out = 6'400;

  /// `plenty()` is asked after a late yield.
  template <class Ready, class Plenty> [[nodiscard]] bool spin_until(Ready ready, Plenty plenty) {
    if (skipped_ > 0) {
      --skipped_;
      return false;
    }
    auto before = sync::now();
    const auto end = before + longest;
    bool found = false;
    while (!(found = ready()) && before < end) {
      sync::yield();
      const auto after = sync::now();
      if (after - before > late) {
        if (!plenty()) {
          skipped_ = to_leave_out_;
          to_leave_out_ = std::min(2 * to_leave_out_, most_left_out);
        }
        return ready();
      }
      before = after;
    }
    to_leave_out_ = std::max(to_leave_out_ / 2, fewest_left_out);
    return found;
  }

 private:
  int skipped_ = 0;
  int to_leave_out_ = fewest_left_out;
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
