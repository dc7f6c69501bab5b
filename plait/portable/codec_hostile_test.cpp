// Bytes from somebody who wants the reader's memory, or worse.
#include <plait/portable/codec.hpp>
#include <plait/portable/round_trip_test.hpp>

#include <bitset>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <tests/support/expect_throw.hpp>

namespace {

using plait::detail::byte_reader;
using plait::detail::byte_writer;
using plait::detail::heap_storage;

struct nested {
  std::unique_ptr<nested> next;
};

template <class T> std::string read_from(const std::vector<std::byte>& bytes) {
  byte_reader from(bytes);
  return test_support::message_of<plait::decode_error>([&] { return plait::detail::decode<T>(from); });
}

template <class... Words> std::vector<std::byte> words(Words... all) {
  heap_storage memory;
  byte_writer to({}, memory);
  (to.put(all), ...);
  return portable_test::exactly(to.bytes());
}

constexpr std::uint64_t huge = std::uint64_t{1} << 60U;

template <class T> class hostile_length : public testing::Test {};
using containers =
    testing::Types<std::string, std::u32string, std::vector<int>, std::vector<bool>, std::vector<std::string>,
                   std::vector<std::monostate>, std::deque<int>, std::list<int>, std::forward_list<int>,
                   std::set<int>, std::multiset<int>, std::set<std::monostate>, std::unordered_set<int>,
                   std::map<int, int>, std::multimap<int, int>, std::unordered_map<int, int>, std::valarray<int>,
                   std::queue<int>, std::filesystem::path>;
TYPED_TEST_SUITE(hostile_length, containers);

// Were memory asked for first, this would end in std::bad_alloc or in AddressSanitizer's limit.
TYPED_TEST(hostile_length, takes_no_memory) {
  for (const std::uint64_t length : {huge, ~std::uint64_t{0}, ~std::uint64_t{0} / 4 + 2})
    EXPECT_EQ(read_from<TypeParam>(words(length, std::uint64_t{0})),
              "plait: a message from another process is damaged: a length is more than what follows");
}

TEST(hostile_bytes, a_length_counts_what_its_elements_take_at_least) {
  // Sixteen bytes hold two strings' lengths, not sixteen strings.
  EXPECT_EQ(read_from<std::vector<std::string>>(words(std::uint64_t{3}, std::uint64_t{0}, std::uint64_t{0})),
            "plait: a message from another process is damaged: a length is more than what follows");
}

TEST(hostile_bytes, a_shared_pointer_to_another_type_is_refused) {
  using two = std::tuple<std::shared_ptr<int>, std::shared_ptr<std::string>>;
  EXPECT_EQ(read_from<two>(words(std::uint32_t{0x8000'0001}, 7, std::uint32_t{1})),
            "plait: a message from another process is damaged: a shared pointer refers to an object of another type");
  EXPECT_EQ(
      read_from<two>(words(std::uint32_t{5}, std::uint32_t{0})),
      "plait: a message from another process is damaged: a shared pointer refers to an object that did not come");
  EXPECT_EQ(read_from<two>(words(std::uint32_t{0x8000'0001}, 7, std::uint32_t{0x8000'0001})),
            "plait: a message from another process is damaged: a shared object came twice");
}

TEST(hostile_bytes, what_is_no_value_of_its_type_is_refused) {
  EXPECT_EQ(read_from<bool>(words(std::uint8_t{2})),
            "plait: a message from another process is damaged: a bool is neither true nor false");
  EXPECT_EQ(read_from<std::bitset<9>>(words(std::uint8_t{1}, std::uint8_t{2})),
            "plait: a message from another process is damaged: a bitset has more bits than it may have");
  using either = std::variant<int, std::string>;
  EXPECT_NE(read_from<either>(words(std::int32_t{-1}, 0)), "(no exception)");
  EXPECT_NE(read_from<either>(words(std::int32_t{2}, 0)), "(no exception)");
  EXPECT_EQ(read_from<plait::outcome<int>>(words(std::uint8_t{3})),
            "plait: a message from another process is damaged: an outcome is of no known kind");
}

TEST(hostile_bytes, endless_nesting_does_not_end_the_stack) {
  EXPECT_EQ(read_from<nested>(std::vector<std::byte>(1'000'000, std::byte{1})),
            "plait: values are nested deeper than 2000 levels (a long chain of pointers?); pass a container of the "
            "elements instead");
}

}  // namespace
