// Of any type whatever it can be asked whether it may travel, and the answer is right.
#include <plait/portable/inspect.hpp>

#include <any>
#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <future>
#include <mutex>
#include <shared_mutex>
#include <stop_token>
#include <string>
#include <thread>

#include <gtest/gtest.h>

namespace odd {

struct declared_only;
struct pimpl {
  std::unique_ptr<declared_only> inside;
};
struct holds_pointer {
  int number;
  int* pointer;
};
struct holds_it_deep {
  std::vector<std::map<int, std::optional<holds_pointer>>> deep;
};
struct base {
  int in_base;
};
struct names_a_file : std::filesystem::path {
  int opened = 0;
};
struct derived : base {
  int in_derived;
};
struct empty {};
struct derived_from_empty : empty {
  int number;
};
struct derived_vector : std::vector<int> {
  int more;
};
struct holds_reference {
  int& reference;
};
int somewhere = 0;
struct holds_reference_with_default {
  int before;
  int& reference = somewhere;
  int behind = 0;
};
struct holds_const {
  const int number;
};
struct holds_union {
  int kind;
  union {
    int number;
    float real;
  };
};
union plain_union {
  int number;
  float real;
};
struct holds_mutex {
  std::mutex mutex;
};
struct bit_fields {
  unsigned low : 3;
  unsigned high : 29;
};
struct only_one_bit_field {
  std::string text;
  bool flag : 1;
};
struct arrays {
  char name[16];
  double matrix[3][3];
  std::string texts[2];
};
class private_members {
 public:
  [[nodiscard]] int number() const { return number_; }

 private:
  int number_ = 0;
};
struct without_default {
  explicit without_default(int) {}
  template <class Archive> void serialize(Archive&) {}
};
struct field_without_default {
  int number;
  without_default field = without_default(3);
};
struct not_movable {
  not_movable() = default;
  not_movable(const not_movable&) = delete;
  not_movable& operator=(const not_movable&) = delete;
  template <class Archive> void serialize(Archive&) {}
};
struct polymorphic {
  virtual ~polymorphic() = default;
};
struct only_saves {
  template <class Archive> void save(Archive&) const {}
};
class saves_without_const {
 public:
  template <class Archive> void save(Archive&) {}
  template <class Archive> void load(Archive&) {}

 private:
  [[maybe_unused]] int number_ = 0;
};
/// Functions of those names that have nothing to do with archives.
class document {
 public:
  void save(const std::string&) const {}
  void load(const std::string&) {}
  int serialize = 0;

 private:
  [[maybe_unused]] int* pointer_ = nullptr;
};
struct tree {
  std::vector<tree> children;
  std::unique_ptr<tree> left;
  std::map<std::string, tree> named;
};
struct bad_tree {
  std::vector<bad_tree> children;
  void* data;
};
/// Takes anything for a conversion.
struct greedy {
  greedy() = default;
  template <class T> greedy(T&&) {}  // NOLINT
};
struct holds_any_first {
  std::any any;
  std::function<void()> function;
};
struct deleter {
  void operator()(int* p) const { delete p; }
};
struct stateful_less {
  bool reversed = false;
  bool operator()(int a, int b) const { return reversed ? b < a : a < b; }
};
struct sixty_five {
  char f0, f1, f2, f3, f4, f5, f6, f7, f8, f9, f10, f11, f12, f13, f14, f15, f16, f17, f18, f19, f20, f21, f22, f23,
      f24, f25, f26, f27, f28, f29, f30, f31, f32, f33, f34, f35, f36, f37, f38, f39, f40, f41, f42, f43, f44, f45,
      f46, f47, f48, f49, f50, f51, f52, f53, f54, f55, f56, f57, f58, f59, f60, f61, f62, f63, f64;
};
enum class small : char {};

}  // namespace odd

