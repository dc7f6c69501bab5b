#include <plait/core/memory.hpp>

#include <cstdint>
#include <cstring>
#include <set>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace plait::detail {
namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr bool keeps = false;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
constexpr bool keeps = false;
#else
constexpr bool keeps = true;
#endif
#else
constexpr bool keeps = true;
#endif

struct usual {
  static void* take(std::size_t size) { return take_memory(size); }
  static void give(void* memory, std::size_t size) noexcept { give_memory(memory, size); }
  static constexpr std::size_t beside = 0;
  static std::size_t alignment(std::size_t) { return __STDCPP_DEFAULT_NEW_ALIGNMENT__; }
};
struct lines {
  static void* take(std::size_t size) { return take_lines(size); }
  static void give(void* memory, std::size_t size) noexcept { give_lines(memory, size); }
  static constexpr std::size_t beside = 64;  // 15 for the size that it is rounded up to, 49 to find a line
  static std::size_t alignment(std::size_t size) {
    return keeps && size > 0 && size <= largest_kept_block ? 64 : usual::alignment(size);
  }
};
template <class Kind> struct memory : testing::Test {};
using kinds = testing::Types<usual, lines>;
TYPED_TEST_SUITE(memory, kinds);

/// On a thread of its own, whose store is empty and ends with it.
template <class Body> void on_a_fresh_thread(Body body) { std::thread(body).join(); }

TYPED_TEST(memory, that_was_given_back_is_taken_again) {
  on_a_fresh_thread([] {
    auto* const first = TypeParam::take(100);
    TypeParam::give(first, 100);
    auto* const again = TypeParam::take(97);  // as large a block
    EXPECT_EQ(again == first, keeps);
    auto* const other = TypeParam::take(100);
    EXPECT_NE(other, again);
    TypeParam::give(again, 97);
    TypeParam::give(other, 100);
  });
}

TYPED_TEST(memory, is_large_and_aligned_enough_at_every_size) {
  on_a_fresh_thread([] {
    for (int round = 0; round < 2; ++round) {
      std::vector<void*> taken;
      for (std::size_t size = 0; size < 2 * largest_kept_block; ++size) {
        auto* const memory = TypeParam::take(size);
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>(memory) % TypeParam::alignment(size), 0U) << size;
        std::memset(memory, 0xab, size);
        taken.push_back(memory);
      }
      EXPECT_EQ(std::set<void*>(taken.begin(), taken.end()).size(), taken.size());
      for (std::size_t size = 0; size < taken.size(); ++size) TypeParam::give(taken[size], size);
    }
  });
}

// What is above the limit goes back to the allocator: as many blocks again, and no others, are those that were kept.
TYPED_TEST(memory, is_kept_up_to_a_limit) {
  if (!keeps) GTEST_SKIP() << "nothing is kept where AddressSanitizer watches";
  on_a_fresh_thread([] {
    constexpr std::size_t size = largest_kept_block, at_most = most_kept_memory / (size + TypeParam::beside);
    std::vector<void*> taken;
    for (std::size_t i = 0; i < 2 * at_most; ++i) taken.push_back(TypeParam::take(size));
    for (auto* const memory : taken) TypeParam::give(memory, size);
    const std::set<void*> kept(taken.begin(), taken.begin() + at_most);
    for (std::size_t i = 0; i < at_most; ++i) {
      taken[i] = TypeParam::take(size);
      EXPECT_EQ(kept.count(taken[i]), 1U) << i;
    }
    for (std::size_t i = 0; i < at_most; ++i) TypeParam::give(taken[i], size);
  });
}

TYPED_TEST(memory, may_be_given_back_by_another_thread) {
  std::vector<void*> taken;
  on_a_fresh_thread([&] {
    for (int i = 0; i < 1000; ++i) taken.push_back(TypeParam::take(64));
  });
  on_a_fresh_thread([&] {
    for (auto* const memory : taken) TypeParam::give(memory, 64);
  });
}

/// Destroyed behind the store, if it was made before it.
template <class Kind> struct gives_late {
  void* memory = nullptr;
  gives_late() = default;
  ~gives_late() { Kind::give(memory, 64); }
  gives_late(const gives_late&) = delete;
  gives_late& operator=(const gives_late&) = delete;
};

TYPED_TEST(memory, may_be_given_back_while_the_thread_ends) {
  on_a_fresh_thread([] {
    thread_local gives_late<TypeParam> late;
    late.memory = TypeParam::take(64);
    TypeParam::give(TypeParam::take(32), 32);
  });
}

struct counted_object final : recycled {
  std::uint64_t values[8] = {};
};
struct alignas(128) wide final : recycled {
  char bytes[128] = {};
};

TEST(recycled_memory, is_what_recycled_objects_lie_in_unless_they_need_more_alignment) {
  on_a_fresh_thread([] {
    auto* const one = new counted_object;
    delete one;
    auto* const again = new counted_object;
    EXPECT_EQ(again == one, keeps);
    delete again;
    auto* const aligned = new wide;
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(aligned) % alignof(wide), 0U);
    delete aligned;
  });
}

}  // namespace
}  // namespace plait::detail
