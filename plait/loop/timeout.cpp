#include <plait/loop/internal/this_task.hpp>
#include <plait/loop/timeout.hpp>

#include <algorithm>
#include <string>

namespace plait::inline PLAIT_ABI {

// A request that no await has seen yet arrives inside: it is none of this scope's, as if it came then.
timeout_scope::timeout_scope()
    : task_(detail::this_task("with_timeout or wait_for")),
      cancels_before_(task_.cancelling() - (task_.has_unseen_cancel() ? 1 : 0)) {}

timeout_scope::~timeout_scope() {
  if (alarm_.timer_place != detail::timed::nowhere) task_.where().stop(alarm_);
}

std::optional<time_point> timeout_scope::when() const noexcept {
  if (when_ == sync::forever) return std::nullopt;
  return when_;
}

void timeout_scope::reschedule(std::optional<time_point> when) {
  if (detail::home::current() != &task_.where())
    detail::throw_invalid_state(
        "plait: timeout_scope::reschedule on another thread than that of its loop; go there by call_soon_threadsafe");
  if (over_) detail::throw_invalid_state("plait: timeout_scope::reschedule: its body is over");
  if (expired_)
    detail::throw_invalid_state("plait: timeout_scope::reschedule: the time is over, and the task was cancelled");
  start(when.value_or(sync::forever));
}

void timeout_scope::start(time_point when) {
  if (alarm_.timer_place != detail::timed::nowhere) task_.where().stop(alarm_);
  when_ = when;
  if (when == sync::forever) return;
  if (when <= sync::now())
    expire();
  else
    task_.where().start(alarm_, when);
}

void timeout_scope::expire() noexcept {
  expired_ = true;
  task_.cancel_here();
}

namespace detail {

timeout_core::timeout_core(const time_limit& limit) : delay_(limit.delay) {
  start(std::min(limit.when, from_now(limit.delay)));
}

bool timeout_core::leave() noexcept {
  over_ = true;
  if (alarm_.timer_place != timed::nowhere) task_.where().stop(alarm_);
  if (!expired_) return false;
  if (task_.uncancel() > cancels_before_) return false;  // cancelled from outside as well
  task_.forget_cancel();  // where the body has not awaited since: it is not left to who comes after
  return error_ && outcome_of(error_).cancelled();
}

void timeout_core::throw_timeout() const {
  if (delay_ == nanoseconds::max()) throw timeout_error("plait: with_timeout_at: not done in time");
  const auto ns = delay_.count();
  throw timeout_error("plait: not done within the timeout of " + (ns % 1'000'000 == 0
                                                                      ? std::to_string(ns / 1'000'000) + " ms"
                                                                      : std::to_string(ns / 1'000) + " us"));
}

}  // namespace detail
}  // namespace plait::inline PLAIT_ABI
