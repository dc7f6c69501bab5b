// future<T>: states, results, exceptions, timeouts. Awaiting is in future_await_test.cpp.
#include <plait/core/any_future.hpp>
#include <plait/core/future.hpp>
#include <plait/core/promise.hpp>
#include <plait/loop/event_loop.hpp>

#include <chrono>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <tests/support/expect_throw.hpp>
#include <tests/support/index_error.hpp>

namespace {

using namespace std::chrono_literals;
using plait::call_status;
using plait::cancel_outcome;
using test_support::index_error;
using test_support::message_in;
using test_support::message_of;
using testing::HasSubstr;

template <class F> void on_a_running_loop(F f) {
  plait::event_loop loop;
  loop.call_soon([&] {
    f();
    loop.stop();
  });
  loop.run_forever();
}

TEST(future, is_pending_then_running_then_finished) {
  plait::promise<int> promise;
  auto f = promise.get_future();
  EXPECT_EQ(f.status(), call_status::pending);
  EXPECT_FALSE(f.running());
  EXPECT_FALSE(f.done());

  EXPECT_TRUE(promise.set_running_or_notify_cancel());
  EXPECT_EQ(f.status(), call_status::running);
  EXPECT_TRUE(f.running());
  EXPECT_FALSE(f.done());

  promise.set_value(7);
  EXPECT_EQ(f.status(), call_status::finished);
  EXPECT_FALSE(f.running());
  EXPECT_TRUE(f.done());
  EXPECT_FALSE(f.cancelled());
  EXPECT_EQ(f.result(), 7);
}

TEST(future, is_finished_where_it_has_an_exception) {
  plait::promise<int> promise;
  auto f = promise.get_future();
  promise.set_exception(index_error());
  EXPECT_EQ(f.status(), call_status::finished);
  EXPECT_TRUE(f.done());
  EXPECT_FALSE(f.cancelled());
}

TEST(future, cancelling_a_pending_one_drops_it) {
  plait::promise<int> promise;
  auto f = promise.get_future();
  EXPECT_EQ(f.cancel(), cancel_outcome::dropped);
  EXPECT_EQ(f.status(), call_status::cancelled);
  EXPECT_TRUE(f.cancelled());
  EXPECT_TRUE(f.done());
  EXPECT_THROW(f.result(), plait::cancelled_error);
  EXPECT_THROW(static_cast<void>(f.exception()), plait::cancelled_error);
  EXPECT_EQ(f.cancel(), cancel_outcome::too_late);
}

TEST(future, cancelling_a_running_promise_abandons_it_and_its_result_stays) {
  plait::promise<int> promise;
  auto f = promise.get_future();
  ASSERT_TRUE(promise.set_running_or_notify_cancel());
  EXPECT_EQ(f.cancel(), cancel_outcome::abandoned);
  EXPECT_FALSE(f.cancelled());
  promise.set_value(3);
  EXPECT_EQ(f.result(), 3);
}

TEST(future, cancelling_a_finished_one_is_too_late) {
  plait::promise<int> promise;
  auto f = promise.get_future();
  promise.set_value(1);
  EXPECT_EQ(f.cancel(), cancel_outcome::too_late);
  EXPECT_EQ(f.result(), 1);
}

TEST(future, a_cancel_wakes_every_thread_that_waits) {
  plait::promise<int> promise;
  std::vector<std::thread> waiting;
  for (int i = 0; i < 4; ++i)
    waiting.emplace_back([f = promise.get_future()] { EXPECT_THROW(f.result(), plait::cancelled_error); });
  promise.get_future().cancel();
  for (auto& thread : waiting) thread.join();
}

TEST(future, a_cancelled_error_is_no_std_exception) {
  static_assert(!std::is_base_of_v<std::exception, plait::cancelled_error>);
  EXPECT_STREQ(plait::cancelled_error().what(), "cancelled");
}

TEST(future, result_blocks_until_another_thread_completes_it) {
  plait::promise<std::string> promise;
  auto f = promise.get_future();
  std::thread producer([p = std::move(promise)]() mutable { p.set_value("made elsewhere"); });
  EXPECT_EQ(f.result(), "made elsewhere");
  producer.join();
}

TEST(future, result_throws_what_the_call_threw_each_time) {
  plait::promise<int> promise;
  auto f = promise.get_future();
  promise.set_exception(index_error());
  for (int i = 0; i < 2; ++i) EXPECT_EQ(message_of<std::out_of_range>([&] { return f.result(); }), "index 7");
  EXPECT_EQ(message_in<std::out_of_range>(f.exception()), "index 7");
}

TEST(future, exception_is_null_where_there_is_a_value) {
  plait::promise<int> promise;
  auto f = promise.get_future();
  promise.set_value(1);
  EXPECT_EQ(f.exception(), nullptr);
  EXPECT_EQ(f.exception(1s), nullptr);
}

TEST(future, result_with_a_timeout_gives_up_and_may_be_asked_again) {
  plait::promise<int> promise;
  auto f = promise.get_future();
  EXPECT_EQ(message_of<plait::timeout_error>([&] { return f.result(1ms); }),
            "plait: no result within the timeout of 1 ms");
  EXPECT_EQ(message_of<plait::timeout_error>([&] { return f.result(500us); }),
            "plait: no result within the timeout of 500 us");
  EXPECT_THROW(f.result(0s), plait::timeout_error);
  EXPECT_THROW(static_cast<void>(f.exception(1ms)), plait::timeout_error);
  EXPECT_EQ(f.status(), call_status::pending);
  promise.set_value(5);
  EXPECT_EQ(f.result(0s), 5);
  EXPECT_EQ(std::move(f).result(1h), 5);
}

TEST(future, a_timeout_that_is_negative_or_nan_is_refused) {
  plait::promise<int> promise;
  auto f = promise.get_future();
  EXPECT_EQ(message_of<std::invalid_argument>([&] { return f.result(-1s); }),
            "plait: timeout is -1 s; expected 0 or more");
  const std::chrono::duration<double> nan(std::numeric_limits<double>::quiet_NaN());
  EXPECT_THROW(f.result(nan), std::invalid_argument);
  EXPECT_THROW(static_cast<void>(f.exception(-1ms)), std::invalid_argument);
}

TEST(future, a_timeout_longer_than_the_clock_can_count_is_for_ever) {
  plait::promise<int> promise;
  auto f = promise.get_future();
  std::thread producer([p = std::move(promise)]() mutable { p.set_value(5); });
  EXPECT_EQ(f.result(std::chrono::hours::max()), 5);
  EXPECT_EQ(f.result(std::chrono::duration<double>(std::numeric_limits<double>::infinity())), 5);
  producer.join();
}

TEST(future, blocking_on_a_running_loops_thread_is_refused_unless_it_is_done) {
  plait::promise<int> promise;
  auto f = promise.get_future();
  plait::any_future any = f;
  on_a_running_loop([&] {
    EXPECT_THAT(message_of<plait::invalid_state_error>([&] { return f.result(); }), HasSubstr("co_await"));
    EXPECT_THAT(message_of<plait::invalid_state_error>([&] { return f.result(1ms); }), HasSubstr("co_await"));
    EXPECT_THAT(message_of<plait::invalid_state_error>([&] { return f.exception(); }), HasSubstr("co_await"));
    EXPECT_THAT(message_of<plait::invalid_state_error>([&] { any.result(); }), HasSubstr("co_await"));
    promise.set_value(4);
    EXPECT_EQ(f.result(), 4);
    EXPECT_EQ(f.exception(), nullptr);
  });
}

TEST(future, one_that_holds_nothing_says_so) {
  plait::future<int> f;
  EXPECT_FALSE(f.valid());
  EXPECT_THROW(f.result(), plait::invalid_state_error);
  EXPECT_THROW(static_cast<void>(f.done()), plait::invalid_state_error);
  EXPECT_THROW(f.cancel(), plait::invalid_state_error);
  EXPECT_THROW(f.add_done_callback([](plait::future<int>) {}), plait::invalid_state_error);
  EXPECT_THROW(f.operator co_await(), plait::invalid_state_error);

  plait::promise<int> promise;
  auto original = promise.get_future();
  auto moved = std::move(original);
  EXPECT_TRUE(moved.valid());
  EXPECT_FALSE(original.valid());  // NOLINT(bugprone-use-after-move)
}

TEST(future, handles_to_the_same_result_are_equal) {
  plait::promise<int> promise, other;
  EXPECT_EQ(promise.get_future(), promise.get_future());
  EXPECT_NE(promise.get_future(), other.get_future());
}

// ── any_future ──

TEST(any_future, stands_for_a_future_of_any_type) {
  plait::promise<int> number;
  plait::promise<void> nothing;
  const std::vector<plait::any_future> all{number.get_future(), nothing.get_future()};
  EXPECT_EQ(all[0], plait::any_future(number.get_future()));
  EXPECT_THROW(all[0].result(1ms), plait::timeout_error);
  number.set_value(1);
  all[0].result();
  EXPECT_TRUE(all[0].done());
  EXPECT_EQ(all[1].cancel(), cancel_outcome::dropped);
  EXPECT_THROW(all[1].result(), plait::cancelled_error);
}

TEST(any_future, throws_what_the_call_threw) {
  plait::promise<int> promise;
  const plait::any_future f = promise.get_future();
  promise.set_exception(index_error());
  EXPECT_THROW(f.result(), std::out_of_range);
  EXPECT_THROW(f.result(1s), std::out_of_range);
  EXPECT_EQ(message_in<std::out_of_range>(f.exception()), "index 7");
}

TEST(any_future, runs_done_callbacks) {
  plait::promise<int> promise;
  const plait::any_future f = promise.get_future();
  bool called = false;
  f.add_done_callback([&](const plait::any_future& done) { called = done == f; });
  promise.set_value(1);
  EXPECT_TRUE(called);
}

}  // namespace
