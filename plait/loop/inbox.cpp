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
  if (!fall_asleep()) return;
  poller_.wait(deadline);
  awaken();
}

ready* inbox::close() noexcept {
  const auto left = newest_.exchange(closed, std::memory_order_acquire);
  if (left == closed) return nullptr;
  poller_.outlast(wakes_owed_);
  return oldest_first(left);
}

}  // namespace plait::inline PLAIT_ABI::detail
