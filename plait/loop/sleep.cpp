#include <plait/loop/sleep.hpp>

namespace plait::inline PLAIT_ABI::detail {

void sleep_awaiter::start() {
  if (delay_ == nanoseconds::zero()) {
    where().push(*this);
    return;
  }
  try {
    where().start(*this, from_now(delay_));
  } catch (...) {
    not_suspended();
    throw;
  }
}

withdrawal sleep_awaiter::withdraw() noexcept {
  if (timer_place == timed::nowhere) return withdrawal::under_way;  // in the ready queue already
  where().stop(*this);
  return withdrawal::withdrawn;
}

}  // namespace plait::inline PLAIT_ABI::detail
