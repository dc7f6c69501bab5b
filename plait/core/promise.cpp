#include <plait/core/promise.hpp>

namespace plait::inline PLAIT_ABI::detail {

// A cancel that comes while the work runs changes nothing: a promise has nobody to ask.
cancel_outcome promise_state_base::cancel() noexcept {
  if (claim_to_cancel()) {
    publish(call_status::cancelled);
    return cancel_outcome::dropped;
  }
  return status() == call_status::running ? cancel_outcome::abandoned : cancel_outcome::too_late;
}

bool promise_state_base::start() {
  if (start_claimable()) {
    set_running();
    return true;
  }
  if (claimed_to_cancel()) return false;  // it may not be done yet
  throw_invalid_state("plait: set_running_or_notify_cancel on a promise that was started or completed before");
}

void promise_state_base::claim_or_throw() {
  if (claim()) return;
  throw_invalid_state(claimed_to_cancel()
                          ? "plait: set_value or set_exception on a promise whose future was cancelled"
                          : "plait: set_value or set_exception on a promise that was completed before");
}

void promise_state_base::break_promise() noexcept {
  if (!claim()) return;
  try {
    set_error(std::make_exception_ptr(broken_promise("plait: the promise was dropped without a value")));
  } catch (...) {
    set_error(caught_exception());
  }
  publish(call_status::finished);
}

}  // namespace plait::inline PLAIT_ABI::detail