namespace {

using plait::detail::portable;
using plait::detail::refusal;
using plait::detail::type_name;
using plait::detail::verdict_of;
using plait::detail::why_not_portable;

// As an argument: decayed.
template <class T> inline constexpr refusal why = why_not_portable<T>();

const auto lambda = [](int n) { return n; };
[[maybe_unused]] const auto capturing = [pointer = &lambda] { return pointer; };

static_assert(portable<int> && portable<const int&> && portable<bool> && portable<long double> &&
              portable<odd::small>);
static_assert(portable<std::string> && portable<const std::string&> && portable<std::vector<std::string>&&>);
static_assert(portable<odd::empty> && portable<decltype(lambda)> && portable<std::less<>>);
static_assert(portable<odd::bit_fields> && portable<odd::only_one_bit_field> && portable<odd::arrays>);
static_assert(portable<odd::tree> && portable<std::vector<odd::tree>> && portable<std::unique_ptr<odd::tree>>);
static_assert(portable<std::pair<const int, odd::empty>> == false);  // its first can't be given a value
static_assert(portable<std::exception_ptr> && portable<plait::outcome<void>> &&
              portable<plait::outcome<std::string>>);
static_assert(portable<std::filesystem::path> && !portable<odd::names_a_file>);
static_assert(portable<std::tuple<>> && portable<std::array<int, 0>> && portable<std::weak_ptr<int>>);

static_assert(why<int*> == refusal::raw_pointer && why<void*> == refusal::raw_pointer);
static_assert(why<std::nullptr_t> == refusal::raw_pointer && why<int (&)[3]> == refusal::raw_pointer);
static_assert(why<const char*> == refusal::c_string && why<const char (&)[6]> == refusal::c_string);
static_assert(why<int(int)> == refusal::function_pointer && why<void (*)()> == refusal::function_pointer);
static_assert(why<int odd::base::*> == refusal::member_pointer);
static_assert(why<void (odd::polymorphic::*)()> == refusal::member_pointer);
static_assert(why<std::reference_wrapper<int>> == refusal::reference_wrapper);
static_assert(why<std::string_view> == refusal::view && why<std::span<int>> == refusal::view);
static_assert(why<std::span<int, 3>> == refusal::view && why<std::initializer_list<int>> == refusal::view);
static_assert(why<std::function<void()>> == refusal::function);
static_assert(why<std::any> == refusal::any);
static_assert(why<std::mutex> == refusal::lock && why<std::shared_mutex> == refusal::lock);
static_assert(why<std::unique_lock<std::mutex>> == refusal::lock && why<odd::holds_mutex> == refusal::lock);
static_assert(why<std::thread> == refusal::thread && why<std::jthread> == refusal::thread);
static_assert(why<std::condition_variable> == refusal::thread && why<std::stop_token> == refusal::thread);
static_assert(why<std::stop_source> == refusal::thread);
static_assert(why<std::atomic<int>> == refusal::atomic && why<std::atomic_flag> != refusal::none);
static_assert(why<std::future<int>> == refusal::future && why<std::promise<int>> == refusal::future);
static_assert(why<std::shared_future<int>> == refusal::future);
static_assert(why<std::ofstream> == refusal::stream && why<std::istream> == refusal::stream);
static_assert(why<std::unique_ptr<int, odd::deleter>> == refusal::deleter);
static_assert(why<std::unique_ptr<int[]>> == refusal::deleter && why<std::shared_ptr<int[]>> == refusal::deleter);
static_assert(why<std::shared_ptr<void>> == refusal::raw_pointer);
static_assert(why<std::set<int, odd::stateful_less>> == refusal::comparator);
static_assert(why<std::set<int, bool (*)(int, int)>> == refusal::comparator);
static_assert(why<std::unique_ptr<odd::polymorphic>> == refusal::polymorphic_class);
static_assert(why<odd::polymorphic> == refusal::polymorphic_class);
static_assert(why<odd::derived> == refusal::base_class && why<odd::derived_from_empty> == refusal::base_class);
static_assert(why<odd::derived_vector> == refusal::base_class);
static_assert(why<odd::plain_union> == refusal::union_type && why<odd::holds_union> == refusal::union_type);
static_assert(why<odd::holds_const> == refusal::const_member);
static_assert(why<odd::sixty_five> == refusal::too_many_members);
static_assert(why<odd::private_members> == refusal::private_members);
static_assert(why<decltype(capturing)> == refusal::private_members);
static_assert(why<odd::document> == refusal::private_members);
static_assert(why<odd::only_saves> == refusal::half_serialize &&
              why<odd::saves_without_const> == refusal::half_serialize);
static_assert(why<odd::without_default> == refusal::not_default_constructible);
static_assert(why<odd::field_without_default> == refusal::not_default_constructible);
static_assert(why<odd::holds_reference> == refusal::not_default_constructible);
static_assert(why<odd::holds_reference_with_default> == refusal::not_default_constructible);
static_assert(why<odd::not_movable> == refusal::not_movable);
static_assert(why<odd::pimpl> == refusal::incomplete && why<odd::declared_only> == refusal::incomplete);
static_assert(why<void> == refusal::unknown);
static_assert(!portable<odd::holds_any_first>);
static_assert(portable<odd::greedy>);

TEST(verdict, names_the_type_that_is_at_fault) {
  EXPECT_EQ(verdict_of<odd::holds_it_deep>.culprit, type_name<int*>());
  EXPECT_EQ(verdict_of<odd::bad_tree>.culprit, type_name<void*>());
  EXPECT_EQ(verdict_of<std::vector<std::mutex>>.culprit, "std::mutex");
  EXPECT_EQ(type_name<int>(), "int");
  EXPECT_EQ(type_name<odd::tree>(), "odd::tree");
}

TEST(verdict, knows_blocks_and_the_least_that_a_value_takes) {
  using plait::detail::verdict_of;
  EXPECT_TRUE(verdict_of<int>.block);
  EXPECT_EQ(verdict_of<int>.least, 4U);
  EXPECT_FALSE(verdict_of<bool>.block);
  EXPECT_TRUE((verdict_of<std::array<odd::small, 7>>.block));
  EXPECT_EQ(verdict_of<std::string>.least, 8U);
  EXPECT_EQ((verdict_of<std::pair<int, std::string>>.least), 12U);
  EXPECT_FALSE(verdict_of<odd::bit_fields>.block);
  EXPECT_GE(verdict_of<odd::empty>.least, 1U);
}

TEST(refusals, have_a_sentence_each) {
  for (auto i = 0; i <= static_cast<int>(refusal::unknown); ++i)
    EXPECT_GT(plait::detail::sentence(static_cast<refusal>(i)).size(), 20U) << i;
}

}  // namespace
