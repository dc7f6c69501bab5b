#include <plait/portable/bytes.hpp>
#include <plait/portable/errors.hpp>

#include <array>
#include <limits>
#include <string>

#include <gtest/gtest.h>
#include <tests/support/expect_throw.hpp>

namespace {

using namespace plait::detail;

TEST(bytes, come_out_as_they_went_in) {
  heap_storage memory;
  byte_writer to({}, memory);
  to.put(7);
  to.put(2.5);
  to.write("text", 4);
  EXPECT_EQ(to.size(), 16U);

  byte_reader from(to.bytes());
  EXPECT_EQ(from.get<int>(), 7);
  EXPECT_EQ(from.get<double>(), 2.5);
  std::array<char, 4> text{};
  from.read(text.data(), text.size());
  EXPECT_EQ(std::string(text.data(), text.size()), "text");
  EXPECT_EQ(from.remaining(), 0U);
}

TEST(bytes, fill_the_lent_memory_before_more_is_asked_for) {
  std::array<std::byte, 8> lent{};
  heap_storage memory;
  byte_writer to(lent, memory);
  to.put(std::uint64_t{1});
  EXPECT_EQ(to.bytes().data(), lent.data());
  EXPECT_TRUE(memory.memory().empty());
  to.put(std::uint8_t{2});
  EXPECT_EQ(to.bytes().data(), memory.memory().data());
  byte_reader from(to.bytes());
  EXPECT_EQ(from.get<std::uint64_t>(), 1U);
  EXPECT_EQ(from.get<std::uint8_t>(), 2U);
}

TEST(bytes, grow_to_what_is_needed_however_much_that_is) {
  heap_storage memory;
  byte_writer to({}, memory);
  const std::string large(1'000'000, 'x');
  to.put('a');
  to.write(large.data(), large.size());
  ASSERT_EQ(to.size(), 1'000'001U);
  EXPECT_EQ(static_cast<char>(to.bytes().front()), 'a');
  EXPECT_EQ(static_cast<char>(to.bytes().back()), 'x');
}

TEST(bytes, are_taken_back_by_rewinding) {
  heap_storage memory;
  byte_writer to({}, memory);
  to.put(1);
  const auto before = to.size();
  to.put(2);
  to.rewind(before);
  EXPECT_EQ(to.size(), before);
  to.rewind(100);  // not forward
  EXPECT_EQ(to.size(), before);
}

TEST(bytes, that_are_not_there_are_named) {
  const std::array<std::byte, 3> three{};
  byte_reader from(three);
  EXPECT_EQ(test_support::message_of<plait::decode_error>([&] { return from.get<int>(); }),
            "plait: a message from another process ends too early: 4 more bytes expected, 3 are left");
  EXPECT_EQ(from.remaining(), 3U);
  EXPECT_THROW(from.take(std::numeric_limits<std::size_t>::max()), plait::decode_error);
}

TEST(bytes, behind_padding_lie_where_they_may) {
  for (std::size_t before = 0; before < 9; ++before) {
    alignas(64) std::array<std::byte, 64> lent{};
    heap_storage memory;
    byte_writer to(lent, memory);
    for (std::size_t i = 0; i < before; ++i) to.put(std::uint8_t{1});
    to.put_padding(8);
    EXPECT_EQ(to.size() % 8, 0U) << before;
    byte_reader from(to.bytes());
    from.take(before);
    from.skip_padding();
    EXPECT_EQ(from.remaining(), 0U) << before;
  }
}

}  // namespace
