// Backpressure: bounds by count and by bytes, slots, who waits and who is refused; for every executor.
#include <plait/executor/executor_contract_test.hpp>
#include <plait/loop/event_loop.hpp>

#include <chrono>
#include <future>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <tests/support/gate.hpp>

namespace {

using namespace std::chrono_literals;
using namespace executor_contract;
using test_support::message_of;
using test_support::portable_gate;
using testing::HasSubstr;

class executor_bound : public contract {
 protected:
  /// An executor with one worker, which is held, and room for `bound` calls.
  struct held_executor {
    explicit held_executor(std::size_t bound) : pool(make({.max_workers = 1, .max_pending = bound})) {
      running = pool->submit(through_gate, gate.path(), -1);
      gate.wait_for(1);
    }
    void let_go() {
      gate.let_through(1);
      running.result();
    }
    portable_gate gate;
    std::unique_ptr<plait::executor> pool;
    plait::future<int> running;
  };
};
PLAIT_FOR_EACH_EXECUTOR(executor_bound);

TEST_P(executor_bound, try_submit_refuses_when_full_and_takes_again_when_not) {
  held_executor held(2);
  auto first = held.pool->try_submit(square, 1);
  auto second = held.pool->try_submit(square, 2);
  EXPECT_TRUE(first && second);
  EXPECT_FALSE(held.pool->try_submit(square, 3));
  EXPECT_EQ(second->cancel(), plait::cancel_outcome::dropped);
  auto third = held.pool->try_submit({.name = "third"}, square, 3);
  ASSERT_TRUE(third) << "a cancelled call has made room";
  held.let_go();
  EXPECT_EQ(first->result(), 1);
  EXPECT_EQ(third->result(), 9);
}

TEST_P(executor_bound, without_a_bound_there_is_always_room) {
  const auto pool = make();
  EXPECT_TRUE(pool->try_submit(square, 1));
  auto room = pool->acquire_slot();
  EXPECT_TRUE(room.done());
  EXPECT_EQ(pool->submit(std::move(room).result(), square, 3).result(), 9);
}

TEST_P(executor_bound, submit_waits_for_room) {
  held_executor held(1);
  auto queued = held.pool->submit(square, 1);
  std::atomic<bool> submitted{false};
  std::thread submitting([&] {
    auto f = held.pool->submit(square, 2);
    submitted = true;
    EXPECT_EQ(f.result(), 4);
  });
  EXPECT_FALSE(held.pool->try_submit(square, 3));
  EXPECT_FALSE(submitted);
  held.let_go();
  submitting.join();
  EXPECT_EQ(queued.result(), 1);
}

TEST_P(executor_bound, on_a_running_loops_thread_submit_throws_instead) {
  held_executor held(1);
  auto queued = held.pool->submit(square, 1);
  plait::event_loop loop;
  loop.call_soon([&] {
    EXPECT_THAT(message_of<plait::queue_full>([&] { return held.pool->submit(square, 2); }),
                HasSubstr("co_await executor.acquire_slot()"));
    EXPECT_FALSE(held.pool->try_submit(square, 2));
    loop.stop();
  });
  loop.run_forever();
  held.let_go();
  EXPECT_EQ(queued.result(), 1);
  EXPECT_EQ(held.pool->submit(square, 3).result(), 9);
}

TEST_P(executor_bound, on_a_loop_a_slot_is_awaited) {
  held_executor held(1);
  auto queued = held.pool->submit(square, 1);
  auto body = [](plait::executor& pool) -> plait::task<int> {
    auto room = co_await pool.acquire_slot();
    const int result = co_await pool.submit(std::move(room), square, 6);
    co_return result;
  };
  plait::event_loop loop;
  loop.call_later(1ms, [&] { held.gate.let_through(1); });
  EXPECT_EQ(loop.run_until_complete(body(*held.pool)), 36);
}

// ── slots ──

TEST_P(executor_bound, a_slot_is_room_that_nobody_else_gets) {
  held_executor held(1);
  {
    auto room = held.pool->acquire_slot().result();
    EXPECT_FALSE(held.pool->try_submit(square, 1));
    auto f = held.pool->submit(std::move(room), {.name = "mine"}, square, 2);
    EXPECT_FALSE(held.pool->try_submit(square, 1));
    held.let_go();
    EXPECT_EQ(f.result(), 4);
  }
  EXPECT_TRUE(held.pool->try_submit(square, 1));
}

TEST_P(executor_bound, a_slot_that_is_not_used_gives_its_room_back) {
  held_executor held(1);
  {
    const auto room = held.pool->acquire_slot().result();
  }
  auto next = held.pool->acquire_slot();
  EXPECT_TRUE(next.done());
  held.let_go();
}

TEST_P(executor_bound, who_waits_longest_gets_the_room) {
  held_executor held(1);
  auto taken = held.pool->acquire_slot().result();
  std::vector<plait::future<plait::slot>> waiting;
  for (int i = 0; i < 3; ++i) waiting.push_back(held.pool->acquire_slot());
  for (int i = 0; i < 3; ++i) {
    EXPECT_FALSE(held.pool->try_submit(square, 1)) << "nobody overtakes";
    taken = {};  // gives it back
    ASSERT_TRUE(waiting[i].done()) << i;
    for (int later = i + 1; later < 3; ++later) EXPECT_FALSE(waiting[later].done());
    taken = std::move(waiting[i]).result();
  }
  held.let_go();
}

TEST_P(executor_bound, a_waiter_that_gives_up_loses_no_room) {
  held_executor held(1);
  auto taken = held.pool->acquire_slot().result();
  auto first = held.pool->acquire_slot();
  auto second = held.pool->acquire_slot();
  EXPECT_EQ(first.cancel(), plait::cancel_outcome::dropped);
  taken = {};
  ASSERT_TRUE(second.done());
  second = {};  // dropped with its room in it
  EXPECT_TRUE(held.pool->acquire_slot().done());
  held.let_go();
}

TEST_P(executor_bound, a_task_that_goes_away_while_it_waits_loses_no_room) {
  held_executor held(1);
  auto taken = held.pool->acquire_slot().result();
  auto body = [](plait::executor& pool) -> plait::task<void> {
    auto room = co_await pool.acquire_slot();
    ADD_FAILURE() << "it was cancelled before there was room";
  };
  plait::event_loop loop;
  auto waiting = loop.create_task(body(*held.pool));
  loop.call_soon([&] { waiting.cancel(); });
  EXPECT_THROW(loop.run_until_complete(waiting), plait::cancelled_error);
  taken = {};
  EXPECT_TRUE(held.pool->try_submit(square, 1));
  held.let_go();
}

TEST_P(executor_bound, another_executors_slot_is_refused_and_so_is_an_empty_one) {
  held_executor held(1);
  const auto other = make({.max_workers = 1, .max_pending = 1});
  auto room = other->acquire_slot().result();
  EXPECT_EQ(message_of<std::invalid_argument>([&] { return held.pool->submit(std::move(room), square, 1); }),
            "plait: room is a slot of another executor; expected a slot of this executor");
  EXPECT_EQ(message_of<std::invalid_argument>([&] { return held.pool->submit(plait::slot(), square, 1); }),
            "plait: room is an empty slot; expected a slot of this executor");
  EXPECT_TRUE(other->acquire_slot().done()) << "the refused slot gave its room back";
  held.let_go();
}

TEST_P(executor_bound, a_slot_may_outlive_its_executor) {
  plait::slot room;
  {
    const auto pool = make({.max_workers = 1, .max_pending = 1});
    room = pool->acquire_slot().result();
  }
  EXPECT_TRUE(static_cast<bool>(room.room()));
}

// ── the end ──

TEST_P(executor_bound, shutdown_tells_who_waits_for_room) {
  held_executor held(1);
  auto queued = held.pool->submit(square, 1);
  auto waiting = held.pool->acquire_slot();
  std::thread submitting([&] { EXPECT_THROW(held.pool->submit(square, 2), plait::shut_down_error); });
  EXPECT_FALSE(held.pool->shutdown(plait::shutdown_mode::drain, 0s));
  EXPECT_EQ(message_of<plait::shut_down_error>([&] { static_cast<void>(waiting.result()); }),
            "plait: the executor was shut down");
  submitting.join();
  held.let_go();
  EXPECT_EQ(queued.result(), 1);
}

TEST_P(executor_bound, many_threads_and_slots_lose_no_room) {
  const auto pool = make({.max_workers = 2, .max_pending = 3});
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 200; ++i) {
        if (i % 4 == t) {
          auto waiting = pool->acquire_slot();
          waiting.cancel();
        } else if (i % 2) {
          auto f = pool->submit(square, i);
          if (i % 5 == 0) f.cancel();
        } else {
          pool->submit(pool->acquire_slot().result(), square, i).result();
        }
      }
    });
  for (auto& thread : threads) thread.join();
  std::vector<plait::slot> all;
  for (int i = 0; i < 3; ++i) all.push_back(pool->acquire_slot().result());  // hangs where one was lost
  EXPECT_FALSE(pool->acquire_slot().done());
}

}  // namespace
