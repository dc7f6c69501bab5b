// Cancelling a task across threads: by another thread, and of the calls that it awaits in a pool.
#include <plait/core/promise.hpp>
#include <plait/loop/event_loop.hpp>
#include <plait/loop/sleep.hpp>
#include <plait/loop/task_group.hpp>
#include <plait/threads/thread_pool_executor.hpp>

#include <atomic>
#include <memory>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>

#include <gtest/gtest.h>
#include <tests/support/expect_throw.hpp>
#include <tests/support/gate.hpp>
#include <tests/support/turns.hpp>
#include <tests/support/witness.hpp>

namespace plait {
namespace {

using namespace std::chrono_literals;
using test_support::counter;
using test_support::gate;
using test_support::ledger;
using test_support::message_of;
using test_support::pass;
using test_support::witness;

template <class Awaitable> task<void> awaits_anywhere(Awaitable awaited, witness local) {
  const witness moved = std::move(local);
  co_await std::move(awaited);
}

// Either end is right: what can fail here is a hang, or a sanitizer's report.
TEST(task_cancel_threads, from_other_threads_arrives_wherever_the_task_is) {
  ledger seen;
  int finished = 0;
  int cancelled = 0;
  for (int i = 0; i < 300; ++i) {
    event_loop loop;
    promise<int> input;
    const auto handle = loop.create_task(awaits_anywhere(input.get_future(), witness(seen)));
    if (i % 3 > 0) pass(loop);  // begun or not
    std::thread canceller([&] { handle.cancel(); });
    std::thread completer([&] {
      if (input.set_running_or_notify_cancel()) input.set_value(1);
    });
    try {
      loop.run_until_complete(handle);
      ++finished;
    } catch (const cancelled_error&) {
      ++cancelled;
    }
    canceller.join();
    completer.join();
    EXPECT_TRUE(handle.done());
  }
  EXPECT_EQ(finished + cancelled, 300);
  EXPECT_EQ(seen.alive, 0);
  EXPECT_EQ(seen.died_elsewhere, 0);
}

TEST(task_cancel_threads, from_another_thread_wakes_a_loop_that_sleeps) {
  ledger seen;
  event_loop loop;
  const auto handle = loop.create_task(awaits_anywhere(sleep(1h), witness(seen)));
  pass(loop);
  std::thread canceller([&] { EXPECT_EQ(handle.cancel(), cancel_outcome::asked); });
  EXPECT_EQ(message_of<cancelled_error>([&] { loop.run_until_complete(handle); }), "cancelled");
  canceller.join();
}

// A pool of one thread, which a call holds until the gate opens.
struct busy_pool {
  thread_pool_executor pool{thread_pool_options{.max_workers = 1}};
  gate begun;
  gate release;
  future<void> blocker = pool.submit([this] {
    begun.open();
    release.wait();
  });
  busy_pool() { begun.wait(); }
  ~busy_pool() { release.open(); }
};

TEST(task_cancel_threads, drops_the_pending_call_that_it_awaits) {
  ledger seen;
  std::atomic<bool> ran = false;
  busy_pool busy;
  event_loop loop;
  const auto call = busy.pool.submit([&ran] { ran = true; });
  const auto handle = loop.create_task(awaits_anywhere(call, witness(seen)));
  pass(loop);
  handle.cancel();
  EXPECT_EQ(message_of<cancelled_error>([&] { loop.run_until_complete(handle); }), "cancelled");
  EXPECT_TRUE(call.cancelled());
  EXPECT_EQ(busy.pool.pending(), 0U);
  busy.release.open();
  busy.pool.shutdown();
  EXPECT_FALSE(ran);
}

TEST(task_cancel_threads, asks_the_running_call_that_it_awaits) {
  ledger seen;
  gate begun;
  gate asked;
  thread_pool_executor pool(thread_pool_options{.max_workers = 1});
  event_loop loop;
  const auto call = pool.submit([&](std::stop_token stop) {
    const std::stop_callback on_stop(stop, [&] { asked.open(); });
    begun.open();
    asked.wait();
    throw cancelled_error();
  });
  const auto handle = loop.create_task(awaits_anywhere(call, witness(seen)));
  pass(loop);
  begun.wait();
  handle.cancel();
  EXPECT_EQ(message_of<cancelled_error>([&] { loop.run_until_complete(handle); }), "cancelled");
  pool.shutdown();
  EXPECT_TRUE(asked.is_open());
  EXPECT_TRUE(call.cancelled());
}

/// A result that tells when it is thrown away.
struct result {
  explicit result(ledger& where) : held(std::make_shared<witness>(where)) {}
  std::shared_ptr<witness> held;
};

struct abandoned_call {
  ledger seen;  // of the task
  ledger results;
  gate begun;
  gate release;
  thread_pool_executor pool{thread_pool_options{.max_workers = 1}};
  ~abandoned_call() { release.open(); }

