// Futures on their way, taken one by one: in the order they were added, or as they are done.
#pragma once

#include <plait/core/deadline_awaiter.hpp>
#include <plait/core/state.hpp>

#include <cstddef>
#include <deque>
#include <memory>
#include <unordered_map>

namespace plait::inline PLAIT_ABI::detail {

/// Thread safety: none; the states may be completed by any thread meanwhile.
class PLAIT_API completions {
 public:
  struct entry {
    state_handle state;
    std::size_t items = 0;  // what the caller wants to know of it
  };

  explicit completions(bool ordered);
  completions(completions&&) noexcept;
  /// Those that are still on their way are left alone, and know nothing of it any more.
  ~completions();

  void add(entry added);
  [[nodiscard]] std::size_t size() const noexcept { return on_their_way_.size(); }
  [[nodiscard]] bool empty() const noexcept { return on_their_way_.empty(); }

  /// One can be taken without waiting.
  [[nodiscard]] bool ready() const;
  /// A thread is going to block for them, one after the other.
  void want_all() noexcept;
  /// Blocks until one can be taken; false where the deadline passed first.
  [[nodiscard]] bool wait_until(time_point deadline) { return next_to_wait_for()->wait_until(deadline); }
  /// The same for a coroutine.
  [[nodiscard]] deadline_awaiter ready_by(time_point deadline) { return {next_to_wait_for(), deadline}; }
  /// One that is done. Only after one of the two above said so.
  [[nodiscard]] entry take();
  void cancel_all() noexcept;

 private:
  struct done_list;
  struct waited_for : entry {
    waiter* node = nullptr;  // it stands in the state's list until the state is done; null: in order
  };
  /// What is done as soon as one can be taken.
  [[nodiscard]] state_handle next_to_wait_for();

  std::uint64_t added_ = 0;                                     // also the key of the next
  std::uint64_t first_ = 0;                                     // in order: the key of the next to take
  std::unordered_map<std::uint64_t, waited_for> on_their_way_;  // by the number of when it was added
  std::shared_ptr<done_list> done_;                             // null: in order
};

}  // namespace plait::inline PLAIT_ABI::detail
