// What threads can do with a call that a process could not: take and give anything, by reference and by move; and
// what a call keeps alive.
#include <plait/core/any_future.hpp>
#include <plait/core/thread_name.hpp>
#include <plait/threads/thread_pool_executor.hpp>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <type_traits>

#include <gtest/gtest.h>
#include <tests/support/gate.hpp>

namespace {

using namespace std::chrono_literals;
using plait::thread_pool_executor;
using test_support::gate;

TEST(thread_call, takes_what_can_only_be_moved) {
  thread_pool_executor pool;
  auto argument = std::make_unique<int>(3);
  auto work = [held = std::make_unique<int>(4)](std::unique_ptr<int> given) {
    return std::make_unique<int>(*held * *given);
  };
  auto f = pool.submit(std::move(work), std::move(argument));
  EXPECT_EQ(*f.result(), 12);
  const std::unique_ptr<int> taken = std::move(f).result();
  EXPECT_EQ(*taken, 12);
}

TEST(thread_call, takes_references_by_std_ref_and_member_functions) {
  struct account {
    int balance = 1;
    int add(int amount) { return balance += amount; }
  };
  thread_pool_executor pool;
  account mine;
  EXPECT_EQ(pool.submit(&account::add, std::ref(mine), 5).result(), 6);
  EXPECT_EQ(mine.balance, 6);
  static_assert(std::is_same_v<decltype(pool.submit([](int& n) -> int& { return n; }, std::ref(mine.balance))),
                               plait::future<int>>);
}

TEST(thread_call, a_call_that_ran_keeps_neither_its_arguments_nor_its_callable) {
  thread_pool_executor pool({.max_workers = 1});
  auto object = std::make_shared<int>(1);
  const std::weak_ptr<int> watched = object;
  auto work = [held = object](const std::shared_ptr<int>& given) { return *held + *given; };
  auto returns = pool.submit(work, object);
  auto throws = pool.submit([](const std::shared_ptr<int>&) { throw std::runtime_error("x"); }, object);
  auto retried = pool.submit({.retries = 1, .retry_on = &plait::retry_on<std::exception>}, work, object);
  auto gave_way = pool.submit([](const std::shared_ptr<int>&) { throw plait::cancelled_error(); }, object);
  {
    const auto gone = std::move(work);
  }
  object.reset();
  for (const plait::any_future& f : {plait::any_future(returns), plait::any_future(throws),
                                     plait::any_future(retried), plait::any_future(gave_way)})
    while (!f.done()) std::this_thread::yield();
  EXPECT_TRUE(watched.expired());
  EXPECT_EQ(returns.result(), 2);
}

TEST(thread_call, a_call_that_was_dropped_keeps_its_arguments_neither) {
  thread_pool_executor pool({.max_workers = 1});
  gate release;
  auto running = pool.submit([&] { release.wait(); });
  auto object = std::make_shared<int>(1);
  const std::weak_ptr<int> watched = object;
  auto cancelled = pool.submit([](const std::shared_ptr<int>&) {}, object);
  auto late = pool.submit({.timeout = 1ms}, [](const std::shared_ptr<int>&) {}, std::move(object));
  EXPECT_EQ(cancelled.cancel(), plait::cancel_outcome::dropped);
  EXPECT_THROW(late.result(), plait::timeout_error);
  while (!watched.expired()) std::this_thread::yield();  // the alarm may be letting go of it at this moment
  release.open();
}

TEST(thread_call, is_not_run_again_after_its_deadline) {
  thread_pool_executor pool({.max_workers = 1});
  gate release;
  std::atomic<int> attempts{0};
  const auto fails = [&] {
    ++attempts;
    release.wait();
    throw std::runtime_error("x");
  };
  auto f = pool.submit({.timeout = 20ms, .retries = 5, .retry_on = &plait::retry_on<std::exception>}, fails);
  EXPECT_THROW(f.result(), plait::timeout_error);
  release.open();
  pool.shutdown();
  EXPECT_LE(attempts, 1) << "none where the machine was too slow to start it in time";
}

TEST(thread_call, a_result_that_nobody_wants_is_destroyed_when_the_call_ends) {
  thread_pool_executor pool({.max_workers = 1});
  auto object = std::make_shared<int>(1);
  const std::weak_ptr<int> watched = object;
  static_cast<void>(pool.submit([](std::shared_ptr<int> given) { return given; }, std::move(object)));
  pool.submit([] {}).result();
  EXPECT_TRUE(watched.expired());
}

TEST(thread_call, a_call_that_can_not_be_asked_is_abandoned_and_keeps_its_result) {
  thread_pool_executor pool({.max_workers = 1});
  gate started, release;
  const auto work = [&] {
    started.open();
    release.wait();
    return 5;
  };
  auto f = pool.submit(work);
  started.wait();
  EXPECT_EQ(f.cancel(), plait::cancel_outcome::abandoned);
  EXPECT_FALSE(f.done());
  release.open();
  EXPECT_EQ(f.result(), 5);
}

TEST(thread_call, a_done_callback_runs_on_the_worker_that_completes) {
  thread_pool_executor pool({.max_workers = 1, .thread_name_prefix = "w"});
  gate release;
  std::string where;
  auto f = pool.submit([&] { release.wait(); });
  f.add_done_callback([&](const plait::future<void>&) { where = plait::thread_name(); });
  release.open();
  pool.shutdown();
  EXPECT_EQ(where, "w_0");
}

}  // namespace
