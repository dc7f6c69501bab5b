#include <plait/core/memory.hpp>

#if defined(__SANITIZE_ADDRESS__)
#define PLAIT_KEEPS_MEMORY 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define PLAIT_KEEPS_MEMORY 0
#endif
#endif
#ifndef PLAIT_KEEPS_MEMORY
#define PLAIT_KEEPS_MEMORY 1
#endif

namespace plait::inline PLAIT_ABI::detail {
namespace {

// As malloc's: blocks of 8, 24, 40, … bytes, each with 8 of malloc's own.
constexpr std::size_t step = 16, smallest = 8;
constexpr std::size_t lists = (largest_kept_block - smallest) / step + 1;

constexpr std::size_t list_for(std::size_t size) noexcept { return (size + step - 1 - smallest) / step; }
constexpr std::size_t size_of(std::size_t list) noexcept { return smallest + list * step; }
static_assert(list_for(1) == 0 && list_for(8) == 0 && list_for(9) == 1 && list_for(24) == 1);
static_assert(size_of(list_for(largest_kept_block)) == largest_kept_block);

constexpr bool is_kept(std::size_t size) noexcept {
  return PLAIT_KEEPS_MEMORY != 0 && size - 1 < largest_kept_block;  // 0 is not
}
static_assert(!is_kept(0) && !is_kept(largest_kept_block + 1) && is_kept(largest_kept_block) == PLAIT_KEEPS_MEMORY);

struct free_block {
  free_block* next;
};

// Without a destructor, so that it can be used for as long as the thread runs code at all.
struct store {
  free_block* first[lists];
  std::size_t bytes;  // in it
};
constinit thread_local store kept{};

struct ending {
  ending() noexcept {}
  ~ending() {
    for (auto& list : kept.first)
      while (auto* const block = list) {
        list = block->next;
        ::operator delete(block);
      }
    kept.bytes = most_kept_memory;  // nothing more is kept
  }
};

void register_ending() noexcept {
  static thread_local const ending at_end;
  static_cast<void>(at_end);
}

}  // namespace

void* take_memory(std::size_t size) {
  if (!is_kept(size)) return ::operator new(size);
  const auto list = list_for(size);
  auto*& first = kept.first[list];
  auto* const block = first;
  if (!block) return ::operator new(size_of(list));
  kept.bytes -= size_of(list);
  first = block->next;
  return block;
}

void give_memory(void* memory, std::size_t size) noexcept {
  if (!is_kept(size)) return ::operator delete(memory);
  const auto list = list_for(size);
  const auto before = kept.bytes, bytes = before + size_of(list);
  if (bytes > most_kept_memory) return ::operator delete(memory);
  if (before == 0) register_ending();
  kept.bytes = bytes;
  auto*& first = kept.first[list];
  first = ::new (memory) free_block{first};
}

}  // namespace plait::inline PLAIT_ABI::detail
