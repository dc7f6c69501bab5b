// What standard types are after they travelled: what they were.
#include <plait/portable/codec.hpp>
#include <plait/portable/round_trip_test.hpp>

#include <cstdint>
#include <filesystem>
#include <limits>
#include <string>

#include <gtest/gtest.h>

namespace {

using portable_test::decoded;
using portable_test::encoded;
using portable_test::round_trip;
using namespace std::string_literals;

template <class T> class codec : public testing::Test {};

enum class colour : std::uint8_t { red, green };
enum plain_colour { blue = 5 };

template <class T> T sample();
// clang-format off
template <> bool sample() { return true; }
template <> char sample() { return 'c'; }
template <> std::int8_t sample() { return -8; }
template <> wchar_t sample() { return L'w'; }
template <> char32_t sample() { return U'\U0001F9F6'; }
template <> int sample() { return std::numeric_limits<int>::min(); }
template <> std::uint64_t sample() { return std::numeric_limits<std::uint64_t>::max(); }
template <> float sample() { return -0.5F; }
template <> double sample() { return std::numeric_limits<double>::infinity(); }
template <> colour sample() { return colour::green; }
template <> plain_colour sample() { return blue; }
template <> std::byte sample() { return std::byte{9}; }
template <> std::complex<double> sample() { return {1, -2}; }
template <> std::chrono::milliseconds sample() { return std::chrono::milliseconds(-3); }
template <> std::chrono::system_clock::time_point sample() { return std::chrono::system_clock::time_point(std::chrono::hours(4)); }
template <> std::bitset<3> sample() { return 5; }
template <> std::bitset<77> sample() { return 0x1234567890ABCDEF; }
template <> std::string sample() { return "text\0with a nul"s; }
template <> std::wstring sample() { return L"wide"; }
template <> std::u16string sample() { return u"sixteen"; }
template <> std::filesystem::path sample() { return "/some/where"; }
template <> std::monostate sample() { return {}; }
template <> std::array<int, 3> sample() { return {1, 2, 3}; }
template <> std::array<std::string, 2> sample() { return {"a", "b"}; }
template <> std::array<std::string, 0> sample() { return {}; }
template <> std::vector<int> sample() { return {1, 2, 3}; }
template <> std::vector<bool> sample() { return {true, false, true}; }
template <> std::vector<colour> sample() { return {colour::green, colour::red}; }
template <> std::vector<std::string> sample() { return {"one", "", "three"}; }
template <> std::vector<std::vector<double>> sample() { return {{1.5}, {}, {2.5, 3.5}}; }
template <> std::vector<std::monostate> sample() { return std::vector<std::monostate>(5); }
template <> std::vector<std::tuple<>> sample() { return std::vector<std::tuple<>>(3); }
template <> std::deque<std::string> sample() { return {"d", "e"}; }
template <> std::list<int> sample() { return {4, 5}; }
template <> std::forward_list<std::string> sample() { return {"f", "g", "h"}; }
template <> std::set<std::string> sample() { return {"x", "y"}; }
template <> std::set<colour> sample() { return {colour::red}; }
template <> std::multiset<int> sample() { return {1, 1, 2}; }
template <> std::map<std::string, std::vector<int>> sample() { return {{"a", {1}}, {"b", {}}}; }
template <> std::multimap<int, std::string> sample() { return {{1, "first"}, {1, "second"}, {0, "x"}}; }
template <> std::unordered_set<int> sample() { return {1, 2, 3}; }
template <> std::unordered_multiset<std::string> sample() { return {"u", "u"}; }
template <> std::unordered_map<std::string, int> sample() { return {{"k", 1}, {"l", 2}}; }
template <> std::unordered_multimap<int, int> sample() { return {{1, 2}, {1, 3}}; }
template <> std::queue<int> sample() { return std::queue<int>({1, 2}); }
template <> std::stack<std::string> sample() { return std::stack<std::string>({"s", "t"}); }
template <> std::pair<int, std::string> sample() { return {1, "p"}; }
template <> std::tuple<> sample() { return {}; }
template <> std::tuple<int, std::string, std::vector<char>> sample() { return {1, "t", {'u'}}; }
template <> std::optional<std::string> sample() { return "there"; }
template <> std::optional<std::optional<int>> sample() { return std::optional<int>(); }
template <> std::variant<int, std::string> sample() { return "second"; }
template <> std::variant<std::monostate, std::vector<int>> sample() { return std::monostate(); }
// clang-format on

using all_types = testing::Types<
    bool, char, std::int8_t, wchar_t, char32_t, int, std::uint64_t, float, double, colour, plain_colour, std::byte,
    std::complex<double>, std::chrono::milliseconds, std::chrono::system_clock::time_point, std::bitset<3>,
    std::bitset<77>, std::string, std::wstring, std::u16string, std::filesystem::path, std::monostate,
    std::array<int, 3>, std::array<std::string, 2>, std::array<std::string, 0>, std::vector<int>, std::vector<bool>,
    std::vector<colour>, std::vector<std::string>, std::vector<std::vector<double>>, std::vector<std::monostate>,
    std::vector<std::tuple<>>, std::deque<std::string>, std::list<int>, std::forward_list<std::string>,
    std::set<std::string>, std::set<colour>, std::multiset<int>, std::map<std::string, std::vector<int>>,
    std::multimap<int, std::string>, std::unordered_set<int>, std::unordered_multiset<std::string>,
    std::unordered_map<std::string, int>, std::unordered_multimap<int, int>, std::queue<int>, std::stack<std::string>,
    std::pair<int, std::string>, std::tuple<>, std::tuple<int, std::string, std::vector<char>>,
    std::optional<std::string>, std::optional<std::optional<int>>, std::variant<int, std::string>,
    std::variant<std::monostate, std::vector<int>>>;
TYPED_TEST_SUITE(codec, all_types);

TYPED_TEST(codec, gives_back_what_it_was_given) { EXPECT_EQ(round_trip(sample<TypeParam>()), sample<TypeParam>()); }

TYPED_TEST(codec, gives_back_what_is_empty) { EXPECT_EQ(decoded<TypeParam>(encoded(TypeParam{})), TypeParam{}); }

TYPED_TEST(codec, gives_back_many) {
  const std::vector<TypeParam> many(100, sample<TypeParam>());
  EXPECT_EQ(decoded<std::vector<TypeParam>>(encoded(many)), many);
}

TEST(codec_of_types_without_equality, gives_back_what_it_was_given) {
  const auto numbers = round_trip(std::valarray<int>{1, 2, 3});
  ASSERT_EQ(numbers.size(), 3U);
  EXPECT_EQ(numbers[2], 3);
  EXPECT_EQ(round_trip(std::valarray<int>()).size(), 0U);

  std::priority_queue<int> heap;
  for (const int n : {3, 9, 1}) heap.push(n);
  EXPECT_EQ(round_trip(heap).top(), 9);
}

TEST(codec_of_pointers, makes_what_they_point_to_again) {
  const auto one = round_trip(std::make_unique<std::string>("one"));
  ASSERT_NE(one, nullptr);
  EXPECT_EQ(*one, "one");
  EXPECT_EQ(round_trip(std::unique_ptr<int>()), nullptr);
  EXPECT_EQ(*round_trip(std::unique_ptr<const int>(new int(3))), 3);

  std::vector<std::unique_ptr<int>> some;
  some.push_back(std::make_unique<int>(7));
  some.push_back(nullptr);
  const auto same = round_trip(some);
  ASSERT_EQ(same.size(), 2U);
  EXPECT_EQ(*same[0], 7);
  EXPECT_EQ(same[1], nullptr);
}

TEST(codec_of_pointers, keeps_what_is_shared_shared) {
  const auto shared = std::make_shared<int>(7);
  const auto [first, second, weak, null] = round_trip(
      std::tuple(shared, std::shared_ptr<const int>(shared), std::weak_ptr<int>(shared), std::shared_ptr<int>()));
  ASSERT_NE(first, nullptr);
  EXPECT_EQ(*first, 7);
  EXPECT_EQ(first, second);
  EXPECT_EQ(weak.lock(), first);
  EXPECT_EQ(null, nullptr);
}

struct ring {
  int number = 0;
  std::shared_ptr<ring> next;
};

TEST(codec_of_pointers, follows_a_ring_once) {
  const auto one = std::make_shared<ring>(ring{1, nullptr});
  one->next = std::make_shared<ring>(ring{2, one});
  const auto same = decoded<std::shared_ptr<ring>>(encoded(one));
  one->next.reset();
  EXPECT_EQ(same->number, 1);
  EXPECT_EQ(same->next->number, 2);
  EXPECT_EQ(same->next->next, same);
  same->next.reset();
}

TEST(codec_of_outcomes, gives_back_how_something_ended) {
  using plait::outcome;
  EXPECT_EQ(round_trip(outcome<std::string>("value")).value(), "value");
  EXPECT_TRUE(round_trip(outcome<int>()).cancelled());
  EXPECT_TRUE(round_trip(outcome<void>(std::monostate())).has_value());
  const auto failed = round_trip(outcome<int>(std::make_exception_ptr(std::out_of_range("7"))));
  EXPECT_THROW((void)failed.value(), std::out_of_range);
  const auto error = round_trip(std::make_exception_ptr(std::length_error("long")));
  EXPECT_THROW(std::rethrow_exception(error), std::length_error);
}

TEST(codec_of_large_values, gives_back_every_byte) {
  std::vector<int> large(1'000'000);
  for (std::size_t i = 0; i < large.size(); ++i) large[i] = static_cast<int>(i * 7);
  const auto bytes = encoded(large);
  EXPECT_LT(bytes.size(), large.size() * sizeof(int) + 16);  // one block
  EXPECT_EQ(decoded<std::vector<int>>(bytes), large);
}

TEST(codec_of_large_values, that_lie_anywhere_in_memory_are_read) {
  const std::vector<double> numbers = {1, 2, 3};
  const auto bytes = encoded(numbers);
  for (std::size_t shift = 0; shift < 8; ++shift) {
    std::vector<std::byte> elsewhere(shift);
    elsewhere.insert(elsewhere.end(), bytes.begin(), bytes.end());
    plait::detail::byte_reader from(std::span<const std::byte>(elsewhere).subspan(shift));
    EXPECT_EQ(plait::detail::decode<std::vector<double>>(from), numbers);
  }
}

}  // namespace
