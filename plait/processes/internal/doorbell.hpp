// The words by which two processes hand over sleep and wake, and by which they agree who has a request.
//
// Both protocols are the same pair of steps, crossed: each side writes its own word, then reads the other's.
//
//     worker                                   parent
//     bed := asleep            (seq_cst)       requests published   (seq_cst)
//     any request published?   (seq_cst)       bed asleep?          (seq_cst)
//     no: futex_wait(bed)                      yes: bed := awake, futex_wake(bed)
//
//     parent                                   worker
//     doorbell := loop         (seq_cst)       reply published      (seq_cst)
//     any reply published?     (seq_cst)       doorbell not nobody? (seq_cst)
//     no: epoll_wait                           yes: doorbell := nobody, write(eventfd)
//
// All four are in one total order, so at least one side sees the other's write: nobody sleeps beside work. The words
// lie in memory that the worker can write; what a worker does to them costs a wake-up too many, or its own sleep.
#pragma once

#include <plait/core/sync.hpp>
#include <plait/processes/internal/wire.hpp>

#include <cstdint>

namespace plait::inline PLAIT_ABI::detail {

/// As sync::futex_wait and futex_wake, for a word in memory that processes share.
#if defined(PLAIT_SIMULATED)
inline void shared_futex_wait(const sync::atomic<std::uint32_t>& word, std::uint32_t expected) noexcept {
  sync::futex_wait(word, expected);
}
inline void shared_futex_wake(const sync::atomic<std::uint32_t>& word, int count) noexcept {
  sync::futex_wake(word, count);
}
#else
void shared_futex_wait(const sync::atomic<std::uint32_t>& word, std::uint32_t expected) noexcept;
void shared_futex_wake(const sync::atomic<std::uint32_t>& word, int count) noexcept;
#endif

/// What a worker sleeps for.
enum class rest : std::uint32_t { awake = 0, for_requests = 1, for_room = 2 };

/// Where a worker sleeps.
class worker_bed {
 public:
  /// The worker: sleeps until woken, unless `ready()`, which must look by seq_cst. May return for no reason.
  template <class Ready> void sleep(rest why, Ready ready) noexcept {
    const auto asleep = static_cast<std::uint32_t>(why);
    word_.store(asleep, std::memory_order_seq_cst);  // pairs with must_wake's load
    if (!ready()) shared_futex_wait(word_, asleep);
    word_.store(awake, std::memory_order_relaxed);
  }

  /// The parent, after it published by seq_cst what the worker may sleep for: true for one of all who ask, who then
  /// has to call wake().
  [[nodiscard]] bool must_wake(rest why) noexcept {
    auto asleep = static_cast<std::uint32_t>(why);
    if (word_.load(std::memory_order_seq_cst) != asleep) return false;
    return word_.compare_exchange_strong(asleep, awake, std::memory_order_seq_cst);
  }
  void wake() noexcept { shared_futex_wake(word_, 1); }
  /// A look without a promise.
  [[nodiscard]] bool is_used() const noexcept { return word_.load(std::memory_order_relaxed) != awake; }

  /// The parent is leaving.
  void wake_anyway() noexcept {
    word_.store(awake, std::memory_order_seq_cst);
    wake();
  }

 private:
  static constexpr std::uint32_t awake = 0;
  sync::atomic<std::uint32_t> word_{awake};
};

/// Which of the parent's sleepers a worker is to ring.
enum class bell : std::uint32_t { nobody = 0, loop = 1, helper = 2 };

class doorbell {
 public:
  /// The parent, before it looks for replies (by seq_cst) and sleeps.
  void arm(bell who) noexcept { word_.store(who, std::memory_order_seq_cst); }  // pairs with answer's load
  /// The parent, awake again. A ring that is on its way still comes.
  void disarm() noexcept { word_.store(bell::nobody, std::memory_order_relaxed); }

  /// The worker, after it published a reply by seq_cst: whom to ring.
  [[nodiscard]] bell answer() noexcept {
    if (word_.load(std::memory_order_seq_cst) == bell::nobody) return bell::nobody;
    return word_.exchange(bell::nobody, std::memory_order_acquire);
  }

 private:
  sync::atomic<bell> word_{bell::nobody};
};

/// Both sides try; exactly one has it. The worker's acquire pairs with nothing of the claim's own: it has read the
/// request by the published position already.
[[nodiscard]] inline bool take(sync::atomic<claim>& word) noexcept {
  auto expected = claim::ready;
  return word.compare_exchange_strong(expected, claim::taken, std::memory_order_acq_rel, std::memory_order_relaxed);
}
[[nodiscard]] inline bool take_back(sync::atomic<claim>& word) noexcept {
  auto expected = claim::ready;
  return word.compare_exchange_strong(expected, claim::withdrawn, std::memory_order_acq_rel,
                                      std::memory_order_relaxed);
}

}  // namespace plait::inline PLAIT_ABI::detail
