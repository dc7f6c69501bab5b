#include <plait/core/time.hpp>
#include <plait/loop/internal/inbox.hpp>

#include <algorithm>

namespace plait::inline PLAIT_ABI::detail {

ready* inbox::oldest_first(std::uintptr_t newest) noexcept {
  ready* oldest = nullptr;
  for (auto* entry = reinterpret_cast<ready*>(newest); entry;) {
    auto* const older = entry->next;
    entry->prefetch();
    entry->next = oldest;
    oldest = entry;
    entry = older;
  }
  return oldest;
}

// As post(), where the loop sleeps, naps or is gone; by now it may be awake again.
bool inbox::post_to_sleeper(ready& entry, bool may_wait) noexcept {
  auto seen = newest_.load(std::memory_order_relaxed);
  std::uintptr_t kept = 0;
  do {
    if (seen == closed) return false;
    kept = may_wait ? seen & napping : 0;
    entry.next = reinterpret_cast<ready*>(seen & ~(asleep | napping));
  } while (!newest_.compare_exchange_weak(seen, word_of(entry) | kept, std::memory_order_release,
                                          std::memory_order_relaxed));
  if (seen != asleep && (seen & napping) == kept) return true;
  woken_with_backlog_.store(may_wait, std::memory_order_relaxed);
  poller_.wake();
  return true;
}

void inbox::sleep(time_point deadline) noexcept {
  if (naps_) return nap(deadline);
  if (!fall_asleep()) return;
  woken_with_backlog_.store(false, std::memory_order_relaxed);
  const auto began = sync::now();
  poller_.wait(deadline);
  awaken();
  came_alone_ = 0;
  naps_ =
      woken_with_backlog_.load(std::memory_order_relaxed) && sync::now() - began < longest_nap && poller::is_exact();
}

void inbox::nap(time_point deadline) noexcept {
  auto seen = nothing;
  if (!newest_.compare_exchange_strong(seen, napping, std::memory_order_relaxed)) return;
  poller_.wait(std::min(deadline, from_now(longest_nap)));
  const auto found = newest_.fetch_and(~napping, std::memory_order_relaxed);
  if ((found & napping) == 0) ++wakes_owed_;  // somebody has ended it
  naps_ = found != napping;
}

void inbox::note_taken(const ready* oldest) noexcept {
  came_alone_ = oldest && oldest->next ? 0 : came_alone_ + 1;
  naps_ = came_alone_ < enough_alone;
}

ready* inbox::close() noexcept {
  const auto left = newest_.exchange(closed, std::memory_order_acquire);
  if (left == closed) return nullptr;
  poller_.outlast(wakes_owed_);
  return oldest_first(left);
}

}  // namespace plait::inline PLAIT_ABI::detail
