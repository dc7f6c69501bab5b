#include <plait/portable/callable.hpp>
#include <plait/portable/fn.hpp>
#include <plait/portable/require.hpp>

#include <functional>
#include <mutex>
#include <string>

#include <gtest/gtest.h>
#include <tests/support/expect_throw.hpp>

namespace {

using namespace plait::detail;

int twice(int n) { return 2 * n; }
int thrice(int n) noexcept { return 3 * n; }

struct holds_pointers {
  std::vector<int*> pointers;
};
struct member {
  int number = 3;
  [[nodiscard]] int get() const { return number; }
};
struct cant_be_made {
  explicit cant_be_made(int) {}
  int operator()() const { return 9; }
};

template <class F> F there_and_back(const F& f) {
  heap_storage memory;
  byte_writer to({}, memory);
  callable_codec<F>::encode(to, f);
  byte_reader from(to.bytes());
  F same = callable_codec<F>::decode(from);
  EXPECT_EQ(from.remaining(), 0U);
  return same;
}

TEST(callables, are_functions_and_objects_without_a_state) {
  EXPECT_EQ(there_and_back(&twice)(4), 8);
  EXPECT_EQ(there_and_back(&thrice)(4), 12);
  EXPECT_EQ(there_and_back([](int n) { return n + 1; })(4), 5);
  EXPECT_EQ(there_and_back(plait::fn<twice>)(4), 8);
  EXPECT_EQ(there_and_back(std::plus<>())(1, 2), 3);
  EXPECT_EQ(there_and_back(cant_be_made(1))(), 9);
}

TEST(callables, without_a_state_take_no_bytes) {
  heap_storage memory;
  byte_writer to({}, memory);
  callable_codec<std::plus<>>::encode(to, {});
  EXPECT_EQ(to.size(), 0U);
}

TEST(callables, that_are_null_are_refused) {
  heap_storage memory;
  byte_writer to({}, memory);
  EXPECT_EQ(test_support::message_of<plait::not_portable>([&] { callable_codec<void (*)()>::encode(to, nullptr); }),
            "plait: the function pointer that is to be called is null");
}

TEST(callables, of_other_kinds_are_refused) {
  int local = 1;
  const auto capturing = [&local] { return local; };
  EXPECT_EQ(why_not_callable<decltype(capturing)>(), refusal::capturing_lambda);
  EXPECT_EQ(why_not_callable<std::function<int()>>(), refusal::function);
  EXPECT_EQ(why_not_callable<decltype(&member::get)>(), refusal::member_pointer);
  EXPECT_EQ(why_not_callable<decltype(&member::number)>(), refusal::member_pointer);
  EXPECT_EQ(why_not_callable<std::reference_wrapper<int()>>(), refusal::reference_wrapper);
  EXPECT_EQ(why_not_callable<int>(), refusal::unknown);
  EXPECT_TRUE(portable_callable<int(int)>);  // decays
}

TEST(fn, is_called_as_its_function_is) {
  EXPECT_EQ(plait::fn<twice>(2), 4);
  EXPECT_EQ(plait::fn<&member::get>(member()), 3);
  static_assert(noexcept(plait::fn<thrice>(1)) && !noexcept(plait::fn<twice>(1)));
  static_assert(!std::is_invocable_v<decltype(plait::fn<twice>), std::string>);
}

TEST(why_call_is_not_portable, says_what_and_which_and_why) {
  EXPECT_EQ((why_call_is_not_portable<int (*)(int), int, int>()), "");
  EXPECT_EQ((why_call_is_not_portable<void (*)(), void, int, const holds_pointers&>()),
            "plait: argument 2 (" + std::string(type_name<holds_pointers>()) +
                ") of this call can't travel to another process: in it, " + std::string(type_name<int*>()) +
                ": a raw pointer means nothing in another process; pass the value that it points to, or a "
                "std::unique_ptr");
  EXPECT_EQ((why_call_is_not_portable<void (*)(), void, std::string_view>()),
            "plait: argument 1 (" + std::string(type_name<std::string_view>()) +
                ") of this call can't travel to another process: a view (std::string_view, std::span, a range "
                "adaptor) does not own what it shows; pass a std::string or a std::vector");
  EXPECT_EQ(
      (why_call_is_not_portable<void (*)(), std::mutex>()),
      "plait: the result (std::mutex) of this call can't travel back from another process: a mutex or lock works "
      "within one process only");
  EXPECT_TRUE(
      (why_call_is_not_portable<std::function<void()>, void>()).starts_with("plait: the callable (std::function"));
}

TEST(require_portable_call, takes_what_may_travel) {
  require_portable_call<decltype(plait::fn<twice>), int, int>();
  require_portable_call<void (*)(const std::string&), void, std::string>();
  static_assert(portable_call<void (*)(), void> && !portable_call<void (*)(), int*>);
}

}  // namespace
