// Closing a loop: what waits is dropped, tasks end first, and a closed loop takes nothing.
#include <plait/core/promise.hpp>
#include <plait/loop/event_loop.hpp>
#include <plait/loop/sleep.hpp>
#include <plait/loop/sync_wait.hpp>
#include <plait/threads/thread_pool_executor.hpp>

#include <algorithm>
#include <chrono>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <tests/support/expect_throw.hpp>
#include <tests/support/gate.hpp>
#include <tests/support/recorded_reports.hpp>
#include <tests/support/tasks.hpp>
#include <tests/support/witness.hpp>
#include <unistd.h>

namespace plait {
namespace {

using namespace std::chrono_literals;
using test_support::gate;
using test_support::ledger;
using test_support::message_of;
using test_support::number;
using test_support::recorded_reports;
using test_support::witness;

TEST(event_loop_closing, a_closed_loop_refuses_everything) {
  event_loop loop;
  const promise<int> pending;
  EXPECT_FALSE(loop.is_closed());
  loop.close();
  loop.close();
  EXPECT_TRUE(loop.is_closed());
  const std::string closed = "plait: the event loop is closed";
  const auto error_of = [](auto f) { return message_of<loop_closed_error>(f); };
  EXPECT_EQ(error_of([&] { loop.run_forever(); }), closed);
  EXPECT_EQ(error_of([&] { loop.run_until_complete(number(1)); }), closed);
  EXPECT_EQ(error_of([&] { loop.run_until_complete(pending.get_future()); }), closed);
  EXPECT_EQ(error_of([&] { loop.call_soon([] {}); }), closed);
  EXPECT_EQ(error_of([&] { loop.call_later(1s, [] {}); }), closed);
  EXPECT_EQ(error_of([&] { loop.call_at(loop.time(), [] {}); }), closed);
  EXPECT_EQ(error_of([&] { loop.call_soon_threadsafe([] {}); }),
            "plait: call_soon_threadsafe on an event loop that is closed");
  EXPECT_EQ(error_of([&] { static_cast<void>(loop.create_task(number(1))); }), closed);
  EXPECT_EQ(error_of([&] { static_cast<void>(loop.run_in_executor([] {})); }), closed);
  thread_pool_executor pool(thread_pool_options{.max_workers = 1});
  EXPECT_EQ(error_of([&] { static_cast<void>(loop.run_in_executor(pool, [] {})); }), closed);
  EXPECT_EQ(error_of([&] { static_cast<void>(loop.default_executor()); }), closed);
  EXPECT_EQ(error_of([&] { loop.set_default_executor(std::make_shared<thread_pool_executor>()); }), closed);
  EXPECT_EQ(error_of([&] { static_cast<void>(loop.shutdown_default_executor()); }), closed);
}

TEST(event_loop_closing, refused_callbacks_free_what_they_hold) {
  ledger seen;
  event_loop loop;
  loop.close();
  EXPECT_THROW(loop.call_soon([held = witness(seen)] {}), loop_closed_error);
  EXPECT_THROW(loop.call_later(1s, [held = witness(seen)] {}), loop_closed_error);
  EXPECT_THROW(loop.call_soon_threadsafe([held = witness(seen)] {}), loop_closed_error);
  EXPECT_EQ(seen.made, 3);
  EXPECT_EQ(seen.alive, 0);
}

TEST(event_loop_closing, callbacks_that_wait_are_dropped_with_what_they_hold) {
  ledger seen;
  bool called = false;
  event_loop loop;
  loop.call_soon([held = witness(seen), &called] { called = true; });
  loop.call_later(1h, [held = witness(seen), &called] { called = true; });
  loop.call_later(0s, [held = witness(seen), &called] { called = true; });
  loop.call_soon_threadsafe([held = witness(seen), &called] { called = true; });
  const auto kept = loop.call_soon([held = witness(seen), &called] { called = true; });
  EXPECT_EQ(seen.alive, 5);
  loop.close();
  EXPECT_EQ(seen.alive, 1);  // by its handle
  EXPECT_FALSE(called);
}

TEST(event_loop_closing, refused_while_it_runs) {
  event_loop loop;
  std::string what;
  loop.call_soon([&] {
    what = message_of<invalid_state_error>([&] { loop.close(); });
    loop.stop();
  });
  loop.run_forever();
  EXPECT_EQ(what, "plait: close() of an event loop that is running; stop it first");
  EXPECT_FALSE(loop.is_closed());
}

task<void> never_ends(witness, future<int> pending, std::vector<std::string>* log) {
  try {
    co_await pending;
  } catch (const cancelled_error&) {
    log->emplace_back("cancelled");
    throw;
  }
}

task<void> needs_time_to_end(std::vector<std::string>* log) {
  bool told = false;
  try {
    co_await sleep(1h);
  } catch (const cancelled_error&) {
    told = true;
  }
  for (int i = 0; i < 3; ++i) co_await sleep(1ns);
  if (told) log->emplace_back("ended in its own time");
}

task<void> starts_another(event_loop& loop, std::vector<std::string>* log) {
  bool told = false;
  try {
    co_await sleep(1h);
  } catch (const cancelled_error&) {
    told = true;
  }
  const auto other = loop.create_task(needs_time_to_end(log));
  for (int i = 0; i < 3; ++i) co_await sleep(0s);
  if (told && other.cancelled()) log->emplace_back("one that was made while closing never began");
}

TEST(event_loop_closing, tasks_are_cancelled_and_run_to_their_end) {
  ledger seen;
  std::vector<std::string> log;
  const promise<int> pending;
  bool ran = false;
  {
    event_loop loop;
    static_cast<void>(loop.create_task(never_ends(witness(seen), pending.get_future(), &log)));
    static_cast<void>(loop.create_task(needs_time_to_end(&log)));
    static_cast<void>(loop.create_task(starts_another(loop, &log)));
    loop.stop();
    loop.run_forever();
    const auto not_begun = loop.create_task([](bool* flag) -> task<void> {
      *flag = true;
      co_return;
    }(&ran));
    EXPECT_EQ(seen.alive, 1);
    loop.close();
    EXPECT_EQ(seen.alive, 0);
    EXPECT_TRUE(not_begun.cancelled());
  }
  EXPECT_FALSE(ran);
  // The last two each take three passes, of which those with a time may come a pass later.
  ASSERT_EQ(log.size(), 3U);
  EXPECT_EQ(log[0], "cancelled");
  std::ranges::sort(log);
  EXPECT_EQ(log[1], "ended in its own time");
  EXPECT_EQ(log[2], "one that was made while closing never began");
  EXPECT_TRUE(pending.get_future().cancelled());
}

task<void> throws_once_cancelled() {
  try {
    co_await sleep(1h);
  } catch (const cancelled_error&) {
    throw std::runtime_error("at the end");
  }
}

TEST(event_loop_closing, what_tasks_throw_then_is_reported_and_in_their_handles) {
  const recorded_reports reports;
  event_loop loop;
  const auto handle = loop.create_task(throws_once_cancelled(), "stubborn");
  loop.stop();
  loop.run_forever();
  loop.close();
  EXPECT_EQ(message_of<std::runtime_error>([&] { handle.result(); }), "at the end");
  EXPECT_EQ(recorded_reports::text(),
            "the task \"stubborn\" that was cancelled at the end of its loop threw std::runtime_error: at the end\n");
}

TEST(event_loop_closing, what_threads_post_meanwhile_is_run_dropped_or_refused) {
  for (int round = 0; round < 50; ++round) {
    ledger seen;
    event_loop loop;
    gate begun;
    std::vector<std::thread> posters;
    for (int t = 0; t < 3; ++t) {
      posters.emplace_back([&] {
        begun.open();
        try {
          for (int i = 0; i < 1'000; ++i) loop.call_soon_threadsafe([held = witness(seen)] {});
        } catch (const loop_closed_error&) {
        }
      });
    }
    begun.wait();
    loop.stop();
    loop.run_forever();
    loop.close();
    for (auto& poster : posters) poster.join();
    EXPECT_EQ(seen.alive, 0);
    EXPECT_GT(seen.made, 0);
  }
}

task<bool> closes_another() {
  bool ran = false;
  {
    event_loop other;
    static_cast<void>(other.create_task([](bool* flag) -> task<void> {
      *flag = true;
      co_return;
    }(&ran)));
    other.call_soon([] {});
  }
  co_await sleep(0s);  // this loop is still this thread's
  co_return ran;
}

TEST(event_loop_closing, a_loop_is_destroyed_inside_another) { EXPECT_FALSE(sync_wait(closes_another())); }

/// While it lives, this process may open no descriptor beyond `count` more.
class few_descriptors {
 public:
  explicit few_descriptors(int count) {
    getrlimit(RLIMIT_NOFILE, &before_);
    // The lowest free numbers are taken first: fill the holes, so that the limit says how many more there are.
    int last = open("/dev/null", O_RDONLY | O_CLOEXEC);
    for (int next = 0; (next = open("/dev/null", O_RDONLY | O_CLOEXEC)) > last + 1; last = next)
      fillers_.push_back(last);
    fillers_.push_back(last);
    close(last + 1);
    rlimit low = before_;
    low.rlim_cur = static_cast<rlim_t>(last + 1 + count);
    setrlimit(RLIMIT_NOFILE, &low);
  }
  few_descriptors(const few_descriptors&) = delete;
  few_descriptors& operator=(const few_descriptors&) = delete;
  ~few_descriptors() {
    setrlimit(RLIMIT_NOFILE, &before_);
    for (const int filler : fillers_) close(filler);
  }

 private:
  rlimit before_{};
  std::vector<int> fillers_;
};

// Looked at when there are descriptors again: a sanitizer needs some to look at an exception.
std::string error_with(int descriptors) {
  std::exception_ptr error;
  try {
    const few_descriptors limited(descriptors);
    const event_loop loop;
  } catch (...) {
    error = std::current_exception();
  }
  return test_support::message_in<std::system_error>(error);
}

TEST(event_loop_descriptors, none_left_names_the_call) {
  EXPECT_EQ(error_with(0), "plait: event_loop: epoll_create1: Too many open files");
  EXPECT_EQ(error_with(1), "plait: event_loop: eventfd: Too many open files");
  EXPECT_EQ(error_with(1), "plait: event_loop: eventfd: Too many open files");  // the one that it got was given back
  EXPECT_EQ(error_with(2), "(no exception)");
}

}  // namespace
}  // namespace plait
