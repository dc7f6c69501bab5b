// shield: what it holds off, what it lets through, and what is told of a failure that nobody sees.
#include <plait/core/promise.hpp>
#include <plait/loop/event_loop.hpp>
#include <plait/loop/shield.hpp>
#include <plait/loop/sleep.hpp>
#include <plait/loop/sync_wait.hpp>

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <tests/support/expect_throw.hpp>
#include <tests/support/recorded_reports.hpp>
#include <tests/support/turns.hpp>

namespace plait {
namespace {

using namespace std::chrono_literals;
using test_support::message_of;
using test_support::pass;
using test_support::recorded_reports;

task<int> follows(future<int> given) {
  const int n = co_await given;
  co_return n;
}

template <class T> task<void> shields(T awaited) { static_cast<void>(co_await shield(std::move(awaited))); }

void fail_inner(promise<int>& p) { p.set_exception(std::make_exception_ptr(std::runtime_error("late"))); }

task<int> gives_what_it_shields(future<int> given) {
  auto moved = co_await shield(follows(given));
  const int& seen = co_await shield(given);
  co_return moved * 10 + seen;
}

TEST(shield, gives_what_it_shields) {
  promise<int> p;
  p.set_value(4);
  EXPECT_EQ(sync_wait(gives_what_it_shields(p.get_future())), 44);
}

task<int> shields_what_can_only_be_moved(future<std::unique_ptr<int>> given) {
  const auto& seen = co_await shield(given);
  const int n = *seen;
  const auto taken = co_await shield(std::move(given));
  co_return n * 10 + *taken;
}

TEST(shield, gives_what_can_only_be_moved) {
  promise<std::unique_ptr<int>> p;
  auto given = p.get_future();
  p.set_value(std::make_unique<int>(3));
  EXPECT_EQ(sync_wait(shields_what_can_only_be_moved(std::move(given))), 33);
}

TEST(shield, throws_what_it_shields_threw) {
  promise<int> p;
  fail_inner(p);
  EXPECT_EQ(message_of<std::runtime_error>([&] { sync_wait(shields(p.get_future())); }), "late");
}

TEST(shield, holds_off_a_cancel_which_arrives_at_once) {
  event_loop loop;
  promise<int> p;
  const auto inner = loop.create_task(follows(p.get_future()));
  const auto outer = loop.create_task(shields(inner));
  pass(loop);
  loop.call_soon([&] { outer.cancel(); });
  pass(loop);
  pass(loop);
  EXPECT_TRUE(outer.cancelled());
  EXPECT_FALSE(inner.done());
  p.set_value(5);
  EXPECT_EQ(loop.run_until_complete(inner), 5);
}

task<void> is_cancelled_before_it_shields(future<int> given, task_handle<void>* self) {
  self->cancel();
  static_cast<void>(co_await shield(std::move(given)));
}

TEST(shield, holds_off_a_cancel_that_came_before_the_await) {
  event_loop loop;
  promise<int> p;
  task_handle<void> self;
  self = loop.create_task(is_cancelled_before_it_shields(p.get_future(), &self));
  pass(loop);
  EXPECT_TRUE(self.cancelled());
  EXPECT_FALSE(p.get_future().done());
  p.set_value(1);
}

TEST(shield, lets_a_cancel_of_what_it_shields_through) {
  event_loop loop;
  const promise<int> p;
  const auto outer = loop.create_task(shields(p.get_future()));
  pass(loop);
  loop.call_soon([&] { p.get_future().cancel(); });
  pass(loop);
  pass(loop);
  EXPECT_TRUE(outer.cancelled());
}

/// Cancels `waiters` tasks that shield one that fails afterwards; gives what was reported.
std::string reported_of_a_failure(int waiters, bool somebody_holds_it) {
  const recorded_reports reports;
  event_loop loop;
  promise<int> p;
  auto inner = loop.create_task(follows(p.get_future()), "inner");
  std::vector<task_handle<void>> outer;
  for (int i = 0; i < waiters; ++i) outer.push_back(loop.create_task(shields(inner)));
  pass(loop);
  loop.call_soon([&] {
    for (const auto& o : outer) o.cancel();
  });
  pass(loop);
  pass(loop);
  for (const auto& o : outer) EXPECT_TRUE(o.cancelled());
  if (!somebody_holds_it) inner = {};
  fail_inner(p);
  pass(loop);
  pass(loop);
  auto text = reports.text();
  if (somebody_holds_it) {
    EXPECT_TRUE(inner.done());
    EXPECT_EQ(message_of<std::runtime_error>([&] { inner.result(); }), "late");
  }
  return text;
}

TEST(shield, tells_once_of_a_failure_that_nobody_sees) {
  EXPECT_EQ(reported_of_a_failure(1, false),
            "what was shielded \"inner\" failed, and nobody awaits it any more: std::runtime_error: late\n");
  EXPECT_EQ(reported_of_a_failure(3, false),
            "what was shielded \"inner\" failed, and nobody awaits it any more: std::runtime_error: late\n");
}

TEST(shield, does_not_tell_of_a_failure_that_somebody_can_see) { EXPECT_EQ(reported_of_a_failure(2, true), ""); }

TEST(shield, does_not_tell_of_a_failure_that_one_still_awaits) {
  const recorded_reports reports;
  event_loop loop;
  promise<int> p;
  auto inner = loop.create_task(follows(p.get_future()));
  const auto cancelled = loop.create_task(shields(inner));
  const auto stays = loop.create_task(shields(std::move(inner)));
  pass(loop);
  loop.call_soon([&] { cancelled.cancel(); });
  pass(loop);
  fail_inner(p);
  EXPECT_EQ(message_of<std::runtime_error>([&] { loop.run_until_complete(stays); }), "late");
  EXPECT_EQ(reports.text(), "");
}

TEST(shield, tells_of_a_failure_that_comes_together_with_the_cancel) {
  const recorded_reports reports;
  event_loop loop;
  promise<int> p;
  const auto outer = loop.create_task(shields(p.get_future()));
  pass(loop);
  loop.call_soon([&] {
    fail_inner(p);
    outer.cancel();
  });
  pass(loop);
  pass(loop);
  EXPECT_TRUE(outer.cancelled());
  EXPECT_EQ(reports.text(), "what was shielded failed, and nobody awaits it any more: std::runtime_error: late\n");
}

TEST(shield, tells_of_a_failure_that_comes_right_after_the_cancel) {
  const recorded_reports reports;
  event_loop loop;
  promise<int> p;
  const auto outer = loop.create_task(shields(p.get_future()));
  pass(loop);
  loop.call_soon([&] {
    outer.cancel();
    fail_inner(p);
  });
  pass(loop);
  pass(loop);
  EXPECT_TRUE(outer.cancelled());
  EXPECT_EQ(reports.text(), "what was shielded failed, and nobody awaits it any more: std::runtime_error: late\n");
}

TEST(shield, needs_a_loop_for_a_task) {
  const promise<int> p;
  EXPECT_THROW(static_cast<void>(shield(follows(p.get_future()))), no_running_loop_error);
}

}  // namespace
}  // namespace plait
