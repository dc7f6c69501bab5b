// Which calls are plain data: written down when they are sent, and their results read where they lie.
#include <plait/executor/travel.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include <dlfcn.h>
#include <gtest/gtest.h>

namespace plait {
namespace {

/// A call as an executor gets it.
template <class F, class... Args> class made_call {
 public:
  explicit made_call(F f, Args... args) : item(detail::items_for_anywhere::make({}, f, args...)), handle(&item) {}

  std::remove_reference_t<decltype(detail::items_for_anywhere::make({}, std::declval<F&>(),
                                                                    std::declval<Args&>()...))>& item;
  detail::state_handle handle;
};

std::vector<std::byte> written(const detail::work_item& item) {
  detail::heap_storage memory;
  detail::byte_writer to({}, memory);
  item.encode(to);
  return {to.bytes().begin(), to.bytes().end()};
}

template <class... Given> std::size_t size_if_plain(Given... given) {
  const made_call call(given...);
  const auto size = call.item.plain_size();
  if (size > 0) {
    EXPECT_LE(written(call.item).size(), size);
  }
  call.item.refuse();
  return size;
}

template <class T> bool keeps(detail::work_item& item, const T& bytes) {
  return item.keep_plain_result(std::as_bytes(std::span(&bytes, 1)));
}

struct point {
  std::int32_t x, y;
};
struct saved {
  int n = 0;
  template <class Archive> void save(Archive& archive) const { archive(n); }
  template <class Archive> void load(Archive& archive) { archive(n); }
};

int own_function(int n) { return n; }
std::string text_of(int n) { return std::to_string(n); }

TEST(plain_call, is_one_of_numbers_and_structures_of_them) {
  EXPECT_EQ(size_if_plain([] {}), 1u);  // of no bytes
  EXPECT_EQ(size_if_plain([](int n) { return n; }, 1), sizeof(int));
  EXPECT_EQ(size_if_plain([](double, point p) { return p.x; }, 1.0, point{1, 2}), sizeof(double) + sizeof(point));
  EXPECT_EQ(size_if_plain(own_function, 1), 12 + sizeof(int));
  EXPECT_EQ(size_if_plain(text_of, 1), 12 + sizeof(int));  // whatever its result is
  EXPECT_EQ(size_if_plain([](std::array<char, 64>) {}, std::array<char, 64>{}), 64u);
}

TEST(plain_call, is_none_whose_writing_runs_the_users_code_takes_a_lock_or_may_fail) {
  EXPECT_EQ(size_if_plain([](const std::string&) {}, std::string("x")), 0u);
  EXPECT_EQ(size_if_plain([](saved) {}, saved()), 0u);
  EXPECT_EQ(size_if_plain([](std::array<char, 65>) {}, std::array<char, 65>{}), 0u);
  const auto of_a_library = reinterpret_cast<int (*)(int)>(dlsym(RTLD_DEFAULT, "abs"));
  ASSERT_NE(of_a_library, nullptr);
  EXPECT_EQ(size_if_plain(of_a_library, 1), 0u);
  EXPECT_EQ(size_if_plain(static_cast<int (*)(int)>(nullptr), 1), 0u);
  int captured = 1;
  EXPECT_EQ(size_if_plain([captured] { return captured; }), 0u) << "it does not travel at all";
}

TEST(plain_result, is_kept_where_all_its_bytes_are_there) {
  made_call number([](int n) { return n; }, 1);
  EXPECT_FALSE(keeps(number.item, std::int64_t{7}));
  EXPECT_FALSE(keeps(number.item, std::int8_t{7}));
  EXPECT_FALSE(number.item.keep_plain_result({}));
  EXPECT_TRUE(keeps(number.item, 7));
  number.item.complete();
  EXPECT_EQ(detail::take_result<int>(number.item), 7);

  made_call nothing([] {});
  EXPECT_FALSE(keeps(nothing.item, 7));
  EXPECT_TRUE(nothing.item.keep_plain_result({}));
  nothing.item.complete();
}

TEST(plain_result, is_none_that_is_read_by_the_users_code) {
  made_call text(text_of, 1);
  EXPECT_FALSE(keeps(text.item, std::uint64_t{0}));
  text.item.complete({});
  made_call user([] { return saved(); });
  EXPECT_FALSE(keeps(user.item, 7));
  user.item.complete({});
}

TEST(plain_result, is_none_that_takes_long_to_copy) {
  using most = std::array<char, 64>;
  made_call fits([] { return most{}; });
  EXPECT_TRUE(keeps(fits.item, most{}));
  fits.item.complete();
  using more = std::array<char, 65>;
  made_call larger([] { return more{}; });
  EXPECT_FALSE(keeps(larger.item, more{}));
  larger.item.complete({});
}

}  // namespace
}  // namespace plait
