// Where a call arrives that is submitted without its executor's lock.
#pragma once

#include <plait/core/internal/prefetch.hpp>
#include <plait/core/sync.hpp>
#include <plait/executor/work_item.hpp>

#include <cstdint>

namespace plait::inline PLAIT_ABI::detail {

/// A stack that grows by one exchange and is emptied by another. Whoever has the owner's lock empties it; anybody
/// pushes, until it is closed.
///
/// All accesses that a sleeper and a submitter meet at are sequentially consistent: who says that he sleeps and then
/// finds nothing here has said it before the one who pushed next looks for sleepers.
class call_inbox {
 public:
  /// False where it is closed; the item is not here then. Once it is here, it may be anywhere: the caller must not
  /// touch it.
  [[nodiscard]] bool push(work_item& item) noexcept {
    item.prev = static_cast<work_item*>(trail<work_item>::leave(&item));
    auto newest = newest_.load(std::memory_order_relaxed);
    do {
      if (newest == closed) return false;
      item.next = reinterpret_cast<work_item*>(newest);
    } while (!newest_.compare_exchange_weak(newest, reinterpret_cast<word>(&item), std::memory_order_seq_cst,
                                            std::memory_order_relaxed));
    return true;
  }
  [[nodiscard]] bool holds_calls() const noexcept {
    const auto newest = newest_.load(std::memory_order_seq_cst);
    return newest != empty && newest != closed;
  }

  // Under the owner's lock: what is here, from the newest to the oldest by `next`; null for nothing. `prev` is an
  // address to ask for (core/internal/prefetch.hpp).
  [[nodiscard]] work_item* take_all() noexcept {
    return holds_calls() ? reinterpret_cast<work_item*>(newest_.exchange(empty, std::memory_order_acquire)) : nullptr;
  }
  /// The last of them; nothing comes any more.
  [[nodiscard]] work_item* close() noexcept {
    const auto newest = newest_.exchange(closed, std::memory_order_acquire);
    return newest == closed ? nullptr : reinterpret_cast<work_item*>(newest);
  }

 private:
  using word = std::uintptr_t;
  static constexpr word empty = 0, closed = 1;

  sync::atomic<word> newest_{empty};
};

}  // namespace plait::inline PLAIT_ABI::detail