  auto submit() {
    return pool.submit([this] {
      begun.open();
      release.wait();
      return result(results);
    });
  }
};

TEST(task_cancel_threads, leaves_the_running_call_that_it_awaits_and_its_result_is_thrown_away) {
  abandoned_call call;
  event_loop loop;
  const auto handle = loop.create_task(awaits_anywhere(call.submit(), witness(call.seen)));
  pass(loop);
  call.begun.wait();
  handle.cancel();
  EXPECT_EQ(message_of<cancelled_error>([&] { loop.run_until_complete(handle); }), "cancelled");
  EXPECT_EQ(call.seen.alive, 0);  // the task is gone while the call runs
  EXPECT_EQ(call.results.made, 0);
  call.release.open();
  call.pool.shutdown();
  EXPECT_EQ(call.results.made, 1);
  EXPECT_EQ(call.results.alive, 0);
}

TEST(task_cancel_threads, leaves_a_running_call_that_ends_when_the_loop_is_gone) {
  abandoned_call call;
  {
    event_loop loop;
    static_cast<void>(loop.create_task(awaits_anywhere(call.submit(), witness(call.seen))));
    pass(loop);
    call.begun.wait();
  }
  EXPECT_EQ(call.seen.alive, 0);
  EXPECT_EQ(call.results.made, 0);
  call.release.open();
  call.pool.shutdown();
  EXPECT_EQ(call.results.made, 1);
  EXPECT_EQ(call.results.alive, 0);
}

TEST(task_cancel_threads, leaves_a_running_call_its_arguments_when_the_frame_that_gave_them_is_gone) {
  ledger seen;
  gate begun;
  gate release;
  std::string read;
  thread_pool_executor pool(thread_pool_options{.max_workers = 1});
  event_loop loop;
  const auto gives_its_local = [](thread_pool_executor& where, gate& began, gate& go_on, std::string& into,
                                  witness) -> task<void> {
    const std::string local = "a local variable, too long to be kept in place";
    const auto reads = [&](const std::string& argument) {
      began.open();
      go_on.wait();
      into = argument;
    };
    auto call = where.submit(reads, local);
    co_await call;
  };
  const auto handle = loop.create_task(gives_its_local(pool, begun, release, read, witness(seen)));
  pass(loop);
  begun.wait();
  handle.cancel();
  EXPECT_EQ(message_of<cancelled_error>([&] { loop.run_until_complete(handle); }), "cancelled");
  EXPECT_EQ(seen.alive, 0);
  release.open();
  pool.shutdown();
  EXPECT_EQ(read, "a local variable, too long to be kept in place");
}

TEST(task_cancel_threads, in_a_group_drops_the_pending_call_that_a_child_awaits) {
  std::atomic<bool> ran = false;
  busy_pool busy;
  event_loop loop;
  const auto call = busy.pool.submit([&ran] { ran = true; });
  const auto awaits_call = [](future<void> awaited) -> task<void> { co_await awaited; };
  const auto fails = []() -> task<void> {
    co_await sleep(0s);
    throw std::runtime_error("a sibling");
  };
  EXPECT_THROW(loop.run_until_complete(with_task_group([&](task_group& g) {
    g.create_task(awaits_call(call));
    g.create_task(fails());
  })),
               exception_group);
  EXPECT_TRUE(call.cancelled());
  busy.release.open();
  busy.pool.shutdown();
  EXPECT_FALSE(ran);
}

TEST(task_cancel_threads, races_the_end_of_the_call_that_it_awaits) {
  ledger seen;
  ledger results;
  for (int i = 0; i < 300; ++i) {
    thread_pool_executor pool(thread_pool_options{.max_workers = 2});
    event_loop loop;
    auto call = pool.submit([&results] { return result(results); });
    const auto handle = loop.create_task(awaits_anywhere(std::move(call), witness(seen)));
    if (i % 2 == 0) pass(loop);
    const auto canceller = pool.submit([&handle] { handle.cancel(); });
    try {
      loop.run_until_complete(handle);
    } catch (const cancelled_error&) {
    }
    canceller.result();
    EXPECT_TRUE(handle.done());
  }
  EXPECT_EQ(seen.alive, 0);
  EXPECT_EQ(results.alive, 0);
}

task<int> blocks_its_loop(counter* begun, const gate* held) {
  begun->add();
  held->wait();
  co_return 7;
}
task<int> awaits_of_another_loop(task_handle<int> other) {
  const int value = co_await other;
  co_return value;
}

// The request is a message to the other loop, which has ended the task when it comes to it.
TEST(task_cancel_threads, that_reaches_an_awaited_task_of_another_loop_too_late_comes_out_at_the_await) {
  counter begun;
  gate held;
  event_loop other_loop;
  const auto other = other_loop.create_task(blocks_its_loop(&begun, &held));
  std::thread runs_it([&] { EXPECT_EQ(other_loop.run_until_complete(other), 7); });
  begun.wait_for(1);
  event_loop loop;
  const auto outer = loop.create_task(awaits_of_another_loop(other));
  pass(loop);
  EXPECT_EQ(outer.cancel(), cancel_outcome::asked);
  pass(loop);
  EXPECT_FALSE(outer.done()) << "it waits for what the other makes of it";
  held.open();
  EXPECT_THROW(loop.run_until_complete(outer), cancelled_error);
  runs_it.join();
}

TEST(task_cancel_threads, after_its_loop_is_gone_comes_too_late) {
  ledger seen;
  task_handle<void> handle;
  {
    event_loop loop;
    handle = loop.create_task(awaits_anywhere(sleep(1h), witness(seen)));
  }
  EXPECT_TRUE(handle.cancelled());
  EXPECT_EQ(handle.cancel(), cancel_outcome::too_late);
}

}  // namespace
}  // namespace plait
