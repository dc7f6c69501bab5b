#include <plait/loop/sync/event.hpp>

namespace plait::inline PLAIT_ABI {

void event::set() {
  line_.check_loop("event::set");
  set_ = true;
  line_.release_all();
}

namespace detail {

event_waiter::event_waiter(event& awaited) noexcept : line_waiter(awaited.line_, "event::wait"), event_(&awaited) {}

bool event_waiter::await_ready() const {
  event_->line_.check_loop(what());
  return event_->set_;
}

}  // namespace detail
}  // namespace plait::inline PLAIT_ABI
