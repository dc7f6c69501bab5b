// Delays and timeouts as users write them, checked and made nanoseconds.
#pragma once

#include <plait/core/errors.hpp>
#include <plait/core/sync.hpp>

#include <chrono>
#include <cmath>
#include <string>
#include <string_view>
#include <type_traits>

namespace plait::inline PLAIT_ABI::detail {

[[noreturn]] PLAIT_API void throw_bad_delay(std::string_view argument, double seconds);

/// std::invalid_argument, naming `argument`, where the delay is negative or NaN. Longer than 292 years is for ever.
template <class Rep, class Period>
[[nodiscard]] nanoseconds to_nanoseconds(std::chrono::duration<Rep, Period> delay, std::string_view argument) {
  using std::chrono::duration;
  using std::chrono::duration_cast;
  const double seconds = duration_cast<duration<double>>(delay).count();
  if constexpr (std::is_floating_point_v<Rep>) {
    if (std::isnan(delay.count())) throw_bad_delay(argument, seconds);
  }
  if (delay < delay.zero()) throw_bad_delay(argument, seconds);
  if (seconds > 9.2e9) return nanoseconds::max();
  return duration_cast<nanoseconds>(delay);
}

/// `delay` from now, or for ever.
[[nodiscard]] inline time_point from_now(nanoseconds delay) noexcept {
  const auto now = sync::now();
  return delay > sync::forever - now ? sync::forever : now + delay;
}

}  // namespace plait::inline PLAIT_ABI::detail
