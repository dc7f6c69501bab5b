// Tasks that other threads start on a loop.
#include <plait/loop/event_loop.hpp>
#include <plait/loop/run_coroutine_threadsafe.hpp>
#include <plait/loop/sleep.hpp>

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <tests/support/expect_throw.hpp>
#include <tests/support/gate.hpp>
#include <tests/support/tasks.hpp>
#include <tests/support/witness.hpp>

namespace plait {
namespace {

using namespace std::chrono_literals;
using test_support::fails;
using test_support::gate;
using test_support::ledger;
using test_support::message_of;
using test_support::witness;

/// A loop that runs on a thread of its own.
class loop_elsewhere {
 public:
  loop_elsewhere() : thread_([this] { loop.run_forever(); }) {}
  ~loop_elsewhere() {
    loop.call_soon_threadsafe([this] { loop.stop(); });
    thread_.join();
  }
  event_loop loop;
  [[nodiscard]] std::thread::id id() const { return thread_.get_id(); }

 private:
  std::thread thread_;
};

task<std::thread::id> says_where() {
  co_await sleep(0s);
  co_return std::this_thread::get_id();
}
task<std::unique_ptr<int>> gives_move_only(int n) { co_return std::make_unique<int>(n); }
task<void> waits(gate* started, std::atomic<bool>* told) {
  started->open();
  try {
    co_await sleep(1h);
  } catch (const cancelled_error&) {
    *told = true;
    throw;
  }
}
task<void> must_not_run(witness) {
  ADD_FAILURE() << "it ran";
  co_return;
}

TEST(run_coroutine_threadsafe, runs_the_task_on_the_loops_thread) {
  loop_elsewhere there;
  EXPECT_EQ(run_coroutine_threadsafe(says_where(), there.loop).result(), there.id());
}

TEST(run_coroutine_threadsafe, gives_a_result_that_can_only_be_moved) {
  loop_elsewhere there;
  EXPECT_EQ(*run_coroutine_threadsafe(gives_move_only(7), there.loop).result(), 7);
}

TEST(run_coroutine_threadsafe, gives_what_the_task_threw) {
  loop_elsewhere there;
  const auto failed = run_coroutine_threadsafe(fails(), there.loop, "named");
  EXPECT_EQ(message_of<std::runtime_error>([&] { failed.result(); }), "of the task");
  EXPECT_EQ(failed.name(), "named");
}

TEST(run_coroutine_threadsafe, cancelling_the_future_cancels_the_task) {
  loop_elsewhere there;
  gate started;
  std::atomic<bool> told = false;
  const auto waiting = run_coroutine_threadsafe(waits(&started, &told), there.loop);
  started.wait();
  EXPECT_EQ(waiting.cancel(), cancel_outcome::asked);
  EXPECT_THROW(waiting.result(), cancelled_error);
  EXPECT_TRUE(told);
}

TEST(run_coroutine_threadsafe, cancelled_before_it_has_begun_never_begins) {
  ledger seen;
  event_loop loop;
  const auto never = run_coroutine_threadsafe(must_not_run(witness(seen)), loop);
  std::thread([&] { EXPECT_EQ(never.cancel(), cancel_outcome::asked); }).join();
  EXPECT_THROW(loop.run_until_complete(never), cancelled_error);
  EXPECT_EQ(seen.alive, 0);
}

TEST(run_coroutine_threadsafe, waits_for_a_loop_that_does_not_run_yet) {
  event_loop loop;
  future<std::thread::id> where;
  std::thread([&] { where = run_coroutine_threadsafe(says_where(), loop); }).join();
  EXPECT_EQ(loop.run_until_complete(where), std::this_thread::get_id());
}

TEST(run_coroutine_threadsafe, is_cancelled_where_the_loop_closes_before_it_began) {
  ledger seen;
  event_loop loop;
  const auto never = run_coroutine_threadsafe(must_not_run(witness(seen)), loop);
  loop.close();
  EXPECT_TRUE(never.cancelled());
  EXPECT_EQ(seen.alive, 0);
}

TEST(run_coroutine_threadsafe, on_a_closed_loop_is_an_error) {
  ledger seen;
  event_loop loop;
  loop.close();
  EXPECT_THROW(static_cast<void>(run_coroutine_threadsafe(must_not_run(witness(seen)), loop)), loop_closed_error);
  EXPECT_EQ(seen.alive, 0);
}

TEST(run_coroutine_threadsafe, of_a_task_that_was_moved_from_is_an_error) {
  event_loop loop;
  auto once = gives_move_only(1);
  const auto moved = std::move(once);
  EXPECT_EQ(
      message_of<invalid_state_error>([&] { static_cast<void>(run_coroutine_threadsafe(std::move(once), loop)); }),
      "plait: run_coroutine_threadsafe of a task that was moved from, awaited or run before");
}

task<int> starts_another_here() {
  auto other = run_coroutine_threadsafe(gives_move_only(3), get_running_loop());
  const auto refused = message_of<invalid_state_error>([&] { static_cast<void>(other.exception()); });
  if (refused.find("co_await") == std::string::npos) co_return -1;
  const auto got = co_await std::move(other);
  co_return *got;
}

TEST(run_coroutine_threadsafe, works_on_the_loops_own_thread) {
  event_loop loop;
  EXPECT_EQ(loop.run_until_complete(starts_another_here()), 3);
}

task<int> counts_and_stops_the_loop(std::atomic<int>* runs) {
  co_await sleep(0s);
  get_running_loop().stop();
  co_return ++*runs;
}

void wait_for_end(const future<int>& of) {
  try {
    static_cast<void>(of.result());
  } catch (const cancelled_error&) {
  }
}

// The loop is stopped by the first that runs, and each thread goes on until it is refused: both happen in every
// round.
TEST(run_coroutine_threadsafe, from_many_threads_against_the_end_of_the_loop) {
  constexpr int threads_calling = 3;
  constexpr int at_once = 20;  // then one after the other: close() must come to the end of all that were taken
  for (int round = 0; round < 50; ++round) {
    std::atomic<int> runs = 0;
    std::atomic<int> ended = 0;
    std::atomic<int> wanted = 0;
    std::atomic<int> refused = 0;
    gate go;
    auto loop = std::make_unique<event_loop>();
    std::vector<std::thread> threads;
    for (int t = 0; t < threads_calling; ++t)
      threads.emplace_back([&] {
        go.wait();
        try {
          for (int i = 0;; ++i) {
            const auto one = run_coroutine_threadsafe(counts_and_stops_the_loop(&runs), *loop);
            ++wanted;
            if (i % 3 == 0) static_cast<void>(one.cancel());
            one.add_done_callback([&](const future<int>&) { ++ended; });
            if (i >= at_once) wait_for_end(one);
          }
        } catch (const loop_closed_error&) {
          ++refused;
        }
      });
    go.open();
    loop->run_forever();
    loop->close();
    for (auto& thread : threads) thread.join();
    EXPECT_GT(runs, 0);
    EXPECT_EQ(refused, threads_calling);
    EXPECT_EQ(ended, wanted);
    loop.reset();
  }
}

TEST(run_coroutine_threadsafe, works_from_any_thread_in_debug_mode_too) {
  loop_elsewhere there;
  gate is_set;
  there.loop.call_soon_threadsafe([&] {
    there.loop.set_debug(true);
    is_set.open();
  });
  is_set.wait();
  EXPECT_EQ(*run_coroutine_threadsafe(gives_move_only(3), there.loop).result(), 3);
}

TEST(run_coroutine_threadsafe, that_a_worker_waits_for_is_cancelled_where_its_loop_closes_first) {
  event_loop loop;
  gate sent;
  const auto call = loop.run_in_executor([&] {
    const auto answer = run_coroutine_threadsafe(gives_move_only(1), loop);
    sent.open();
    try {
      static_cast<void>(answer.result());
    } catch (const cancelled_error&) {
      return true;
    }
    return false;
  });
  sent.wait();
  loop.close();
  EXPECT_TRUE(call.result());
}

}  // namespace
}  // namespace plait
