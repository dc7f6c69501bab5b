// A pool that is used, or ended, where one would not think of: on its alarm thread, by a thread-local's destructor,
// in a forked child, with no thread left to watch a deadline.
#include <plait/core/promise.hpp>
#include <plait/loop/event_loop.hpp>
#include <plait/threads/thread_pool_executor.hpp>

#include <chrono>
#include <memory>
#include <string>
#include <system_error>
#include <thread>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <tests/support/expect_throw.hpp>
#include <tests/support/gate.hpp>
#include <unistd.h>

namespace {

using namespace std::chrono_literals;
using plait::shutdown_mode;
using plait::thread_pool_executor;
using test_support::gate;
using test_support::message_of;

/// `told` is called on the alarm clock's thread: of a call that is past its deadline while it waits. Where the
/// deadline comes before the callback is there, it would be told here: then the next call is tried.
template <class Told> plait::future<int> tell_of_deadline(thread_pool_executor& pool, Told told) {
  for (;;) {
    auto late = pool.submit({.timeout = 1ms}, [] { return 1; });
    bool came_before = false;
    late.add_done_callback([&came_before, told, here = std::this_thread::get_id()](const auto&) {
      if (std::this_thread::get_id() == here)
        came_before = true;
      else
        told();
    });
    if (!came_before) return late;
  }
}

TEST(thread_pool_misuse, shutdown_where_a_deadline_is_told_is_refused) {
  thread_pool_executor pool({.max_workers = 1});
  gate release, told;
  std::string refusal;
  auto running = pool.submit([&] { release.wait(); });
  const auto late = tell_of_deadline(pool, [&] {
    refusal = message_of<plait::invalid_state_error>([&] { pool.shutdown(); });
    told.open();
  });
  told.wait();
  release.open();
  EXPECT_NE(refusal.find("own workers"), std::string::npos) << refusal;
}

TEST(thread_pool_misuse, destroyed_where_a_deadline_is_told_it_does_not_wait) {
  auto pool = std::make_unique<thread_pool_executor>(plait::thread_pool_options{.max_workers = 1});
  gate started, release, destroyed;
  auto running = pool->submit([&] {
    started.open();
    release.wait();
  });
  started.wait();  // else it would be cancelled with what waits
  const auto late = tell_of_deadline(*pool, [&] {
    pool.reset();
    destroyed.open();
  });
  destroyed.wait();
  release.open();
  running.result();
  EXPECT_THROW(static_cast<void>(late.result()), plait::timeout_error);
}

/// Submits at the end of the thread that made it.
struct last_wish {
  thread_pool_executor* pool;
  plait::promise<int>* answer;
  ~last_wish() {
    if (pool) static_cast<void>(pool->submit([answer = answer] { answer->set_value(7); }));
  }
};
thread_local last_wish wish{nullptr, nullptr};

TEST(thread_pool_misuse, a_thread_that_was_idle_for_too_long_may_submit_at_its_end) {
  thread_pool_executor pool({.max_workers = 2, .idle_timeout = 0s});
  plait::promise<int> answer;
  pool.submit([&] { wish.pool = &pool, wish.answer = &answer; });
  EXPECT_EQ(answer.get_future().result(), 7);
}

TEST(thread_pool_misuse, in_a_forked_child_shutdown_and_close_are_at_once) {
  thread_pool_executor pool({.max_workers = 1});
  gate started, release;
  auto running = pool.submit([&] {
    started.open();
    release.wait();
  });
  started.wait();
  plait::event_loop loop;
  auto inherited = loop.create_task([]() -> plait::task<void> { co_return; }());

  const pid_t child = fork();
  ASSERT_NE(child, -1);
  if (child == 0) {
    int faults = pool.shutdown() ? 0 : 1;
    if (pool.workers() != 0 || pool.pending() != 0) faults |= 2;
    loop.close();
    _exit(faults);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status)) << status;
  EXPECT_EQ(WEXITSTATUS(status), 0);
  loop.run_until_complete(inherited);
  release.open();
  running.result();
}

}  // namespace
