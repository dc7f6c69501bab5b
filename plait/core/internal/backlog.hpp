// Whether what this thread completes leaves many other calls waiting for each worker. Then a loop need not be woken
// for it at once (loop/internal/inbox.hpp).
#pragma once

#include <plait/core/config.hpp>

#include <cstddef>

namespace plait::inline PLAIT_ABI::detail {

/// Of this thread; false where nobody has said otherwise.
class leaves_backlog {
 public:
  /// So many for each worker. A call that is submitted now waits longer for its turn than a result for the end of a
  /// nap, where calls take 30 µs or more; and of shorter ones there are enough to go on with while the loop wakes up.
  static constexpr std::size_t many = 8;

  static void set(bool so) noexcept { here_ = so; }
  [[nodiscard]] static bool here() noexcept { return here_; }

 private:
  inline static constinit thread_local bool here_ = false;
};

}  // namespace plait::inline PLAIT_ABI::detail
