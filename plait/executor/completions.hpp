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
  ~completions();

  void add(entry added);
  [[nodiscard]] std::size_t size() const noexcept { return on_their_way_.size(); }
  [[nodiscard]] bool empty() const noexcept { return on_their_way_.empty(); }

  /// Blocks until one can be taken; false where the deadline passed first.
  [[nodiscard]] bool wait_until(time_point deadline) { return next_to_wait_for()->wait_until(deadline); }
  /// The same for a coroutine.
  [[nodiscard]] deadline_awaiter ready_by(time_point deadline) { return {next_to_wait_for(), deadline}; }
  /// One that is done. Only after one of the two above said so.
  [[nodiscard]] entry take();
  void cancel_all() noexcept;

 private:
  struct done_list;
  /// What is done as soon as one can be taken.
  [[nodiscard]] state_handle next_to_wait_for();

  std::uint64_t added_ = 0;                                // also the key of the next
  std::uint64_t first_ = 0;                                // in order: the key of the next to take
  std::unordered_map<std::uint64_t, entry> on_their_way_;  // by the number of when it was added
  std::shared_ptr<done_list> done_;                        // null: in order
};

}  // namespace plait::inline PLAIT_ABI::detail
