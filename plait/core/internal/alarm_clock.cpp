#include <plait/core/internal/alarm_clock.hpp>

#include <map>
#include <mutex>
#include <optional>
#include <utility>

namespace plait::inline PLAIT_ABI::detail {
namespace {

thread_local const void* clock_of_this_thread = nullptr;

}  // namespace

struct alarm_clock::insides {
  void work() noexcept;
  void look_again() noexcept {
    changed.fetch_add(1);
    sync::futex_wake(changed, 1);
  }

  mutex lock;  // guards all below but `changed`
  std::multimap<time_point, std::pair<key, std::function<void()>>> deadlines;
  std::map<key, decltype(deadlines)::iterator> by_key;
  std::optional<sync::thread> thread;
  bool stopping = false;
  sync::atomic<std::uint32_t> changed{0};  // goes up when the next deadline may be another one
};

alarm_clock::alarm_clock() : insides_(std::make_shared<insides>()) {}

void alarm_clock::set(key whose, time_point when, std::function<void()> ring) {
  auto& in = *insides_;
  const std::lock_guard lock(in.lock);
  if (!in.thread) in.thread.emplace([inside = insides_] { inside->work(); });
  const auto at = in.deadlines.emplace(when, std::pair(whose, std::move(ring)));
  try {
    in.by_key.emplace(whose, at);
  } catch (...) {
    in.deadlines.erase(at);
    throw;
  }
  if (at == in.deadlines.begin()) in.look_again();
}

bool alarm_clock::clear(key whose) noexcept {
  auto& in = *insides_;
  std::function<void()> cleared;  // destroyed outside the lock
  const std::lock_guard lock(in.lock);
  const auto found = in.by_key.find(whose);
  if (found == in.by_key.end()) return false;
  cleared.swap(found->second->second.second);
  in.deadlines.erase(found->second);
  in.by_key.erase(found);
  return true;
}

void alarm_clock::stop() noexcept {
  auto& in = *insides_;
  std::optional<sync::thread> ending;
  decltype(in.deadlines) dropped;  // destroyed outside the lock
  {
    const std::lock_guard lock(in.lock);
    in.stopping = true;
    in.by_key.clear();
    dropped.swap(in.deadlines);
    in.look_again();
    ending.swap(in.thread);
  }
  if (!ending) return;
  if (on_own_thread())
    ending->detach();
  else
    ending->join();
}

bool alarm_clock::on_own_thread() const noexcept { return clock_of_this_thread == insides_.get(); }

void alarm_clock::insides::work() noexcept {
  clock_of_this_thread = this;
  for (;;) {
    std::function<void()> ring;
    auto next = sync::forever;
    const auto seen = changed.load();
    {
      const std::lock_guard locked(lock);
      if (stopping) return;
      if (!deadlines.empty()) {
        const auto first = deadlines.begin();
        next = first->first;
        if (next <= sync::now()) {
          ring.swap(first->second.second);
          by_key.erase(first->second.first);
          deadlines.erase(first);
        }
      }
    }
    if (ring)
      ring();
    else
      sync::futex_wait(changed, seen, next);
  }
}

}  // namespace plait::inline PLAIT_ABI::detail
