// Shared buffers and arrays within one process: handles, memory, threads, limits, other archives.
#include <plait/core/errors.hpp>
#include <plait/executor/portable_call.hpp>
#include <plait/portable/codec.hpp>
#include <plait/portable/errors.hpp>
#include <plait/processes/internal/shared_memory_room.hpp>
#include <plait/threads/thread_pool_executor.hpp>

#include <array>
#include <concepts>
#include <cstring>
#include <iterator>
#include <limits>
#include <memory>
#include <numeric>
#include <ranges>
#include <span>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include "shared_buffer_fixture_test.hpp"
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <tests/support/expect_throw.hpp>

namespace {

using namespace pool_test;
using test_support::message_of;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

TEST(shared_buffer, is_zero_at_first_and_at_the_begin_of_a_page) {
  const shared_buffer buffer(100'001);
  EXPECT_EQ(buffer.size(), 100'001U);
  EXPECT_EQ(buffer.bytes().size(), 100'001U);
  EXPECT_FALSE(buffer.empty());
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(buffer.data()) % 4096, 0U);
  EXPECT_TRUE(is_full_of(buffer, 0));
}

TEST(shared_buffer, empty_ones_take_nothing) {
  const auto before = held_here();
  const shared_buffer made_so, of_nothing(0);
  EXPECT_TRUE(made_so.empty());
  EXPECT_TRUE(of_nothing.empty());
  EXPECT_EQ(of_nothing.size(), 0U);
  EXPECT_TRUE(of_nothing.bytes().empty());
  EXPECT_EQ(made_so, of_nothing);
  EXPECT_EQ(held_here(), before);
}

TEST(shared_buffer, a_copy_is_one_more_holder) {
  const auto before = held_here();
  {
    auto first = filled(10'000, 'a');
    const shared_buffer second = first;
    EXPECT_EQ(first, second);
    EXPECT_EQ(held_here(), (held{before.mappings + 1, before.descriptors + 1}));
    second.bytes()[5] = std::byte{7};
    EXPECT_EQ(first.bytes()[5], std::byte{7});
    first = {};
    EXPECT_EQ(second.bytes()[5], std::byte{7});
    EXPECT_NE(first, second);
    EXPECT_NE(second, filled(10'000, 'a'));
  }
  EXPECT_EQ(held_here(), before);
}

TEST(shared_buffer, moving_leaves_an_empty_one) {
  auto first = filled(10'000, 'a');
  auto second = std::move(first);
  EXPECT_TRUE(first.empty());  // NOLINT: that is the question
  EXPECT_EQ(first.data(), nullptr);
  first = filled(1, 'b');
  second = std::move(first);
  EXPECT_EQ(second.size(), 1U);
  EXPECT_TRUE(first.empty());
  auto& itself = second;
  second = std::move(itself);
  EXPECT_TRUE(is_full_of(second, 'b'));
  second = static_cast<const shared_buffer&>(second);
  EXPECT_EQ(second.size(), 1U);
}

TEST(shared_buffer, more_than_there_is_is_an_error) {
  for (const auto bytes : {std::numeric_limits<std::size_t>::max(), std::size_t{1} << 62, std::size_t{1} << 46})
    EXPECT_THAT(message_of<std::system_error>([&] { return shared_buffer(bytes); }),
                HasSubstr(std::to_string(bytes)));
  const auto room = plait::detail::room_for_shared_memory();
  EXPECT_THAT(message_of<std::system_error>([&] { return shared_buffer(room * 2); }),
              HasSubstr("there is not so much memory left"));
}

TEST(shared_buffer, threads_get_the_handle) {
  plait::thread_pool_executor pool({.max_workers = 2});
  const shared_buffer buffer(10'000);
  auto call = pool.submit(
      [](shared_buffer given) {
        fill(given, 'x');
        return given;
      },
      buffer);
  EXPECT_EQ(call.result(), buffer);
  EXPECT_TRUE(is_full_of(buffer, 'x'));
}

TEST(shared_buffer, goes_nowhere_but_to_workers) {
  plait::detail::heap_storage memory;
  plait::detail::byte_writer to({}, memory);
  EXPECT_THAT(message_of<plait::not_portable>([&] {
                plait::detail::encode(to, std::vector{shared_buffer(1)});
                return 0;
              }),
              AllOf(HasSubstr("shared_buffer"), HasSubstr("worker processes only")));
  plait::detail::encode(to, shared_buffer());  // nothing to carry
}

TEST(shared_buffer, bytes_that_no_buffer_came_with_are_damaged) {
  plait::detail::heap_storage memory;
  plait::detail::byte_writer to({}, memory);
  to.put(plait::detail::object_mark);
  to.put(std::uint64_t{100});
  to.put(std::uint32_t{0});
  plait::detail::freight nothing;
  for (auto* const beside : {static_cast<plait::detail::freight*>(nullptr), &nothing}) {
    plait::detail::byte_reader from(to.bytes(), beside);
    EXPECT_THAT(message_of<plait::decode_error>([&] { return plait::detail::decode<shared_buffer>(from); }),
                HasSubstr("has not come"));
  }
}

TEST(shared_buffer, an_initializer_with_one_holds_it) {
  const auto before = held_here();
  {
    plait::portable_call call;
    {
      const auto buffer = filled(100, 'a');
      call = plait::portable_call([](shared_buffer, std::vector<shared_buffer>) {}, buffer, std::vector{buffer});
    }
    EXPECT_EQ(call.beside().size(), 1U);  // the same twice
    EXPECT_EQ(held_here(), (held{before.mappings + 1, before.descriptors + 1}));
  }
  EXPECT_EQ(held_here(), before);
}

// ── arrays ──

struct point {
  double x, y;
};

static_assert(std::ranges::contiguous_range<shared_array<int>>);
static_assert(std::ranges::contiguous_range<const shared_array<point>>);
static_assert(std::convertible_to<shared_array<int>, std::span<int>>);
static_assert(std::convertible_to<shared_array<int>&, std::span<int>>);
static_assert(std::convertible_to<const shared_array<int>&, std::span<int>>);
static_assert(std::convertible_to<shared_array<int>, std::span<const int>>);
static_assert(std::convertible_to<const shared_array<int>&, std::span<const int>>);
static_assert(!std::convertible_to<shared_array<int>, std::span<long>>);
static_assert(!std::convertible_to<std::size_t, shared_array<int>>);

int sum(std::span<const int> values) { return std::accumulate(values.begin(), values.end(), 0); }
void count_up(std::span<int> values) { std::iota(values.begin(), values.end(), 1); }

TEST(shared_array, is_like_a_span_of_its_elements) {
  const shared_array<int> four(4);
  EXPECT_THAT(four, ElementsAre(0, 0, 0, 0));
  count_up(four);
  EXPECT_THAT(four, ElementsAre(1, 2, 3, 4));
  EXPECT_EQ(sum(four), 10);
  EXPECT_EQ(sum(shared_array<int>(four)), 10);
  four[0] = 5;
  EXPECT_EQ(four.front(), 5);
  EXPECT_EQ(four.back(), 4);
  EXPECT_EQ(*std::next(four.begin(), 3), 4);
  EXPECT_EQ(four.end() - four.begin(), 4);
  EXPECT_EQ(four.size(), 4U);
  const std::span<int> view = four;
  EXPECT_EQ(view.data(), four.data());
  const shared_array<int> none(0), made_so;
  EXPECT_TRUE(none.empty());
  EXPECT_EQ(none, made_so);
  EXPECT_EQ(none.begin(), none.end());
}

TEST(shared_array, shows_the_bytes_of_a_buffer) {
  const shared_buffer bytes(6 * sizeof(point));
  const shared_array<point> points(bytes);
  EXPECT_EQ(points.size(), 6U);
  EXPECT_EQ(points.buffer(), bytes);
  points[0] = {1, 2};
  EXPECT_NE(bytes.bytes()[7], std::byte{0});
  EXPECT_EQ(points, shared_array<point>(bytes));
  EXPECT_THAT(message_of<std::invalid_argument>([] { return shared_array<point>(shared_buffer(17)); }),
              AllOf(HasSubstr("memory"), HasSubstr("17 bytes"), HasSubstr("16")));
}

TEST(shared_array, of_more_elements_than_have_a_size_is_refused) {
  const auto most = std::numeric_limits<std::size_t>::max() / sizeof(point);
  EXPECT_THAT(message_of<std::invalid_argument>([&] { return shared_array<point>(most + 1); }),
              AllOf(HasSubstr("size"), HasSubstr(std::to_string(most + 1)), HasSubstr(std::to_string(most))));
  EXPECT_THROW(shared_array<point>{most / 2}, std::system_error);
}

// What a bound on bytes counts is what the call itself takes.
TEST(shared_array, is_not_counted_as_bytes_of_a_call) {
  plait::thread_pool_executor pool({.max_workers = 1, .max_pending_bytes = 10'000});
  EXPECT_EQ(pool.submit(sum, shared_array<int>(1'000'000)).result(), 0);
  static_assert(plait::detail::goes_by_handle<shared_array<int>>);
  EXPECT_EQ(plait::detail::bytes_behind(shared_array<int>(1'000'000)), 0U);
  EXPECT_EQ(plait::detail::bytes_behind(std::vector<int>(10)), 10 * sizeof(int));
}

}  // namespace
