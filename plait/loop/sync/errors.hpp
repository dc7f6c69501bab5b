// What the synchronisation primitives throw beside invalid_state_error, cancelled_error and queue_full.
#pragma once

#include <plait/core/errors.hpp>

namespace plait::inline PLAIT_ABI {

/// get_nowait found nothing in the queue that is not promised to somebody who waits.
class PLAIT_API queue_empty : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
  ~queue_empty() override;
};

/// The queue was shut down: it takes no more items, and has none left to give.
class PLAIT_API queue_shut_down : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
  ~queue_shut_down() override;
};

/// The barrier was aborted, or reset while the task waited at it.
class PLAIT_API broken_barrier_error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
  ~broken_barrier_error() override;
};

}  // namespace plait::inline PLAIT_ABI
