// How results leave a future: by reference, moved from the last handle, copied otherwise; and what keeps them alive.
#include <plait/core/future.hpp>
#include <plait/core/promise.hpp>

#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <tests/support/expect_throw.hpp>

namespace {

using test_support::message_of;

/// Counts what was done with it.
struct traced {
  int copies = 0;
  int moves = 0;
  traced() = default;
  traced(const traced& other) : copies(other.copies + 1), moves(other.moves) {}
  traced(traced&& other) noexcept : copies(other.copies), moves(other.moves + 1) {}
  traced& operator=(const traced&) = delete;
};

template <class T, class... Value> plait::future<T> done_with(Value&&... value) {
  plait::promise<T> promise;
  promise.set_value(std::forward<Value>(value)...);
  return promise.get_future();
}

TEST(future_result, a_named_future_gives_a_reference_to_const) {
  const auto f = done_with<traced>();
  const auto other = f;
  static_assert(std::is_same_v<decltype(f.result()), const traced&>);
  static_assert(std::is_same_v<decltype(std::declval<plait::future<traced>&>().result()), const traced&>);
  EXPECT_EQ(&f.result(), &other.result());
  EXPECT_EQ(f.result().copies, 0);
}

TEST(future_result, the_last_handle_gives_it_by_move) {
  auto f = done_with<traced>();
  const traced taken = std::move(f).result();
  EXPECT_EQ(taken.copies, 0);
  EXPECT_GT(taken.moves, 0);
  EXPECT_FALSE(f.valid());  // NOLINT(bugprone-use-after-move)
}

TEST(future_result, any_other_handle_gives_a_copy_and_the_rest_keep_theirs) {
  auto f = done_with<std::string>("long enough to live on the heap, and be stolen");
  const auto other = f;
  EXPECT_EQ(std::move(f).result(), other.result());
  EXPECT_EQ(other.result(), "long enough to live on the heap, and be stolen");
}

TEST(future_result, a_result_that_can_only_be_moved_is_taken_from_the_last_handle) {
  auto f = done_with<std::unique_ptr<int>>(std::make_unique<int>(5));
  EXPECT_EQ(*f.result(), 5);
  const std::unique_ptr<int> taken = std::move(f).result();
  EXPECT_EQ(*taken, 5);
}

TEST(future_result, a_result_that_can_only_be_moved_is_refused_while_other_handles_live) {
  auto f = done_with<std::unique_ptr<int>>(std::make_unique<int>(5));
  auto other = f;
  EXPECT_THAT(message_of<plait::invalid_state_error>([&] { return std::move(f).result(); }),
              testing::HasSubstr("can only be moved"));
  EXPECT_EQ(*std::move(other).result(), 5) << "the other handle is the last now";
}

TEST(future_result, nothing_is_a_result_too) {
  auto f = done_with<void>();
  static_assert(std::is_void_v<decltype(f.result())>);
  f.result();
  std::move(f).result();
}

TEST(future_result, lives_as_long_as_the_last_handle) {
  auto object = std::make_shared<int>(1);
  const std::weak_ptr<int> watched = object;
  auto f = done_with<std::shared_ptr<int>>(std::move(object));
  auto other = f;
  f = {};
  EXPECT_FALSE(watched.expired());
  other = {};
  EXPECT_TRUE(watched.expired());
}

TEST(future_result, is_gone_from_the_future_when_it_was_moved_out) {
  auto object = std::make_shared<int>(1);
  const std::weak_ptr<int> watched = object;
  auto f = done_with<std::shared_ptr<int>>(std::move(object));
  auto taken = std::move(f).result();
  taken.reset();
  EXPECT_TRUE(watched.expired());
}

TEST(future_result, is_thrown_away_where_no_handle_is_left) {
  plait::promise<std::shared_ptr<int>> promise;
  static_cast<void>(promise.get_future());
  auto object = std::make_shared<int>(1);
  const std::weak_ptr<int> watched = object;
  promise.set_value(std::move(object));
  promise = {};
  EXPECT_TRUE(watched.expired());
}

TEST(future_result, an_exception_lives_as_long_as_the_last_handle) {
  struct carrier {
    std::shared_ptr<int> object;
  };
  auto object = std::make_shared<int>(1);
  const std::weak_ptr<int> watched = object;
  auto promise = std::make_unique<plait::promise<int>>();
  auto f = promise->get_future();
  promise->set_exception(std::make_exception_ptr(carrier{std::move(object)}));
  promise.reset();
  EXPECT_THROW(f.result(), carrier);
  EXPECT_FALSE(watched.expired());
  f = {};
  EXPECT_TRUE(watched.expired());
}

TEST(future_result, a_done_callback_keeps_nothing_alive_after_it_ran) {
  auto object = std::make_shared<int>(1);
  const std::weak_ptr<int> watched = object;
  plait::promise<int> promise;
  promise.get_future().add_done_callback([kept = std::move(object)](const plait::future<int>&) {});
  EXPECT_FALSE(watched.expired());
  promise.set_value(1);
  EXPECT_TRUE(watched.expired());
}

}  // namespace
