// Whether what this thread completes leaves other calls waiting for a worker. Then a loop need not be woken for it at
// once (loop/internal/inbox.hpp).
#pragma once

#include <plait/core/config.hpp>

namespace plait::inline PLAIT_ABI::detail {

/// Of this thread; false where nobody has said otherwise.
class leaves_backlog {
 public:
  static void set(bool so) noexcept { here_ = so; }
  [[nodiscard]] static bool here() noexcept { return here_; }

 private:
  inline static constinit thread_local bool here_ = false;
};

}  // namespace plait::inline PLAIT_ABI::detail
