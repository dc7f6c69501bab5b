#include <plait/loop/sleep.hpp>

namespace plait::inline PLAIT_ABI::detail {

void sleep_awaiter::start() {
  if (delay_ == nanoseconds::zero()) {
    where().push(alarm_);
    return;
  }
  alarm_.when = from_now(delay_);
  try {
    where().start(alarm_);
  } catch (...) {
    not_suspended();
    throw;
  }
}

withdrawal sleep_awaiter::withdraw() noexcept {
  if (alarm_.place == timed::nowhere) return withdrawal::under_way;  // in the ready queue already
  where().stop(alarm_);
  return withdrawal::withdrawn;
}

}  // namespace plait::inline PLAIT_ABI::detail
