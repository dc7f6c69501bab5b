#include <plait/core/memory.hpp>

#include <algorithm>
#include <cstdint>

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

constexpr std::size_t step = 16, line = 64;
static_assert(__STDCPP_DEFAULT_NEW_ALIGNMENT__ >= step);
constexpr std::size_t lists = largest_kept_block / step + 2;

constexpr bool is_kept(std::size_t size) noexcept {
  return PLAIT_KEEPS_MEMORY != 0 && size - 1 < largest_kept_block;  // 0 is not
}
static_assert(!is_kept(0) && !is_kept(largest_kept_block + 1) && is_kept(largest_kept_block) == PLAIT_KEEPS_MEMORY);

struct free_block {
  free_block* next;
};

// As malloc gives them: of 8, 24, 40, … bytes, each with 8 of malloc's own.
struct usual_blocks {
  static constexpr std::size_t smallest = 8;
  static constexpr std::size_t beside = 0;  // what each takes beside its size
  [[nodiscard]] static void* make(std::size_t size) { return ::operator new(size); }
  static void end(void* block, std::size_t) noexcept { ::operator delete(block); }

  free_block* first[lists];
};

// Of 23, 39, … bytes, cut out of what malloc gives. Behind each stands how far it is from where that begins.
struct lined_blocks {
  static constexpr std::size_t smallest = 7;  // which none is: it would not hold a free_block
  static constexpr std::size_t beside = line - step + 1;
  static_assert((smallest + beside) % step == usual_blocks::smallest);
  [[nodiscard]] static void* make(std::size_t size) {
    auto* const all = static_cast<std::uint8_t*>(::operator new(size + beside));
    const auto before = (line - reinterpret_cast<std::uintptr_t>(all) % line) % line;
    auto* const block = all + before;
    block[size] = static_cast<std::uint8_t>(before);
    return block;
  }
  static void end(void* block, std::size_t size) noexcept {
    auto* const begin = static_cast<std::uint8_t*>(block);
    ::operator delete(begin - begin[size]);
  }

  free_block* first[lists];
};

// Without a destructor, so that it can be used for as long as the thread runs code at all.
struct store : usual_blocks, lined_blocks {
  std::size_t bytes;  // in it
};
constinit thread_local store kept{};

template <class Blocks> constexpr std::size_t list_for(std::size_t size) noexcept {
  return (std::max(size, sizeof(free_block)) + step - 1 - Blocks::smallest) / step;
}
template <class Blocks> constexpr std::size_t size_of(std::size_t list) noexcept {
  return Blocks::smallest + list * step;
}
static_assert(list_for<usual_blocks>(1) == 0 && list_for<usual_blocks>(8) == 0 && list_for<usual_blocks>(9) == 1);
static_assert(size_of<usual_blocks>(list_for<usual_blocks>(largest_kept_block)) == largest_kept_block);
static_assert(list_for<lined_blocks>(1) == 1 && list_for<lined_blocks>(23) == 1 && list_for<lined_blocks>(24) == 2);
static_assert(list_for<lined_blocks>(largest_kept_block) < lists);

template <class Blocks> void end_all() noexcept {
  for (std::size_t list = 0; list < lists; ++list)
    while (auto* const block = kept.Blocks::first[list]) {
      kept.Blocks::first[list] = block->next;
      Blocks::end(block, size_of<Blocks>(list));
    }
}

struct ending {
  ending() noexcept {}
  ~ending() {
    end_all<usual_blocks>();
    end_all<lined_blocks>();
    kept.bytes = most_kept_memory;  // nothing more is kept
  }
};

void register_ending() noexcept {
  static thread_local const ending at_end;
  static_cast<void>(at_end);
}

template <class Blocks> void* take(std::size_t size) {
  if (!is_kept(size)) return ::operator new(size);
  const auto list = list_for<Blocks>(size);
  auto*& first = kept.Blocks::first[list];
  auto* const block = first;
  if (!block) return Blocks::make(size_of<Blocks>(list));
  kept.bytes -= size_of<Blocks>(list) + Blocks::beside;
  first = block->next;
  return block;
}

template <class Blocks> void give(void* memory, std::size_t size) noexcept {
  if (!is_kept(size)) return ::operator delete(memory);
  const auto list = list_for<Blocks>(size);
  const auto before = kept.bytes, bytes = before + size_of<Blocks>(list) + Blocks::beside;
  if (bytes > most_kept_memory) return Blocks::end(memory, size_of<Blocks>(list));
  if (before == 0) register_ending();
  kept.bytes = bytes;
  auto*& first = kept.Blocks::first[list];
  first = ::new (memory) free_block{first};
}

}  // namespace

void* take_memory(std::size_t size) { return take<usual_blocks>(size); }
void give_memory(void* memory, std::size_t size) noexcept { give<usual_blocks>(memory, size); }
void* take_lines(std::size_t size) { return take<lined_blocks>(size); }
void give_lines(void* memory, std::size_t size) noexcept { give<lined_blocks>(memory, size); }

}  // namespace plait::inline PLAIT_ABI::detail
