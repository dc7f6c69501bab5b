// Exceptions of other languages: whoever keeps what was thrown keeps std::bad_exception, never nothing.
#include <plait/core/promise.hpp>
#include <plait/loop/event_loop.hpp>
#include <plait/loop/gather.hpp>
#include <plait/loop/settled.hpp>
#include <plait/loop/sleep.hpp>
#include <plait/loop/sync_wait.hpp>
#include <plait/loop/task_group.hpp>
#include <plait/loop/timeout.hpp>
#include <plait/loop/wait_for.hpp>

#include <coroutine>
#include <exception>

#include <gtest/gtest.h>
#include <tests/support/recorded_reports.hpp>
#include <tests/support/throw_foreign.hpp>
#include <tests/support/turns.hpp>

namespace plait {
namespace {

using namespace std::chrono_literals;
using test_support::pass;
using test_support::recorded_reports;
using test_support::throw_foreign;

struct fails_to_be_copied {
  fails_to_be_copied() = default;
  fails_to_be_copied(const fails_to_be_copied&) { throw_foreign(); }
  fails_to_be_copied& operator=(const fails_to_be_copied&) = delete;
  ~fails_to_be_copied() = default;
};

struct fails_to_resume {
  [[nodiscard]] bool await_ready() const noexcept { return true; }
  void await_suspend(std::coroutine_handle<>) const noexcept {}
  void await_resume() const { throw_foreign(); }
};

template <class Awaited> bool ends_with_bad_exception(Awaited awaited) {
  try {
    sync_wait(std::move(awaited));
  } catch (const std::bad_exception&) {
    return true;
  }
  return false;
}

template <class Body> bool fails_its_group_with_bad_exception(Body body) {
  try {
    sync_wait(with_task_group(std::move(body)));
  } catch (const exception_group& group) {
    try {
      std::rethrow_exception(group.exceptions().front());
    } catch (const std::bad_exception&) {
      return true;
    }
  }
  return false;
}

TEST(foreign_exception, fails_the_group_whose_body_or_child_it_left) {
  EXPECT_TRUE(fails_its_group_with_bad_exception([](task_group&) { throw_foreign(); }));
  EXPECT_TRUE(fails_its_group_with_bad_exception([](task_group&) -> task<void> { throw_foreign(); }));
  const auto child = []() -> task<void> {
    co_await sleep(0s);
    throw_foreign();
  };
  EXPECT_TRUE(fails_its_group_with_bad_exception([&](task_group& group) { group.create_task(child()); }));
}

TEST(foreign_exception, comes_out_of_a_body_with_a_timeout) {
  EXPECT_TRUE(ends_with_bad_exception(with_timeout(1h, [](timeout_scope&) -> task<void> {
    co_await sleep(0s);
    throw_foreign();
  })));
  EXPECT_TRUE(ends_with_bad_exception(with_timeout(1h, [](timeout_scope&) -> task<void> { throw_foreign(); })));
}

TEST(foreign_exception, comes_out_of_wait_for) {
  const auto waits = []() -> task<void> { co_await wait_for(fails_to_resume(), 1h); };
  EXPECT_TRUE(ends_with_bad_exception(waits()));
}

TEST(foreign_exception, is_the_outcome_that_settled_gives) {
  promise<fails_to_be_copied> given;
  const auto kept = given.get_future();
  given.set_value();
  const auto looks = [](future<fails_to_be_copied> one) -> task<bool> {
    const auto ended = co_await settled(std::move(one));
    co_return ended.exception() != nullptr;
  };
  EXPECT_TRUE(sync_wait(looks(kept)));
}

TEST(foreign_exception, of_making_the_value_is_what_a_promise_gives) {
  promise<fails_to_be_copied> given;
  const auto result = given.get_future();
  const fails_to_be_copied original;
  given.set_value(original);
  EXPECT_THROW(static_cast<void>(result.result()), std::bad_exception);
}

TEST(foreign_exception, fails_the_gather_that_takes_the_values) {
  promise<fails_to_be_copied> given;
  const auto kept = given.get_future();
  given.set_value();
  const auto gathers = [](future<fails_to_be_copied> one) -> task<void> {
    static_cast<void>(co_await gather(std::move(one)));
  };
  EXPECT_TRUE(ends_with_bad_exception(gathers(kept)));
}

TEST(foreign_exception, of_a_callback_is_told_as_any_other) {
  const recorded_reports reports;
  event_loop loop;
  std::exception_ptr heard;
  loop.set_exception_handler([&](event_loop&, const exception_context& context) { heard = context.exception; });
  loop.call_soon([] { throw_foreign(); });
  pass(loop);
  ASSERT_TRUE(heard);
  EXPECT_THROW(std::rethrow_exception(heard), std::bad_exception);
}

}  // namespace
}  // namespace plait
