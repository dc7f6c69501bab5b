#include <plait/core/promise.hpp>
#include <plait/executor/executor.hpp>
#include <plait/executor/internal/admission.hpp>

namespace plait::inline PLAIT_ABI {

executor::executor() noexcept = default;
executor::executor(std::shared_ptr<detail::admission> room) noexcept : room_(std::move(room)) {}
executor::~executor() = default;

void executor::take(detail::work_item& item, slot* room) {
  if (room && room->room() != room_) {
    item.refuse();
    detail::throw_invalid_argument("room", room->room() ? "a slot of another executor" : "an empty slot",
                                   "a slot of this executor");
  }
  if (room_) {
    try {
      if (room) {
        static_cast<void>(room->release());
        room_->charge(item.bytes());
      } else if (!room_->try_enter(item.bytes())) {
        check_may_block();
        static_cast<void>(room_->acquire().result().release());
        room_->charge(item.bytes());
      }
    } catch (...) {
      item.refuse();
      throw;
    }
    item.counted = true;
  }
  accept_or_refuse(item);
}

void executor::check_may_block() const {
  if (detail::home::current())
    throw queue_full(
        "plait: the executor's queue is full, and submit must not block a running event loop; use "
        "`auto slot = co_await executor.acquire_slot()` and submit(std::move(slot), …), or try_submit");
  if (on_own_worker())
    throw queue_full(
        "plait: the executor's queue is full, and submit on one of its own workers must not wait for room that "
        "only its workers can make; use try_submit, or a larger max_pending");
}

bool executor::try_take(detail::work_item& item) {
  if (room_) {
    if (!room_->try_enter(item.bytes())) {
      item.refuse();
      return false;
    }
    item.counted = true;
  }
  accept_or_refuse(item);
  return true;
}

void executor::accept_or_refuse(detail::work_item& item) {
  try {
    accept(item);
  } catch (...) {
    if (item.counted) room_->leave(item.bytes());
    item.refuse();
    throw;
  }
}

future<slot> executor::acquire_slot() {
  if (room_) return room_->acquire();
  promise<slot> none;
  none.set_value();
  return none.get_future();
}

bool executor::end(shutdown_mode mode, nanoseconds deadline) {
  if (deadline > nanoseconds::zero() && !ended()) {
    if (on_own_worker())
      detail::throw_invalid_state(
          "plait: shutdown() on one of the executor's own workers waits for the very call that it is called from; "
          "shutdown(mode, 0s) begins it without waiting");
    if (detail::home::current())
      detail::throw_invalid_state(
          "plait: shutdown() would block a running event loop; co_await async_shutdown(mode) there");
  }
  const auto ended = begin_shutdown(mode, deadline);
  if (deadline == nanoseconds::zero()) return ended.done() && ended.result();
  return ended.result();
}

bool executor::shutdown(shutdown_mode mode) { return end(mode, nanoseconds::max()); }
future<bool> executor::async_shutdown(shutdown_mode mode) { return begin_shutdown(mode, nanoseconds::max()); }

}  // namespace plait::inline PLAIT_ABI
