// What other threads hand to a loop: a list that grows by one compare-and-swap, and the loop's sleep.
//
// One word: empty (the loop is awake), asleep, closed, or the newest entry. A thread that puts its entry in the place
// of `asleep` owes the loop one wake-up, and nobody else does. That wake-up is its last access to the loop; the loop
// counts what is owed to it and outlasts it before it goes. All others touch nothing after their compare-and-swap. So
// a loop may be destroyed as soon as what it waited for has arrived, with no counting and no lock on the way.
#pragma once

#include <plait/core/home.hpp>
#include <plait/loop/internal/poller.hpp>

#include <cstdint>

namespace plait::inline PLAIT_ABI::detail {

class inbox {
 public:
  /// Before all else; may throw (see poller).
  void open() { poller_.open(); }
  /// From any thread or signal handler. False where it is closed.
  [[nodiscard]] bool post(ready& entry) noexcept {
    auto seen = newest_.load(std::memory_order_relaxed);
    do {
      if (seen == closed) return false;
      entry.next = seen == asleep ? nullptr : reinterpret_cast<ready*>(seen);
    } while (!newest_.compare_exchange_weak(seen, reinterpret_cast<std::uintptr_t>(&entry), std::memory_order_release,
                                            std::memory_order_relaxed));
    if (seen == asleep) poller_.wake();
    return true;
  }

  // ── on the loop's thread ──
  [[nodiscard]] bool empty() const noexcept { return newest_.load(std::memory_order_relaxed) == nothing; }
  /// All entries, oldest first; null where there is none.
  [[nodiscard]] ready* take() noexcept {
    return empty() ? nullptr : oldest_first(newest_.exchange(nothing, std::memory_order_acquire));
  }
  /// Sleeps until something is posted or the deadline comes, unless something is there.
  void sleep(time_point deadline) noexcept;
  /// The two halves of sleep(), for a loop inside another one, where somebody else waits for the poller's descriptor.
  /// False where something is there.
  [[nodiscard]] bool fall_asleep() noexcept {
    auto seen = nothing;
    return newest_.compare_exchange_strong(seen, asleep, std::memory_order_relaxed);
  }
  /// Awake again, after a fall_asleep that was true; who took the place of `asleep` owes, or has given, a wake-up.
  void awaken() noexcept {
    auto seen = asleep;
    if (!newest_.compare_exchange_strong(seen, nothing, std::memory_order_relaxed)) ++wakes_owed_;
  }
  /// A wake-up by the loop itself.
  void ring() noexcept {
    ++wakes_owed_;
    poller_.wake();
  }
  /// What ends the sleep too.
  [[nodiscard]] poller& sleeper() noexcept { return poller_; }
  /// Takes no more; gives what is there.
  [[nodiscard]] ready* close() noexcept;

 private:
  static constexpr std::uintptr_t nothing = 0, asleep = 1, closed = 2;
  [[nodiscard]] static ready* oldest_first(std::uintptr_t newest) noexcept;

  sync::atomic<std::uintptr_t> newest_{nothing};  // post (release) pairs with take (acquire)
  std::uint64_t wakes_owed_ = 0;                  // how often somebody took the place of `asleep`
  poller poller_;
};

}  // namespace plait::inline PLAIT_ABI::detail
