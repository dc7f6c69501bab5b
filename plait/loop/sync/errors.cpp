#include <plait/loop/sync/errors.hpp>
#include <plait/portable/portable_exception.hpp>

namespace plait::inline PLAIT_ABI {

PLAIT_PORTABLE_EXCEPTION(queue_empty);
PLAIT_PORTABLE_EXCEPTION(queue_shut_down);
PLAIT_PORTABLE_EXCEPTION(broken_barrier_error);

queue_empty::~queue_empty() = default;
queue_shut_down::~queue_shut_down() = default;
broken_barrier_error::~broken_barrier_error() = default;

}  // namespace plait::inline PLAIT_ABI
