#include <plait/core/promise.hpp>

#include <atomic>
#include <latch>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <tests/support/expect_throw.hpp>

namespace {

using plait::invalid_state_error;
using test_support::message_in;
using test_support::message_of;
using testing::HasSubstr;

std::exception_ptr any_error() { return std::make_exception_ptr(std::runtime_error("x")); }

TEST(promise, a_second_value_or_exception_is_refused_and_changes_nothing) {
  plait::promise<int> promise;
  promise.set_value(1);
  EXPECT_EQ(message_of<invalid_state_error>([&] { promise.set_value(2); }),
            "plait: set_value or set_exception on a promise that was completed before");
  EXPECT_THROW(promise.set_exception(any_error()), invalid_state_error);
  EXPECT_EQ(promise.get_future().result(), 1);
}

TEST(promise, completing_one_that_was_cancelled_is_refused) {
  plait::promise<int> promise;
  promise.get_future().cancel();
  EXPECT_EQ(message_of<invalid_state_error>([&] { promise.set_value(2); }),
            "plait: set_value or set_exception on a promise whose future was cancelled");
  EXPECT_THROW(promise.set_exception(any_error()), invalid_state_error);
}

TEST(promise, one_that_is_dropped_breaks_its_future) {
  plait::future<int> f;
  {
    plait::promise<int> promise;
    f = promise.get_future();
  }
  EXPECT_EQ(message_of<plait::broken_promise>([&] { return f.result(); }),
            "plait: the promise was dropped without a value");
}

TEST(promise, one_that_is_dropped_while_it_runs_breaks_its_future) {
  plait::future<int> f;
  {
    plait::promise<int> promise;
    f = promise.get_future();
    ASSERT_TRUE(promise.set_running_or_notify_cancel());
  }
  EXPECT_THROW(f.result(), plait::broken_promise);
}

TEST(promise, assigning_to_it_drops_the_one_before) {
  plait::promise<int> promise;
  const auto f = promise.get_future();
  promise = plait::promise<int>();
  EXPECT_THROW(f.result(), plait::broken_promise);
  EXPECT_FALSE(promise.get_future().done());
}

TEST(promise, dropping_a_completed_or_cancelled_one_changes_nothing) {
  plait::future<int> with_value, cancelled;
  {
    plait::promise<int> a, b;
    with_value = a.get_future();
    a.set_value(1);
    cancelled = b.get_future();
    cancelled.cancel();
  }
  EXPECT_EQ(with_value.result(), 1);
  EXPECT_TRUE(cancelled.cancelled());
}

TEST(promise, tells_whether_it_was_cancelled_before_it_began) {
  plait::promise<int> promise;
  promise.get_future().cancel();
  EXPECT_FALSE(promise.set_running_or_notify_cancel());
  EXPECT_FALSE(promise.set_running_or_notify_cancel());
}

TEST(promise, begins_once) {
  plait::promise<int> promise;
  EXPECT_TRUE(promise.set_running_or_notify_cancel());
  EXPECT_THAT(message_of<invalid_state_error>([&] { return promise.set_running_or_notify_cancel(); }),
              HasSubstr("started or completed before"));
  promise.set_value(1);
  EXPECT_THROW(static_cast<void>(promise.set_running_or_notify_cancel()), invalid_state_error);
}

TEST(promise, an_exception_must_be_one) {
  plait::promise<int> promise;
  EXPECT_EQ(message_of<std::invalid_argument>([&] { promise.set_exception(nullptr); }),
            "plait: error is null; expected an exception");
  EXPECT_FALSE(promise.get_future().done());
}

TEST(promise, one_that_was_moved_from_says_so) {
  plait::promise<int> promise;
  auto other = std::move(promise);
  EXPECT_EQ(message_of<invalid_state_error>([&] { promise.set_value(1); }),  // NOLINT(bugprone-use-after-move)
            "plait: this promise was moved from");
  EXPECT_THROW(static_cast<void>(promise.get_future()), invalid_state_error);
  EXPECT_THROW(promise.set_exception(any_error()), invalid_state_error);
  other.set_value(1);
}

TEST(promise, where_copying_the_value_throws_that_is_the_result) {
  struct thrower {
    thrower() = default;
    thrower(const thrower&) { throw std::length_error("too long to copy"); }
  };
  plait::promise<thrower> promise;
  const thrower value;
  promise.set_value(value);
  EXPECT_EQ(message_in<std::length_error>(promise.get_future().exception()), "too long to copy");
}

TEST(promise, a_value_is_made_in_place) {
  plait::promise<std::vector<int>> promise;
  promise.set_value(std::size_t{3}, 7);
  EXPECT_EQ(promise.get_future().result(), (std::vector<int>{7, 7, 7}));
}

TEST(promise, of_many_that_complete_and_cancel_at_once_one_wins) {
  constexpr int rivals = 4;
  for (int round = 0; round < 200; ++round) {
    plait::promise<int> promise;
    const auto f = promise.get_future();
    std::atomic<int> winners{0};
    std::latch start(rivals);
    std::vector<std::thread> threads;
    for (int i = 0; i < rivals; ++i)
      threads.emplace_back([&, i] {
        start.arrive_and_wait();
        if (i == 0) {
          if (f.cancel() == plait::cancel_outcome::dropped) ++winners;
          return;
        }
        try {
          promise.set_value(i);
          ++winners;
        } catch (const invalid_state_error&) {
        }
      });
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(winners, 1);
    EXPECT_TRUE(f.done());
  }
}

// The status that a future ends with is not overwritten by a start that comes late.
TEST(promise, beginning_and_completing_may_race) {
  for (int round = 0; round < 500; ++round) {
    plait::promise<int> promise;
    std::latch start(2);
    std::thread beginning([&] {
      start.arrive_and_wait();
      try {
        static_cast<void>(promise.set_running_or_notify_cancel());
      } catch (const invalid_state_error&) {
      }
    });
    start.arrive_and_wait();
    promise.set_value(1);
    beginning.join();
    EXPECT_EQ(promise.get_future().status(), plait::call_status::finished);
  }
}

}  // namespace
