// Memory that comes from another core is asked for before it is needed.
//
// What threads hand to one another grows by one compare-and-swap, so it is a list from the newest entry to the
// oldest, and each entry was last written by another core. Who walks it and learns of an entry only from the one
// before waits for each by itself (docs/performance.md has how long). So each entry also tells of one that its thread
// handed over a while before (`trail`), which the walk reaches soon. Then many are under way at once.
//
// An address that is only asked for may be of memory that was given back: that is no access.
#pragma once

#include <plait/core/config.hpp>

#include <cstddef>
#include <cstdint>
#include <utility>

namespace plait::inline PLAIT_ABI::detail {

/// Of a call with small arguments; what is behind is not worth asking for each.
inline constexpr std::size_t usual_size_of_call = 128;
/// Who completes a state needs of the coroutine that waits: its place in the loop's inbox, so far before the waiter,
/// and the waiter, with the home behind it (a state_awaiter; of others it asks for too much).
inline constexpr std::size_t before_waiter = 32, around_waiter = 64;

/// Asks for memory that this thread will write to soon. Where there is none, nothing comes.
inline void prefetch_to_write(const void* begin, std::size_t size) noexcept {
  constexpr std::uintptr_t line = 64;
  const auto first = reinterpret_cast<std::uintptr_t>(begin);
  for (auto at = first / line * line; at < first + size; at += line)
    __builtin_prefetch(reinterpret_cast<const void*>(at), 1);
}

/// What this thread handed over, of one kind.
template <class Kind> class trail {
 public:
  /// Gives what it handed over eight times ago, which may be gone since: an address only. Null at first.
  [[nodiscard]] static void* leave(void* newest) noexcept {
    auto& here = last_;
    return std::exchange(here.one[here.next++ % distance], newest);
  }

 private:
  static constexpr unsigned distance = 8;  // 16 and 32 were no faster
  struct last {
    void* one[distance];
    unsigned next;
  };
  inline static constinit thread_local last last_{};
};

}  // namespace plait::inline PLAIT_ABI::detail
