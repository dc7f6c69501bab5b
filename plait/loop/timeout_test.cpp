// with_timeout: when the time is over, when it is not, and whose cancel it was.
#include <plait/core/promise.hpp>
#include <plait/loop/any_task_handle.hpp>
#include <plait/loop/event_loop.hpp>
#include <plait/loop/sleep.hpp>
#include <plait/loop/task_group.hpp>
#include <plait/loop/timeout.hpp>

#include <limits>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

#include <gtest/gtest.h>
#include <tests/support/expect_throw.hpp>
#include <tests/support/foreign_coroutine.hpp>
#include <tests/support/turns.hpp>

namespace plait {
namespace {

using namespace std::chrono_literals;
using test_support::message_of;
using test_support::pass;

using log = std::vector<std::string>;

static_assert(!std::is_default_constructible_v<timeout_scope> && !std::is_copy_constructible_v<timeout_scope>,
              "a scope is made by with_timeout alone");

task<void> for_ever(timeout_scope&) { co_await sleep(1h); }

task<int> quick(timeout_scope&, int n) {
  co_await sleep(0s);
  co_return n;
}

TEST(timeout, gives_what_the_body_returns_in_time) {
  event_loop loop;
  EXPECT_EQ(loop.run_until_complete(with_timeout(1h, quick, 4)), 4);
  EXPECT_EQ(loop.run_until_complete(with_timeout_at(loop.time() + 1h, quick, 5)), 5);
  EXPECT_EQ(loop.run_until_complete(with_timeout_at(std::nullopt, quick, 6)), 6);
  EXPECT_EQ(loop.run_until_complete(with_timeout(nanoseconds::max(), quick, 7)), 7);
}

TEST(timeout, takes_and_gives_what_can_only_be_moved) {
  event_loop loop;
  const auto body = [](timeout_scope&, std::unique_ptr<int> n) -> task<std::unique_ptr<int>> {
    co_await sleep(0s);
    co_return n;
  };
  EXPECT_EQ(*loop.run_until_complete(with_timeout(1h, body, std::make_unique<int>(6))), 6);
}

TEST(timeout, cancels_the_body_and_throws_when_the_time_is_over) {
  event_loop loop;
  EXPECT_EQ(message_of<timeout_error>([&] { loop.run_until_complete(with_timeout(2ms, for_ever)); }),
            "plait: not done within the timeout of 2 ms");
  EXPECT_EQ(message_of<timeout_error>([&] { loop.run_until_complete(with_timeout_at(loop.time() + 1ms, for_ever)); }),
            "plait: with_timeout_at: not done in time");
}

TEST(timeout, of_zero_or_in_the_past_cancels_at_the_first_await) {
  event_loop loop;
  log seen;
  const auto body = [](timeout_scope&, log* into) -> task<void> {
    into->emplace_back("begins");
    co_await sleep(0s);
    into->emplace_back("not reached");
  };
  EXPECT_THROW(loop.run_until_complete(with_timeout(0s, body, &seen)), timeout_error);
  EXPECT_THROW(loop.run_until_complete(with_timeout_at(loop.time() - 1s, body, &seen)), timeout_error);
  EXPECT_THROW(loop.run_until_complete(with_timeout_at(time_point(), body, &seen)), timeout_error);
  EXPECT_EQ(seen, (log{"begins", "begins", "begins"}));
}

TEST(timeout, of_zero_lets_a_body_that_does_not_await_return_and_leaves_no_cancel) {
  event_loop loop;
  const auto body = [](timeout_scope&) -> task<int> { co_return 3; };
  const auto whole = [body]() -> task<int> {
    const int n = co_await with_timeout(0s, body);
    co_await sleep(0s);
    co_return n * 10 + current_task().cancelling();
  };
  EXPECT_EQ(loop.run_until_complete(whole()), 30);
}

TEST(timeout, of_zero_does_not_eat_a_cancel_that_was_there_before) {
  event_loop loop;
  const auto body = [](timeout_scope&) -> task<int> { co_return 3; };
  const auto whole = [body]() -> task<int> {
    current_task().cancel();
    static_cast<void>(co_await with_timeout(0s, body));
    int cancels = 0;
    try {
      co_await sleep(0s);
    } catch (const cancelled_error&) {
      cancels = 1;
    }
    co_return cancels;
  };
  EXPECT_EQ(loop.run_until_complete(whole()), 1);
}

TEST(timeout, of_zero_after_a_swallowed_cancel_leaves_no_cancel) {
  event_loop loop;
  const auto body = [](timeout_scope&) -> task<int> { co_return 3; };
  const auto whole = [body]() -> task<int> {
    current_task().cancel();
    try {
      co_await sleep(0s);
    } catch (const cancelled_error&) {
    }
    const int n = co_await with_timeout(0s, body);
    co_await sleep(0s);
    co_return n * 10 + current_task().cancelling();
  };
  EXPECT_EQ(loop.run_until_complete(whole()), 31);
}

TEST(timeout, taken_back_leaves_the_task_uncancelled) {
  event_loop loop;
  const auto whole = []() -> task<int> {
    try {
      co_await with_timeout(1ms, for_ever);
    } catch (const timeout_error&) {
      co_return current_task().cancelling();
    }
    co_return -1;
  };
  const auto awaits_after = [](auto inner) -> task<int> {
    const int n = co_await inner();
    co_await sleep(0s);
    co_return n;
  };
  EXPECT_EQ(loop.run_until_complete(awaits_after(whole)), 0);
}

TEST(timeout, a_value_in_spite_of_it_counts) {
  event_loop loop;
  bool expired = false;
  const auto body = [](timeout_scope& scope, bool* was) -> task<int> {
    try {
      co_await sleep(1h);
    } catch (const cancelled_error&) {
      *was = scope.expired();
    }
    co_return 5;
  };
  EXPECT_EQ(loop.run_until_complete(with_timeout(1ms, body, &expired)), 5);
  EXPECT_TRUE(expired);
}

TEST(timeout, another_exception_in_spite_of_it_goes_on) {
  event_loop loop;
  const auto body = [](timeout_scope&) -> task<void> {
    try {
      co_await sleep(1h);
    } catch (const cancelled_error&) {
      throw std::runtime_error("in reaction");
    }
  };
  EXPECT_EQ(message_of<std::runtime_error>([&] { loop.run_until_complete(with_timeout(1ms, body)); }), "in reaction");
}

TEST(timeout, an_exception_in_time_goes_on) {
  event_loop loop;
  const auto body = [](timeout_scope&) -> task<void> {
    co_await sleep(0s);
    throw std::runtime_error("of the body");
  };
  EXPECT_EQ(message_of<std::runtime_error>([&] { loop.run_until_complete(with_timeout(1h, body)); }), "of the body");
}

TEST(timeout, cancelled_error_that_the_body_makes_up_in_time_goes_on) {
  event_loop loop;
  const auto body = [](timeout_scope&) -> task<void> {
    co_await sleep(0s);
    throw cancelled_error();
  };
  EXPECT_THROW(loop.run_until_complete(with_timeout(1h, body)), cancelled_error);
}

// ── nested ──

TEST(timeout, of_nested_ones_the_outer_one_fires_where_its_time_is_over) {
  event_loop loop;
  const auto outer = [](timeout_scope&, log* into) -> task<void> {
    try {
      co_await with_timeout(1h, for_ever);
    } catch (const timeout_error&) {
      into->emplace_back("inner");
    }
  };
  log seen;
  EXPECT_THROW(loop.run_until_complete(with_timeout(1ms, outer, &seen)), timeout_error);
  EXPECT_EQ(seen, log());
}

TEST(timeout, of_nested_ones_the_inner_one_fires_where_its_time_is_over) {
  event_loop loop;
  const auto outer = [](timeout_scope& scope) -> task<std::string> {
    std::string what;
    try {
      co_await with_timeout(1ms, for_ever);
    } catch (const timeout_error&) {
      what = "inner";
    }
    co_await sleep(0s);
    co_return what + (scope.expired() ? " and outer" : "");
  };
  EXPECT_EQ(loop.run_until_complete(with_timeout(1h, outer)), "inner");
}

TEST(timeout, of_nested_ones_that_are_over_at_once_the_outer_one_fires) {
  event_loop loop;
  const auto outer = [](timeout_scope&, log* into) -> task<void> {
    try {
      co_await with_timeout(0s, for_ever);
    } catch (const timeout_error&) {
      into->emplace_back("inner");
    } catch (const cancelled_error&) {
      into->emplace_back("cancelled");
      throw;
    }
  };
  log seen;
  EXPECT_THROW(loop.run_until_complete(with_timeout(0s, outer, &seen)), timeout_error);
}

TEST(timeout, while_the_body_handles_an_inner_one_fires_at_its_next_await) {
  event_loop loop;
  const auto outer = [](timeout_scope& scope) -> task<void> {
    try {
      co_await with_timeout(1ms, for_ever);
    } catch (const timeout_error&) {
      scope.reschedule(0s);
    }
    co_await sleep(1h);
  };
  EXPECT_THROW(loop.run_until_complete(with_timeout(1h, outer)), timeout_error);
}

// ── cancelled from outside ──

TEST(timeout, a_cancel_from_outside_stays_one) {
  event_loop loop;
  const auto handle = loop.create_task(with_timeout(1h, for_ever));
  pass(loop, 2);
  handle.cancel();
  EXPECT_THROW(loop.run_until_complete(handle), cancelled_error);
}

TEST(timeout, a_cancel_from_outside_at_the_same_moment_wins) {
  event_loop loop;
  task_handle<void> handle;
  const auto body = [](timeout_scope& scope, const task_handle<void>* self) -> task<void> {
    scope.reschedule(0s);
    self->cancel();
    co_await sleep(1h);
  };
  handle = loop.create_task(with_timeout(1h, body, &handle));
  EXPECT_THROW(loop.run_until_complete(handle), cancelled_error);
  EXPECT_EQ(handle.cancelling(), 1);
}

TEST(timeout, a_cancel_from_outside_while_the_timeouts_is_handled_wins) {
  event_loop loop;
  task_handle<void> handle;
  bool handles = false;
  const auto body = [](timeout_scope&, bool* flag) -> task<void> {
    try {
      co_await sleep(1h);
    } catch (const cancelled_error&) {
    }
    *flag = true;
    co_await sleep(1h);
  };
  handle = loop.create_task(with_timeout(1ms, body, &handles));
  while (!handles) pass(loop);
  handle.cancel();
  EXPECT_THROW(loop.run_until_complete(handle), cancelled_error);
}

TEST(timeout, in_a_task_that_swallowed_a_cancel_before_is_a_timeout) {
  event_loop loop;
  const auto whole = []() -> task<std::string> {
    current_task().cancel();
    try {
      co_await sleep(0s);
    } catch (const cancelled_error&) {
    }
    try {
      co_await with_timeout(1ms, for_ever);
    } catch (const timeout_error&) {
      co_return "timeout";
    }
    co_return "none";
  };
  EXPECT_EQ(loop.run_until_complete(whole()), "timeout");
}

// ── reschedule ──

TEST(timeout, rescheduled_to_an_earlier_time_fires_then) {
  event_loop loop;
  const auto body = [](timeout_scope& scope) -> task<void> {
    scope.reschedule(1ms);
    co_await sleep(1h);
  };
  EXPECT_THROW(loop.run_until_complete(with_timeout(1h, body)), timeout_error);
}

TEST(timeout, rescheduled_from_never_fires_then) {
  event_loop loop;
  const auto body = [](timeout_scope& scope, std::optional<time_point>* before) -> task<void> {
    *before = scope.when();
    scope.reschedule(get_running_loop().time());
    co_await sleep(1h);
  };
  std::optional<time_point> before = time_point();
  EXPECT_THROW(loop.run_until_complete(with_timeout_at(std::nullopt, body, &before)), timeout_error);
  EXPECT_EQ(before, std::nullopt);
}

/// What a body gives that has begun within its timeout of 1 ms; one that was too late for that gives nothing.
template <class Body> bool begun_in_time(const Body& body) {
  event_loop loop;
  while (true)
    if (const auto got = loop.run_until_complete(with_timeout(1ms, body))) return *got;
}

TEST(timeout, rescheduled_to_never_does_not_fire) {
  const auto body = [](timeout_scope& scope) -> task<std::optional<bool>> {
    if (scope.expired()) co_return std::nullopt;
    const auto first = *scope.when();
    scope.reschedule(std::nullopt);
    const bool never = !scope.when();
    while (get_running_loop().time() <= first) co_await sleep(0s);
    for (int i = 0; i < 3; ++i) co_await sleep(0s);
    co_return never && !scope.expired();
  };
  EXPECT_TRUE(begun_in_time(body));
}

TEST(timeout, rescheduled_to_a_later_time_has_that_time) {
  const auto body = [](timeout_scope& scope) -> task<std::optional<bool>> {
    if (scope.expired()) co_return std::nullopt;
    const auto first = *scope.when();
    scope.reschedule(first + 1h);
    while (get_running_loop().time() <= first) co_await sleep(0s);
    for (int i = 0; i < 3; ++i) co_await sleep(0s);
    co_return scope.when() == first + 1h && !scope.expired();
  };
  EXPECT_TRUE(begun_in_time(body));
}

TEST(timeout, can_not_be_rescheduled_when_it_is_over) {
  event_loop loop;
  std::string refused;
  const auto body = [](timeout_scope& scope, std::string* what) -> task<void> {
    try {
      co_await sleep(1h);
    } catch (const cancelled_error&) {
      *what = message_of<invalid_state_error>([&] { scope.reschedule(1h); });
      throw;
    }
  };
  EXPECT_THROW(loop.run_until_complete(with_timeout(1ms, body, &refused)), timeout_error);
  EXPECT_EQ(refused, "plait: timeout_scope::reschedule: the time is over, and the task was cancelled");
}

TEST(timeout, can_not_be_rescheduled_from_another_thread) {
  event_loop loop;
  std::string refused;
  const auto body = [](timeout_scope& scope, std::string* what) -> task<void> {
    std::thread([&] { *what = message_of<invalid_state_error>([&] { scope.reschedule(1h); }); }).join();
    co_return;
  };
  loop.run_until_complete(with_timeout(1h, body, &refused));
  EXPECT_EQ(refused,
            "plait: timeout_scope::reschedule on another thread than that of its loop; go there by "
            "call_soon_threadsafe");
}

// ── bad input ──

TEST(timeout, refuses_times_that_are_none_at_the_call) {
  EXPECT_EQ(message_of<std::invalid_argument>([] { static_cast<void>(with_timeout(-1s, for_ever)); }),
            "plait: timeout is -1 s; expected 0 or more");
  const std::chrono::duration<double> nan(std::numeric_limits<double>::quiet_NaN());
  EXPECT_EQ(message_of<std::invalid_argument>([&] { static_cast<void>(with_timeout(nan, for_ever)); }),
            "plait: timeout is nan s; expected 0 or more");
  event_loop loop;
  const auto body = [](timeout_scope& scope) -> task<void> {
    scope.reschedule(-1ms);
    co_return;
  };
  EXPECT_EQ(message_of<std::invalid_argument>([&] { loop.run_until_complete(with_timeout(1h, body)); }),
            "plait: from_now is -0.001 s; expected 0 or more");
}

test_support::detached awaits_a_timeout(std::string* what) {
  try {
    co_await with_timeout(1h, for_ever);
  } catch (const invalid_state_error& error) {
    *what = error.what();
  }
}

TEST(timeout, outside_of_a_task_is_refused) {
  event_loop loop;
  std::string what;
  loop.call_soon([&] { awaits_a_timeout(&what); });
  pass(loop);
  EXPECT_EQ(what,
            "plait: with_timeout or wait_for in a coroutine that belongs to no task; start it with "
            "event_loop::create_task");
}

// ── with groups ──

TEST(timeout, around_a_group_cancels_its_tasks_and_is_a_timeout) {
  event_loop loop;
  int cancelled = 0;
  const auto child = [](int* count) -> task<void> {
    try {
      co_await sleep(1h);
    } catch (const cancelled_error&) {
      ++*count;
      throw;
    }
  };
  const auto start = [child](task_group& g, int* count) {
    for (int i = 0; i < 3; ++i) g.create_task(child(count));
  };
  const auto body = [start](timeout_scope&, int* count) -> task<void> { co_await with_task_group(start, count); };
  EXPECT_THROW(loop.run_until_complete(with_timeout(1ms, body, &cancelled)), timeout_error);
  EXPECT_EQ(cancelled, 3);
}

TEST(timeout, in_a_child_of_a_group_is_a_failure_of_the_group) {
  event_loop loop;
  try {
    loop.run_until_complete(with_task_group([](task_group& g) { g.create_task(with_timeout(1ms, for_ever)); }));
    FAIL();
  } catch (const exception_group& group) {
    EXPECT_TRUE(group.contains<timeout_error>());
  }
}

}  // namespace
}  // namespace plait
