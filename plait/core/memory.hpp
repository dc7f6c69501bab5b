// Memory for what is made and given back all the time: calls, futures' states, tasks and their frames.
//
// A thread keeps some of what it gives back, by size, and takes that first: a few instructions, where malloc and free
// are a tenth of what a loop with many calls in flight does.
//
// - A thread keeps no more than most_kept_memory, and gives it back when it ends.
// - Whoever gives memory back keeps it, not who took it. One thread that only takes and another that only gives back
//   find the same as without this: the one's store is empty, the other's full.
// - What goes from core to core and back (calls) begins with a cache line, so that it lies on as few of them as it
//   can. The allocator has none of these: they are cut out of larger blocks, with up to 64 bytes around each.
// - Under AddressSanitizer nothing is kept, so that it sees who uses what was given back.
#pragma once

#include <plait/core/config.hpp>

#include <cstddef>
#include <new>

namespace plait::inline PLAIT_ABI::detail {

inline constexpr std::size_t most_kept_memory = 64 * 1024;
/// Larger ones are not kept.
inline constexpr std::size_t largest_kept_block = 504;

/// As ::operator new, aligned as it aligns; the size must be told when it is given back. Thread-safe.
[[nodiscard]] PLAIT_API void* take_memory(std::size_t size);
PLAIT_API void give_memory(void* memory, std::size_t size) noexcept;

/// The same, beginning with a cache line, where the size is at most largest_kept_block and AddressSanitizer is not
/// there.
[[nodiscard]] PLAIT_API void* take_lines(std::size_t size);
PLAIT_API void give_lines(void* memory, std::size_t size) noexcept;

/// What is made by `new` from this memory.
class recycled {
 public:
  static void* operator new(std::size_t size) { return take_memory(size); }
  static void operator delete(void* memory, std::size_t size) noexcept { give_memory(memory, size); }
  static void* operator new(std::size_t size, std::align_val_t alignment) { return ::operator new(size, alignment); }
  static void operator delete(void* memory, std::size_t, std::align_val_t alignment) noexcept {
    ::operator delete(memory, alignment);
  }

 protected:
  ~recycled() = default;
};

}  // namespace plait::inline PLAIT_ABI::detail
