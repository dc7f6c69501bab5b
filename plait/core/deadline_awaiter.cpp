#include <plait/core/deadline_awaiter.hpp>

namespace plait::inline PLAIT_ABI::detail {

bool deadline_awaiter::start() {
  if (alarm_.when != sync::forever) {
    try {
      where().start(alarm_, alarm_.when);
    } catch (...) {
      not_suspended();
      throw;
    }
  }
  if (wait()) return true;
  stop_alarm();
  return false;
}

bool deadline_awaiter::await_resume() {
  stop_alarm();
  resumed();
  return state_->done();
}

// The state may be completed at this moment: then its wake-up is under way, and there is nothing to do.
void deadline_awaiter::ring() noexcept {
  if (!stop_waiting()) return;
  rung_ = true;
  where().push(*this);
}

void deadline_awaiter::stop_alarm() noexcept {
  if (alarm_.timer_place != timed::nowhere) where().stop(alarm_);
}

withdrawal deadline_awaiter::withdraw() noexcept {
  if (rung_ || !stop_waiting()) return withdrawal::under_way;
  stop_alarm();  // it would take it off the list, and wake it, a second time
  return withdrawal::withdrawn;
}

}  // namespace plait::inline PLAIT_ABI::detail
