// How a call leaves the pool before its end: a cancel, a deadline.
#include <plait/threads/internal/thread_pool.hpp>
#include <plait/threads/internal/worker.hpp>

#include <algorithm>
#include <mutex>
#include <new>
#include <string>

namespace plait::inline PLAIT_ABI::detail {

call_owner::withdrawn thread_pool::withdraw(work_item& item) noexcept {
  if (is_foreign()) return {cancel_outcome::abandoned};
  const std::lock_guard lock(mutex_);
  collect();
  if (queue_.remove(item)) {
    note_queue();
    if (item.has_deadline()) alarms_.clear(&item);
    withdrawn dropped{cancel_outcome::dropped};
    if (std::exchange(item.counted, false)) {
      dropped.room = settings_.room;
      dropped.bytes = item.bytes();
    }
    return dropped;
  }
  const auto runs_it = std::ranges::find_if(
      workers_, [&](const auto& w) { return w->current.load(std::memory_order_relaxed) == &item; });
  if (runs_it == workers_.end()) return {cancel_outcome::too_late};
  if (!item.takes_stop_token()) return {cancel_outcome::abandoned};
  try {
    return {cancel_outcome::asked, (*runs_it)->stop_source()};
  } catch (const std::bad_alloc&) {
    return {cancel_outcome::abandoned};
  }
}

void thread_pool::locate(const work_item& item, call_place& place) {
  place.executor = settings_.prefix;
  if (is_foreign()) return;
  const std::lock_guard lock(mutex_);
  const auto by = std::ranges::find_if(
      workers_, [&](const auto& w) { return w->current.load(std::memory_order_relaxed) == &item; });
  if (by == workers_.end()) return;
  place.worker = settings_.prefix + "_" + std::to_string((*by)->number);
  place.runs = true;
}

void thread_pool::set_deadline(work_item& item) {
  item.add_keeper();
  state_keeper alive(&item);
  alarms_.set(&item, item.extras()->deadline, [this, alive = std::move(alive), &item] { deadline_came(item); });
}

void thread_pool::deadline_came(work_item& item) noexcept {
  auto got = withdraw(item);
  if (got.outcome == cancel_outcome::too_late) return;
  if (got.room) got.room->leave(got.bytes);
  item.expire(got.outcome == cancel_outcome::dropped);
  if (got.outcome == cancel_outcome::asked) got.ask.request_stop();
}

}  // namespace plait::inline PLAIT_ABI::detail
