#include <plait/core/internal/alarm_clock.hpp>

#include <mutex>
#include <system_error>

namespace plait::inline PLAIT_ABI::detail {

void alarm_clock::set(key whose, time_point when, std::function<void()> ring) {
  const std::lock_guard lock(mutex_);
  if (!thread_) thread_.emplace([this] { work(); });
  const auto at = deadlines_.emplace(when, std::pair(whose, std::move(ring)));
  try {
    by_key_.emplace(whose, at);
  } catch (...) {
    deadlines_.erase(at);
    throw;
  }
  if (at == deadlines_.begin()) {
    changed_.fetch_add(1);
    sync::futex_wake(changed_, 1);
  }
}

bool alarm_clock::clear(key whose) noexcept {
  std::function<void()> cleared;  // destroyed outside the lock
  const std::lock_guard lock(mutex_);
  const auto found = by_key_.find(whose);
  if (found == by_key_.end()) return false;
  cleared.swap(found->second->second.second);
  deadlines_.erase(found->second);
  by_key_.erase(found);
  return true;
}

void alarm_clock::stop() noexcept {
  std::optional<sync::thread> ending;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    changed_.fetch_add(1);
    sync::futex_wake(changed_, 1);
    ending.swap(thread_);
  }
  if (ending) ending->join();
}

void alarm_clock::work() noexcept {
  for (;;) {
    std::function<void()> ring;
    auto next = sync::forever;
    const auto seen = changed_.load();
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) return;
      if (!deadlines_.empty()) {
        const auto first = deadlines_.begin();
        next = first->first;
        if (next <= sync::now()) {
          ring.swap(first->second.second);
          by_key_.erase(first->second.first);
          deadlines_.erase(first);
        }
      }
    }
    if (ring)
      ring();
    else
      sync::futex_wait(changed_, seen, next);
  }
}

}  // namespace plait::inline PLAIT_ABI::detail
