// Calls that can't leave their process, through the interface, where only the call itself knows its types: the future
// fails in the words that the compiler uses (tests/refusals), and the pool goes on.
#include <plait/portable/errors.hpp>
#include <plait/processes/process_pool_executor.hpp>

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <tests/support/expect_throw.hpp>

namespace plait {
namespace {

using detail::type_name;
using test_support::message_of;

int squared(int n) { return n * n; }
int* nowhere() { return nullptr; }

class process_pool_refusal : public testing::Test {
 protected:
  /// What the future of such a call says.
  template <class... Call> std::string refused(Call&&... call) {
    auto asked = any.submit(std::forward<Call>(call)...);
    return message_of<not_portable>([&] { asked.result(); });
  }

  process_pool_executor pool{{.max_workers = 1}};
  executor& any = pool;
};

TEST_F(process_pool_refusal, of_an_argument_names_it_and_says_why) {
  int n = 3;
  EXPECT_EQ(
      refused([](int, const int* where) { return *where; }, 1, &n),
      "plait: argument 2 (" + std::string(type_name<int*>()) +
          ") of this call can't travel to another process: a raw pointer means nothing in another process; pass "
          "the value that it points to, or a std::unique_ptr");
  EXPECT_NE(refused([](int& m) { ++m; }, std::ref(n)).find("argument 1 (std::reference_wrapper<int>)"),
            std::string::npos);
  EXPECT_NE(refused([](std::string_view) {}, std::string_view("")).find("does not own what it shows"),
            std::string::npos);
  EXPECT_NE(refused([](std::thread) {}, std::thread()).find("belongs to one process"), std::string::npos);
  EXPECT_NE(
      refused([](const std::vector<std::shared_ptr<std::mutex>>&) {}, std::vector<std::shared_ptr<std::mutex>>())
          .find("in it, std::mutex: a mutex or lock works within one process only"),
      std::string::npos);
}

TEST_F(process_pool_refusal, of_a_callable_says_why) {
  int n = 3;
  const auto captures = [&n] { return n; };
  EXPECT_TRUE(refused(captures).ends_with(
      "can't be called in another process: a lambda with captures, or a function object with members, can't travel; "
      "pass a function or a captureless lambda, and what it captured as arguments"));
  EXPECT_NE(refused(std::function<int(int)>(squared), 3).find("a std::function hides what it calls"),
            std::string::npos);
}

TEST_F(process_pool_refusal, of_a_result_says_why) {
  EXPECT_TRUE(refused(nowhere).starts_with(
      "plait: the result (" + std::string(type_name<int*>()) +
      ") of this call can't travel back from another process: a raw pointer means nothing"));
}

TEST_F(process_pool_refusal, of_the_items_of_a_map_speaks_of_the_function_as_it_was_written) {
  int n = 3;
  const std::vector<const int*> addresses{&n};
  EXPECT_TRUE(
      message_of<not_portable>([&] {
        for (const int i : any.map([](const int* where) { return *where; }, addresses)) n += i;
      }).starts_with("plait: argument 1 (" + std::string(type_name<const int*>()) + ") of this call can't travel"));
}

TEST_F(process_pool_refusal, costs_that_call_alone) {
  const auto before = any.submit(squared, 3);
  EXPECT_NE(refused(nowhere), "(no exception)");
  EXPECT_EQ(before.result(), 9);
  EXPECT_EQ(any.submit(squared, 4).result(), 16);
}

}  // namespace
}  // namespace plait
