// What other threads hand to a loop: a list that grows by one compare-and-swap, and the loop's sleep.
//
// One word: empty (the loop is awake), asleep, closed, or the newest entry, perhaps with `napping` beside it. A
// thread that puts its entry in the place of `asleep`, or takes `napping` away, owes the loop one wake-up, and nobody
// else does. That wake-up is its last access to the loop; the loop counts what is owed to it and outlasts it before
// it goes. All others touch nothing after their compare-and-swap. So a loop may be destroyed as soon as what it
// waited for has arrived, with no counting and no lock on the way.
//
// Naps. Where many calls wait for each worker, the cores have enough to do, and to wake the loop for each result
// takes one of them from a worker, and gives it back: two context switches a call. So a loop that was woken by such a
// worker soon after it fell asleep naps the next time: for about `longest_nap`, in which results of such workers
// (backlog.hpp) don't wake it; it takes them together. Whatever else is posted ends the nap at once, as does a worker
// that leaves fewer calls waiting: before they have run out the loop can submit more. It naps on until a nap brings
// nothing, or results come one by one: then calls are few again, and it looks and yields before it sleeps (spin.hpp).
// A loop that yields among workers that compute is back when they have run out of calls.
#pragma once

#include <plait/core/home.hpp>
#include <plait/core/internal/backlog.hpp>
#include <plait/loop/internal/poller.hpp>

#include <cstdint>

namespace plait::inline PLAIT_ABI::detail {

class inbox {
 public:
  /// Before all else; may throw (see poller).
  void open() { poller_.open(); }
  /// From any thread or signal handler. False where it is closed.
  [[nodiscard]] bool post(ready& entry) noexcept { return push(entry) || post_to_sleeper(entry, false); }
  /// The same for what somebody awaits, from any thread: it may wait for the end of a nap.
  [[nodiscard]] bool post_result(ready& entry) noexcept {
    return push(entry) || post_to_sleeper(entry, leaves_backlog::here());
  }

  // ── on the loop's thread ──
  [[nodiscard]] bool empty() const noexcept { return newest_.load(std::memory_order_relaxed) == nothing; }
  /// All entries, oldest first; null where there is none.
  [[nodiscard]] ready* take() noexcept {
    auto* const oldest = empty() ? nullptr : oldest_first(newest_.exchange(nothing, std::memory_order_acquire));
    if (naps_) note_taken(oldest);
    return oldest;
  }
  /// Sleeps until something is posted or the deadline comes, unless something is there. Or naps.
  void sleep(time_point deadline) noexcept;
  /// The next sleep is a nap.
  [[nodiscard]] bool naps() const noexcept { return naps_; }
  /// How late a result may be that nobody is woken for. Two cores that run calls of 100 µs have four of them by then.
  static constexpr nanoseconds longest_nap{200'000};
  /// So many entries in a row that came one by one, or looks that found none, and it naps no more.
  static constexpr int enough_alone = 8;
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
  static constexpr std::uintptr_t nothing = 0, asleep = 1, closed = 2, napping = 4;
  static_assert(alignof(ready) > napping);
  [[nodiscard]] static std::uintptr_t word_of(ready& entry) noexcept {
    return reinterpret_cast<std::uintptr_t>(&entry);
  }
  [[nodiscard]] static ready* oldest_first(std::uintptr_t newest) noexcept;
  /// Where the loop is awake.
  [[nodiscard]] bool push(ready& entry) noexcept {
    auto seen = newest_.load(std::memory_order_relaxed);
    while ((seen & (asleep | closed | napping)) == 0) {
      entry.next = reinterpret_cast<ready*>(seen);
      if (newest_.compare_exchange_weak(seen, word_of(entry), std::memory_order_release, std::memory_order_relaxed))
        return true;
    }
    return false;
  }
  [[nodiscard]] bool post_to_sleeper(ready& entry, bool may_wait) noexcept;
  void nap(time_point deadline) noexcept;
  void note_taken(const ready* oldest) noexcept;

  sync::atomic<std::uintptr_t> newest_{nothing};  // post (release) pairs with take (acquire)
  std::uint64_t wakes_owed_ = 0;                  // how often somebody took the place of `asleep`, or ended a nap
  bool naps_ = false;
  int came_alone_ = 0;                            // since it naps, in a row
  sync::atomic<bool> woken_with_backlog_{false};  // a hint: who gave the last wake-up
  poller poller_;
};

}  // namespace plait::inline PLAIT_ABI::detail
