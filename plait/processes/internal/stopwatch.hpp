// How long a worker's calls take.
#pragma once

#include <plait/core/sync.hpp>

#include <algorithm>
#include <cstdint>

namespace plait::inline PLAIT_ABI::detail {

/// Asks the clock at the end of each call, and, since that takes as long as a short call does, of short calls that
/// were all there already at the end of every eighth. `now` is asked for the time.
template <class Now> class stopwatch {
 public:
  static constexpr int most_together = 8;
  static constexpr nanoseconds short_call{2'000};

  explicit stopwatch(Now now) : now_(now), begin_(now_()) {}

  /// The next call begins now; without this it does when the one before it has ended.
  void restart() {
    begin_ = now_();
    calls_ = 0;
  }
  /// A call has ended. `further`: the next one is there. Gives how long a call took, in ns, on the average of those
  /// since the clock was asked last; 0: it was not asked.
  [[nodiscard]] std::uint32_t lap(bool further) {
    ++calls_;
    if (short_ && further && calls_ < most_together) return 0;
    const auto now = now_();
    const auto each = (now - begin_).count() / calls_;
    begin_ = now;
    calls_ = 0;
    short_ = each < short_call.count();
    return static_cast<std::uint32_t>(std::clamp<std::int64_t>(each, 1, UINT32_MAX));
  }

 private:
  Now now_;
  time_point begin_;
  int calls_ = 0;
  bool short_ = false;  // the last ones were
};

}  // namespace plait::inline PLAIT_ABI::detail
