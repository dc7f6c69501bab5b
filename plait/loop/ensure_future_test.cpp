// ensure_future, any_futures, and wait on what they take: tasks, handles, futures of every executor, other
// awaitables.
#include <plait/core/promise.hpp>
#include <plait/loop/as_completed.hpp>
#include <plait/loop/ensure_future.hpp>
#include <plait/loop/event_loop.hpp>
#include <plait/loop/gather.hpp>
#include <plait/loop/shield.hpp>
#include <plait/loop/sleep.hpp>
#include <plait/loop/sync_wait.hpp>
#include <plait/loop/wait.hpp>
#include <plait/processes/process_pool_executor.hpp>
#include <plait/threads/thread_pool_executor.hpp>

#include <coroutine>
#include <string>
#include <tuple>
#include <vector>

#include <gtest/gtest.h>
#include <tests/support/expect_throw.hpp>
#include <tests/support/tasks.hpp>

namespace plait {
namespace {

using namespace std::chrono_literals;
using test_support::message_of;
using test_support::number_later;

/// Awaited by a free operator co_await.
struct foreign_number {
  int n;
};
struct foreign_awaiter {
  int n;
  [[nodiscard]] bool await_ready() const noexcept { return true; }
  void await_suspend(std::coroutine_handle<>) const noexcept {}
  [[nodiscard]] int await_resume() const noexcept { return n; }
};
foreign_awaiter operator co_await(const foreign_number& f) { return {f.n}; }

static_assert(std::same_as<decltype(ensure_future(std::declval<future<int>&>())), future<int>>);
static_assert(std::same_as<decltype(ensure_future(std::declval<task_handle<void>>())), future<void>>);
static_assert(std::same_as<decltype(ensure_future(std::declval<task<std::string>>())), future<std::string>>);
static_assert(std::same_as<decltype(ensure_future(std::declval<any_future>())), any_future>);
static_assert(std::same_as<decltype(ensure_future(sleep(1s))), future<void>>);
static_assert(std::same_as<decltype(ensure_future(foreign_number{1})), future<int>>);
static_assert(std::same_as<decltype(ensure_future(foreign_awaiter{1})), future<int>>);
static_assert(!awaitable<task<int>&>);  // it has to be given away
static_assert(!awaitable<int>);
static_assert(!awaitable<std::vector<future<int>>>);
static_assert(!awaitable_range<std::vector<task<int>>&>);
static_assert(awaitable_range<std::vector<task<int>>>);

task<std::vector<int>> ensures_each_kind() {
  auto& loop = get_running_loop();
  const auto handle = loop.create_task(number_later(2));
  std::vector<future<int>> all{ensure_future(number_later(1)), ensure_future(handle),
                               ensure_future(foreign_number{3}), ensure_future(handle.future())};
  auto results = co_await gather(std::move(all));
  co_return results;
}

TEST(ensure_future, makes_a_future_of_each_kind) {
  EXPECT_EQ(sync_wait(ensures_each_kind()), (std::vector{1, 2, 3, 2}));
}

TEST(ensure_future, needs_a_loop_where_something_is_to_be_started) {
  EXPECT_THROW(static_cast<void>(ensure_future(number_later(1))), no_running_loop_error);
  EXPECT_THROW(static_cast<void>(ensure_future(sleep(1s))), no_running_loop_error);
  EXPECT_THROW(static_cast<void>(ensure_future(future<int>())), invalid_state_error);
}

task<std::vector<int>> waits_for_tasks() {
  std::vector<task<int>> tasks;
  for (int i = 0; i < 3; ++i) tasks.push_back(number_later(i));
  const auto [done, pending] = co_await wait(std::move(tasks));
  std::vector<int> results;
  for (const auto& f : done) results.push_back(f.result());
  co_return results;
}

TEST(wait, starts_tasks) { EXPECT_EQ(sync_wait(waits_for_tasks()), (std::vector{0, 1, 2})); }

TEST(wait, for_all_of_a_hundred_thousand) {
  constexpr std::size_t count = 100'000;
  std::vector<promise<int>> promises(count);
  std::vector<future<int>> fs;
  for (const auto& p : promises) fs.push_back(p.get_future());
  const auto waits = [](std::vector<future<int>> all) -> task<std::size_t> {
    const auto result = co_await wait(all);
    co_return result.done.size();
  };
  event_loop loop;
  const auto waiter = loop.create_task(waits(fs));
  loop.call_soon([&] {
    for (auto& p : promises) p.set_value(1);
  });
  EXPECT_EQ(loop.run_until_complete(waiter), count);
}

// ── futures of executors ──

int square(int n) { return n * n; }

using squares = std::tuple<int, int, int>;

task<squares> gathers_from(executor& pool) {
  auto results = co_await gather(pool.submit(square, 2), number_later(3), pool.submit(square, 4));
  co_return results;
}
task<int> takes_from(executor& pool) {
  std::vector<future<int>> fs;
  for (int i = 0; i < 5; ++i) fs.push_back(pool.submit(square, i));
  auto it = as_completed(fs);
  int sum = 0;
  while (auto f = co_await it.next()) sum += f->result();
  co_return sum;
}
task<std::size_t> waits_for_a_mix_from(executor& pool) {
  auto mix = any_futures(pool.submit(square, 1), number_later(2), sleep(0s));
  const auto [done, pending] = co_await wait(mix);
  co_return done.size();
}
task<int> shields_from(executor& pool) {
  auto given = pool.submit(square, 5);
  const int n = co_await shield(std::move(given));
  co_return n;
}

void take_futures_of(executor& pool) {
  EXPECT_EQ(sync_wait(gathers_from(pool)), squares(4, 3, 16));
  EXPECT_EQ(sync_wait(takes_from(pool)), 30);
  EXPECT_EQ(sync_wait(waits_for_a_mix_from(pool)), 3U);
  EXPECT_EQ(sync_wait(shields_from(pool)), 25);
}

TEST(waiting, takes_futures_of_threads) {
  thread_pool_executor pool(thread_pool_options{.max_workers = 2});
  take_futures_of(pool);
}

TEST(waiting, takes_futures_of_processes) {
  process_pool_executor pool(process_pool_options{.max_workers = 2});
  take_futures_of(pool);
}

/// Off the loop, of calls that a loop had submitted: a thread has to be told that they are wanted.
TEST(waiting, blocks_for_calls_in_processes_that_a_loop_that_is_gone_submitted) {
  process_pool_executor pool(process_pool_options{.max_workers = 2});
  const auto submits = [](executor* to) -> task<std::vector<future<int>>> {
    std::vector<future<int>> fs;
    for (int i = 0; i < 4; ++i) fs.push_back(to->submit(square, i));
    co_return fs;
  };
  event_loop loop;
  EXPECT_EQ(gather(loop.run_until_complete(submits(&pool))).result(), (std::vector{0, 1, 4, 9}));
  int sum = 0;
  for (const auto& f : as_completed(loop.run_until_complete(submits(&pool)))) sum += f.result();
  EXPECT_EQ(sum, 14);
}

}  // namespace
}  // namespace plait
