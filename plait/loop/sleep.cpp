#include <plait/loop/sleep.hpp>

namespace plait::inline PLAIT_ABI::detail {

void sleep_alarm::run() noexcept { static_cast<sleep_awaiter&>(*this).suspension::run(); }
const task_context* sleep_alarm::works_for() const noexcept {
  return static_cast<const sleep_awaiter&>(*this).suspension::works_for();
}

void sleep_awaiter::start() {
  sleep_alarm& alarm = *this;
  if (delay_ == nanoseconds::zero()) {
    where().push(alarm);
    return;
  }
  alarm.when = from_now(delay_);
  try {
    where().start(alarm);
  } catch (...) {
    not_suspended();
    throw;
  }
}

withdrawal sleep_awaiter::withdraw() noexcept {
  if (place == timed::nowhere) return withdrawal::under_way;  // in the ready queue already
  where().stop(static_cast<sleep_alarm&>(*this));
  return withdrawal::withdrawn;
}

}  // namespace plait::inline PLAIT_ABI::detail
