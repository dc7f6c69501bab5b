// What a pool of processes may not be made with, and how many calls wait for it.
#include <plait/core/internal/cpus.hpp>

#include <chrono>
#include <stdexcept>

#include "process_pool_fixture_test.hpp"

namespace {

using namespace std::chrono_literals;
using namespace pool_test;

TEST(process_pool_options, that_can_not_be_are_refused_with_name_and_value) {
  const auto refused = [](const plait::process_pool_options& options) {
    return message_of<std::invalid_argument>([&] { process_pool_executor pool(options); });
  };
  EXPECT_EQ(refused({.max_workers = 0}), "plait: max_workers is 0; expected 1 or more");
  EXPECT_EQ(refused({.max_workers = -1}), "plait: max_workers is -1; expected 1 or more");
  EXPECT_EQ(refused({.idle_timeout = -1s}), "plait: idle_timeout is -1 s; expected 0 or more");
  EXPECT_EQ(refused({.max_pending = 0}), "plait: max_pending is 0; expected 1 or more");
  EXPECT_EQ(refused({.max_pending_bytes = 0}), "plait: max_pending_bytes is 0; expected 1 or more");
  EXPECT_EQ(refused({.max_tasks_per_child = 0}), "plait: max_tasks_per_child is 0; expected 1 or more");
  EXPECT_EQ(refused({.worker_memory_limit = 0}), "plait: worker_memory_limit is 0; expected 1 or more bytes");
  EXPECT_EQ(refused({.stop_grace = -1s}), "plait: stop_grace is -1 s; expected 0 or more");
  EXPECT_EQ(refused({.term_grace = -1s}), "plait: term_grace is -1 s; expected 0 or more");
}

TEST(process_pool_options, of_none_are_as_many_workers_as_there_are_cpus) {
  const process_pool_executor pool;
  EXPECT_EQ(pool.max_workers(), plait::detail::usable_cpus());
}

TEST(process_pool_bound, refuses_and_makes_wait) {
  const portable_gate gate;
  process_pool_executor pool({.max_workers = 1, .max_pending = 2});
  auto running = pool.submit(wait_at, gate.path(), 1);
  gate.wait_for(1);
  EXPECT_TRUE(running.running());
  auto first = pool.try_submit(square, 2), second = pool.try_submit(square, 3);
  ASSERT_TRUE(first && second);
  EXPECT_FALSE(pool.try_submit(square, 4));
  EXPECT_EQ(pool.pending(), 2U);
  auto slot = pool.acquire_slot();
  EXPECT_FALSE(slot.done());
  gate.let_through(1);
  EXPECT_EQ(pool.submit(std::move(slot).result(), square, 5).result(), 25);
  EXPECT_EQ(first->result() + second->result(), 4 + 9);
}

TEST(process_pool_bound, a_worker_that_dies_gives_back_its_room) {
  process_pool_executor pool({.max_workers = 1, .max_pending = 1});
  for (int i = 0; i < 10; ++i) death_of(pool.submit(leave_at_once, 1));
  for (int i = 0; i < 10; ++i) EXPECT_EQ(pool.submit(square, i).result(), i * i);
}

TEST(process_pool_bound, by_bytes_counts_what_arguments_hold) {
  const portable_gate gate;
  process_pool_executor pool({.max_workers = 1, .max_pending_bytes = 10'000});
  const auto running = pool.submit(wait_at, gate.path(), 1);
  gate.wait_for(1);
  const auto size = [](const std::string& text) { return text.size(); };
  const auto large = pool.try_submit(size, std::string(1'000'000, 'x'));
  ASSERT_TRUE(large) << "a call larger than the bound is let in alone";
  EXPECT_FALSE(pool.try_submit(size, std::string(10, 'x')));
  EXPECT_EQ(large->cancel(), plait::cancel_outcome::dropped);
  const auto first = pool.try_submit(size, std::string(6'000, 'x'));
  ASSERT_TRUE(first);
  EXPECT_FALSE(pool.try_submit(size, std::string(6'000, 'x')));
  const auto second = pool.try_submit(size, std::string(100, 'x'));
  ASSERT_TRUE(second);
  gate.let_through(1);
  EXPECT_EQ(first->result(), 6'000U);
  EXPECT_EQ(second->result(), 100U);
  EXPECT_EQ(running.result(), 1);
  const auto third = pool.try_submit(size, std::string(9'000, 'x'));
  ASSERT_TRUE(third) << "what has begun holds no room";
  EXPECT_EQ(third->result(), 9'000U);
}

}  // namespace
