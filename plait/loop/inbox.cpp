#include <plait/loop/internal/inbox.hpp>

namespace plait::inline PLAIT_ABI::detail {

ready* inbox::oldest_first(std::uintptr_t newest) noexcept {
  ready* oldest = nullptr;
  for (auto* entry = reinterpret_cast<ready*>(newest); entry;) {
    auto* const older = entry->next;
    entry->next = oldest;
    oldest = entry;
    entry = older;
  }
  return oldest;
}

void inbox::sleep(time_point deadline) noexcept {
  auto seen = nothing;
  if (!newest_.compare_exchange_strong(seen, asleep, std::memory_order_relaxed)) return;
  poller_.wait(deadline);
  seen = asleep;
  // Awake again, unless somebody has put something there; that one owes, or has given, a wake-up.
  if (!newest_.compare_exchange_strong(seen, nothing, std::memory_order_relaxed)) ++wakes_owed_;
}

ready* inbox::close() noexcept {
  const auto left = newest_.exchange(closed, std::memory_order_acquire);
  if (left == closed) return nullptr;
  poller_.outlast(wakes_owed_);
  return oldest_first(left);
}

}  // namespace plait::inline PLAIT_ABI::detail
