#include <plait/executor/internal/admission.hpp>

#include <mutex>
#include <optional>

namespace plait::inline PLAIT_ABI::detail {

bool admission::try_enter(std::size_t bytes) noexcept {
  const std::lock_guard lock(mutex_);
  // Once closed, the executor itself says why it takes nothing.
  if (!closed_by_ && (!waiting_.empty() || !has_room(bytes))) return false;
  ++calls_;
  bytes_ += bytes;
  return true;
}

future<slot> admission::acquire() {
  promise<slot> wanted;
  auto result = wanted.get_future();
  std::exception_ptr closed_by;
  {
    const std::lock_guard lock(mutex_);
    if (!closed_by_ && (!waiting_.empty() || !has_room(0))) {
      waiting_.push_back(std::move(wanted));
      return result;
    }
    if (!closed_by_) ++calls_;
    closed_by = closed_by_;
  }
  if (closed_by)
    wanted.set_exception(closed_by);
  else
    wanted.set_value(shared_from_this());
  return result;
}

void admission::charge(std::size_t bytes) noexcept {
  const std::lock_guard lock(mutex_);
  bytes_ += bytes;
}

void admission::leave(std::size_t bytes) noexcept {
  {
    const std::lock_guard lock(mutex_);
    --calls_;
    bytes_ -= bytes;
  }
  hand_on();
}

// Gives free room to who waits, one after the other. A waiter that gave up makes way for the next; room that comes
// back meanwhile, from a slot that nobody wanted any more too, is seen by the one who is at it.
void admission::hand_on() noexcept {
  for (bool first_look = true;; first_look = false) {
    std::optional<promise<slot>> first;
    {
      const std::lock_guard lock(mutex_);
      if (first_look && handing_on_) return;
      handing_on_ = !waiting_.empty() && has_room(0);
      if (!handing_on_) return;
      first.emplace(std::move(waiting_.front()));
      waiting_.pop_front();
      ++calls_;
    }
    slot room(shared_from_this());
    if (first->set_running_or_notify_cancel()) first->set_value(std::move(room));
  }
}

void admission::close(const std::exception_ptr& reason) noexcept {
  std::deque<promise<slot>> refused;
  {
    const std::lock_guard lock(mutex_);
    if (!closed_by_) closed_by_ = reason;
    refused.swap(waiting_);
  }
  for (auto& waiter : refused) {
    if (waiter.set_running_or_notify_cancel()) waiter.set_exception(reason);
  }
}

void give_back_slot(admission& room) noexcept { room.leave(0); }

}  // namespace plait::inline PLAIT_ABI::detail
