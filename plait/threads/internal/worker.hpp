// One thread of a pool, as the pool sees it.
#pragma once

#include <plait/threads/internal/thread_pool.hpp>

#include <optional>
#include <stop_token>
#include <string>

namespace plait::inline PLAIT_ABI::detail {

class thread_pool::worker final : public call_environment, public blocking_observer {
 public:
  worker(thread_pool& pool, int number) noexcept : pool(pool), number(number) {}

  // ── on its own thread ──
  [[nodiscard]] std::stop_token stop_token() override;
  void blocks_on(state& awaited) noexcept override { pool.blocks_on(*this, awaited); }
  void goes_on() noexcept override;

  /// The worker whose thread this is; null elsewhere.
  static const worker*& of_this_thread() noexcept;

  bool left_backlog = false;  // behind the call it took last

  thread_pool& pool;
  const int number;
  sync::thread thread;                   // under the pool's lock: who starts it may come later than its end
  sync::atomic<std::uint32_t> woken{0};  // a sleeper's futex: wake() stores 1
  /// The call it runs. Set under the pool's lock; cleared without it, before the call completes (release; who was
  /// answered and looks for a free worker sees it).
  sync::atomic<const work_item*> current{nullptr};

  // ── under the pool's lock ──
  [[nodiscard]] std::stop_source& stop_source();
  bool searching = false;
  bool asleep = false;
  worker* next_asleep = nullptr;
  std::string current_name;
  const state* blocked_on = nullptr;

 private:
  std::optional<std::stop_source> stop_source_;  // of the current call, once somebody wanted it

 public:
  void forget_stop_source() noexcept { stop_source_.reset(); }
};

}  // namespace plait::inline PLAIT_ABI::detail
