#include <plait/core/home.hpp>
#include <plait/core/internal/mutex.hpp>
#include <plait/executor/internal/process_end.hpp>

#include <atomic>
#include <cstdlib>
#include <mutex>
#include <vector>

#include <pthread.h>

namespace plait::inline PLAIT_ABI::detail {
namespace {

constexpr std::chrono::seconds time_to_end{1};  // what calls that still run get, when the program leaves

std::atomic<bool> leaving{false};
std::atomic<unsigned> generation{0};

// Never destroyed: static destructors of users may come later than ours would.
struct living_pools {
  mutex lock;  // guards what follows
  std::vector<std::weak_ptr<ends_with_program>> pools;
};
living_pools& living() {
  static auto* const instance = new living_pools;
  return *instance;
}

// exit() may be called on a running loop's thread: that loop is over, and may be blocked.
struct no_home : home {
  static void enter() noexcept { set_current(nullptr); }
};

void end_all() {
  leaving = true;
  no_home::enter();
  std::vector<std::shared_ptr<ends_with_program>> pools;
  {
    const std::lock_guard lock(living().lock);
    for (const auto& weak : living().pools)
      if (auto pool = weak.lock(); pool && !pool->is_foreign()) pools.push_back(std::move(pool));
  }
  std::vector<future<bool>> ends;
  for (const auto& pool : pools) {
    try {
      ends.push_back(pool->begin_shutdown(shutdown_mode::kill, time_to_end));
    } catch (...) {  // no thread left to watch the time: then it only begins
      static_cast<void>(pool->begin_shutdown(shutdown_mode::kill, nanoseconds::zero()));
    }
  }
  for (const auto& end : ends) end.handle()->wait_until(sync::forever);
  for (const auto& pool : pools) pool->join();  // of those workers that have ended
}

}  // namespace

void answer_waiting(promise<bool>& waiting, bool ended) noexcept {
  if (waiting.set_running_or_notify_cancel()) waiting.set_value(ended);
}

void register_pool(const std::shared_ptr<ends_with_program>& pool) {
  // The first pool registers the end; so a pool with static storage is destroyed before it (and drains).
  static const bool registered = [] {
#if !defined(PLAIT_SIMULATED)  // there a failed schedule leaves pools behind whose threads will never go on
    std::atexit(end_all);
#else
    static_cast<void>(end_all);
#endif
    pthread_atfork(nullptr, nullptr, [] { ++generation; });
    return true;
  }();
  static_cast<void>(registered);
  auto& [lock, pools] = living();
  const std::lock_guard locked(lock);
  std::erase_if(pools, [](const auto& weak) { return weak.expired(); });
  pools.push_back(pool);
}

bool process_is_leaving() noexcept { return leaving.load(std::memory_order_relaxed); }
unsigned fork_generation() noexcept { return generation.load(std::memory_order_relaxed); }

}  // namespace plait::inline PLAIT_ABI::detail
