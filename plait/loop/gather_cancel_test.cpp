// Cancelling a gather: whom it reaches, whom it waits for, and what comes of it.
#include <plait/core/promise.hpp>
#include <plait/loop/event_loop.hpp>
#include <plait/loop/gather.hpp>
#include <plait/loop/sleep.hpp>
#include <plait/loop/sync_wait.hpp>
#include <plait/threads/thread_pool_executor.hpp>

#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <tests/support/expect_throw.hpp>
#include <tests/support/gate.hpp>
#include <tests/support/turns.hpp>

namespace plait {
namespace {

using namespace std::chrono_literals;
using test_support::gate;
using test_support::message_of;
using test_support::pass;

template <class Awaitable> task<void> awaits_moved(Awaitable awaited) {
  static_cast<void>(co_await std::move(awaited));
}

/// Swallows one cancel, and ends when `go_on` is done.
task<int> ends_in_its_time(future<void> go_on, bool* cancelled) {
  try {
    co_await sleep(1h);
  } catch (const cancelled_error&) {
    *cancelled = true;
  }
  co_await go_on;
  co_return 1;
}

task<void> gathers(future<void> go_on, bool* cancelled) {
  co_await gather(ends_in_its_time(std::move(go_on), cancelled), sleep(1h));
}

TEST(gather_cancel, reaches_all_and_waits_for_their_ends) {
  event_loop loop;
  promise<void> go_on;
  bool cancelled = false;
  const auto outer = loop.create_task(gathers(go_on.get_future(), &cancelled));
  for (int i = 0; i < 3; ++i) pass(loop);
  loop.call_soon([&] { outer.cancel(); });
  for (int i = 0; i < 5; ++i) pass(loop);
  EXPECT_TRUE(cancelled);
  EXPECT_FALSE(outer.done());  // one has not ended yet
  go_on.set_value();
  for (int i = 0; i < 5; ++i) pass(loop);
  EXPECT_TRUE(outer.cancelled());  // though one gave a value
}

TEST(gather_cancel, of_futures_is_over_at_once) {
  const promise<int> a;
  const promise<int> b;
  const auto all = gather(a.get_future(), b.get_future());
  EXPECT_EQ(all.status(), call_status::running);
  EXPECT_EQ(all.cancel(), cancel_outcome::dropped);
  EXPECT_TRUE(all.cancelled());
  EXPECT_TRUE(a.get_future().cancelled());
  EXPECT_TRUE(b.get_future().cancelled());
  EXPECT_EQ(all.cancel(), cancel_outcome::too_late);
}

TEST(gather_cancel, that_comes_too_late_changes_nothing) {
  promise<int> a;
  const auto all = gather(a.get_future());
  a.set_value(1);
  EXPECT_EQ(all.cancel(), cancel_outcome::too_late);
  EXPECT_EQ(std::get<0>(all.result()), 1);
}

TEST(gather_cancel, with_return_exceptions_is_a_cancel_all_the_same) {
  const promise<int> a;
  const auto all = gather({.return_exceptions = true}, a.get_future());
  all.cancel();
  EXPECT_TRUE(all.cancelled());
}

TEST(gather_cancel, does_not_wait_for_what_can_not_be_stopped) {
  promise<int> running;
  EXPECT_TRUE(running.set_running_or_notify_cancel());
  const promise<int> pending;
  const auto all = gather(running.get_future(), pending.get_future());
  EXPECT_EQ(all.cancel(), cancel_outcome::dropped);
  EXPECT_TRUE(all.cancelled());
  running.set_value(1);
}

TEST(gather_cancel, of_the_inner_one_cancels_the_outer) {
  const promise<int> a;
  const promise<int> b;
  const auto inner = gather(a.get_future());
  const auto outer = gather(inner, b.get_future());
  inner.cancel();
  EXPECT_TRUE(outer.cancelled());
  EXPECT_FALSE(b.get_future().done());
}

task<void> is_cancelled_before_its_gather(future<int> child, task_handle<void>* self, bool* seen) {
  self->cancel();
  try {
    static_cast<void>(co_await gather(std::move(child)));
  } catch (const cancelled_error&) {
    *seen = true;
    throw;
  }
}

TEST(gather_cancel, that_came_before_the_await_cancels_it_as_well) {
  event_loop loop;
  const promise<int> child;
  bool seen = false;
  task_handle<void> self;
  self = loop.create_task(is_cancelled_before_its_gather(child.get_future(), &self, &seen));
  while (!self.done()) pass(loop);
  EXPECT_TRUE(seen);
  EXPECT_TRUE(self.cancelled());
  EXPECT_TRUE(child.get_future().cancelled());
}

TEST(gather_cancel, a_hundred_thousand_deep_does_not_recurse) {
  const promise<int> p;
  any_future inmost = p.get_future();
  for (int i = 0; i < 100'000; ++i) inmost = gather(std::vector{std::move(inmost)});
  inmost.cancel();
  EXPECT_TRUE(inmost.cancelled());
  EXPECT_TRUE(p.get_future().cancelled());
}

// ── calls of a pool ──

int waits_at(const gate* opened) {
  opened->wait();
  return 1;
}
int waits_until_asked(const std::stop_token& stop, test_support::counter* began) {
  gate stopped;
  const std::stop_callback opens(stop, [&] { stopped.open(); });
  began->add();
  stopped.wait();
  return 2;
}

TEST(gather_cancel, drops_a_pools_pending_call_and_abandons_one_that_runs) {
  gate began;
  gate opened;
  event_loop loop;
  thread_pool_executor pool(thread_pool_options{.max_workers = 1});
  const auto runs = pool.submit([&] {
    began.open();
    return waits_at(&opened);
  });
  const auto waits = pool.submit(waits_at, &opened);
  began.wait();
  const auto outer = loop.create_task(awaits_moved(gather(runs, waits)));
  pass(loop);
  loop.call_soon([&] { outer.cancel(); });
  while (!outer.done()) pass(loop);
  EXPECT_TRUE(outer.cancelled());
  EXPECT_TRUE(waits.cancelled());
  EXPECT_FALSE(runs.done());
  opened.open();
  EXPECT_EQ(runs.result(), 1);
}

TEST(gather_cancel, asks_a_pools_call_that_can_be_asked_and_waits_for_it) {
  test_support::counter began;
  event_loop loop;
  thread_pool_executor pool(thread_pool_options{.max_workers = 2});
  const auto a = pool.submit(waits_until_asked, &began);
  const auto b = pool.submit(waits_until_asked, &began);
  began.wait_for(2);
  const auto outer = loop.create_task(awaits_moved(gather(a, b)));
  pass(loop);
  loop.call_soon([&] { outer.cancel(); });
  EXPECT_THROW(loop.run_until_complete(outer), cancelled_error);
  EXPECT_TRUE(a.done());
  EXPECT_TRUE(b.done());
}

// Then the gather is decided, and nobody has been told yet.
TEST(gather_cancel, after_the_first_failure_comes_out_at_the_await) {
  event_loop loop;
  promise<int> fails;
  const auto inner = gather(fails.get_future());
  const auto outer = loop.create_task(awaits_moved(gather(inner)));
  pass(loop);
  bool ran = false;
  inner.add_done_callback([&](const auto&) {
    ran = true;
    outer.cancel();
  });
  loop.call_soon([&] { fails.set_exception(std::make_exception_ptr(std::runtime_error("no"))); });
  EXPECT_THROW(loop.run_until_complete(outer), cancelled_error);
  EXPECT_TRUE(ran);
}

TEST(gather_cancel, races_threads_that_complete) {
  for (int round = 0; round < 200; ++round) {
    std::vector<promise<int>> ps(8);
    std::vector<future<int>> fs;
    for (const auto& p : ps) fs.push_back(p.get_future());
    const auto all = gather(gather(fs), gather({.return_exceptions = true}, fs));
    std::thread completer([&] {
      for (auto& p : ps)
        if (p.set_running_or_notify_cancel()) p.set_value(1);
    });
    std::thread canceller([&] { all.cancel(); });
    all.cancel();
    completer.join();
    canceller.join();
    EXPECT_TRUE(all.done());
  }
}

}  // namespace
}  // namespace plait
