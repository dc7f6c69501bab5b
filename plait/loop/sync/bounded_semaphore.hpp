// bounded_semaphore: a semaphore that notices a release too many.
#pragma once

#include <plait/loop/sync/semaphore.hpp>

namespace plait::inline PLAIT_ABI {

/// A semaphore that never has more permits than it began with: a release that would make one more is an
/// invalid_state_error that names both counts; asyncio.BoundedSemaphore. All else as semaphore, as which it may be
/// passed on.
class PLAIT_API bounded_semaphore final : public semaphore {
 public:
  /// std::invalid_argument where `permits` is negative.
  explicit bounded_semaphore(std::ptrdiff_t permits = 1) : semaphore(permits, permits) {}
};

}  // namespace plait::inline PLAIT_ABI
