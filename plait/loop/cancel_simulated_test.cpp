// A waiting task is cancelled, or its wait times out, at the moment at which another thread completes what it waits
// for: it is resumed once, and nobody fires into its frame afterwards (AddressSanitizer judges that).
#if defined(PLAIT_SIMULATED)

#include <plait/core/deadline_awaiter.hpp>
#include <plait/core/promise.hpp>
#include <plait/loop/event_loop.hpp>
#include <plait/loop/sleep.hpp>
#include <plait/loop/wait.hpp>
#include <plait/threads/thread_pool_executor.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <tests/support/walk.hpp>

namespace plait {
namespace {

using namespace std::chrono_literals;
using test_support::must;
using test_support::walk;
using test_support::wander;

task<int> look(future<int> f) { co_return co_await f; }

TEST(cancel_race, cancel_of_the_waiting_task_against_complete) {
  bool seen[2] = {};
  walk({}, [&seen] {
    promise<int> work;
    event_loop loop;
    auto waiting = loop.create_task(look(work.get_future()));
    bool given = true;
    sync::thread other([&] {
      try {
        work.set_value(7);
      } catch (const invalid_state_error&) {
        given = false;  // the task has cancelled it, as far as that could be done
      }
    });
    loop.run_until_complete([](task_handle<int> what) -> task<void> {
      co_await sleep(0s);
      co_await sleep(0s);
      what.cancel();
      try {
        co_await what;
      } catch (const cancelled_error&) {
      }
    }(waiting));
    other.join();
    must(waiting.done(), "not done");
    must(given || waiting.cancelled(), "the task has a value that nobody gave");
    seen[waiting.cancelled()] = true;
  });
  EXPECT_TRUE(seen[0] && seen[1]);
}

TEST(cancel_race, cancel_from_another_thread_against_the_end_of_the_task_and_of_the_loop) {
  bool seen[2] = {};
  const auto body = [&seen] {
    task_handle<int> started;
    std::optional<event_loop> loop(std::in_place);
    started = loop->create_task([]() -> task<int> {
      co_await sleep(0s);
      co_return 7;
    }());
    auto outcome = cancel_outcome::killed;
    sync::thread other([&outcome, copy = started] { outcome = copy.cancel(); });
    try {
      loop->run_until_complete(started);
    } catch (const cancelled_error&) {
    }
    loop.reset();
    must(started.done(), "not done");
    other.join();
    must(outcome == cancel_outcome::asked || outcome == cancel_outcome::too_late, "another outcome");
    must(!started.cancelled() || outcome == cancel_outcome::asked, "cancelled by nobody");
    seen[started.cancelled()] = true;
  };
  if (walk({.max_preemptions = 3}, body)) {
    EXPECT_TRUE(seen[0] && seen[1]);
  }
}

TEST(cancel_race, close_against_complete) {
  walk({}, [] {
    promise<int> work;
    std::optional<event_loop> loop(std::in_place);
    auto waiting = loop->create_task(look(work.get_future()));
    sync::thread other([&] {
      try {
        work.set_value(7);
      } catch (const invalid_state_error&) {
      }
    });
    loop->run_until_complete([]() -> task<void> { co_await sleep(0s); }());
    loop.reset();
    must(waiting.done(), "a task has outlived its loop");
    other.join();
  });
}

TEST(cancel_race, cancel_of_the_waiting_task_against_its_call) {
  walk({.max_preemptions = 1}, [] {
    thread_pool_executor pool({.max_workers = 1});
    sync::atomic<int> runs{0};
    auto call = pool.submit([&] { return runs.fetch_add(1); });
    {
      event_loop loop;
      auto waiting = loop.create_task(look(call));
      loop.run_until_complete([](task_handle<int> what) -> task<void> {
        co_await sleep(0s);
        what.cancel();
      }(waiting));
    }
    pool.shutdown();
    must(call.done() && runs.load() == (call.cancelled() ? 0 : 1), "cancelled and run, or neither");
  });
}

using futures = std::vector<future<int>>;

void wait_against_two_completions(wait_options options, std::size_t at_least) {
  promise<int> works[2];
  const futures both{works[0].get_future(), works[1].get_future()};
  sync::thread first([&] { works[0].set_value(1); });
  sync::thread second([&] { works[1].set_value(2); });
  {
    event_loop loop;
    const auto result = loop.run_until_complete([](futures fs, wait_options how) -> task<wait_result<future<int>>> {
      auto found = co_await wait(fs, how);
      co_await sleep(0s);  // the waits' timer and its other waiters must be gone
      co_return found;
    }(both, options));
    must(result.done.size() + result.pending.size() == 2, "a future was lost");
    must(result.done.size() >= at_least, "came back too early");
  }
  first.join();
  second.join();
}

TEST(wait_race, for_all_against_two_completions) {
  walk({.max_preemptions = 1}, [] { wait_against_two_completions({}, 2); });
  wander(10'000, [] { wait_against_two_completions({}, 2); });
}

TEST(wait_race, for_the_first_against_two_completions) {
  const wait_options first{.return_when = first_completed};
  walk({.max_preemptions = 1}, [=] { wait_against_two_completions(first, 1); });
  wander(10'000, [=] { wait_against_two_completions(first, 1); });
}

TEST(wait_race, with_a_timeout_against_two_completions) {
  const wait_options hasty{.timeout = 1s};
  walk({.max_preemptions = 2, .early_timeouts = true}, [=] { wait_against_two_completions(hasty, 0); });
  wander(10'000, [=] { wait_against_two_completions(hasty, 0); }, {.early_timeouts = true});
}

// The result may be moved out as soon as wait() says that it is there, whatever the other completion is doing.
TEST(wait_race, takes_a_value_that_can_only_be_moved) {
  walk({.max_preemptions = 1}, [] {
    using owner = std::unique_ptr<int>;
    promise<owner> works[2];
    std::vector<future<owner>> both{works[0].get_future(), works[1].get_future()};
    sync::thread first([&] { works[0].set_value(std::make_unique<int>(7)); });
    sync::thread second([&] { works[1].set_value(std::make_unique<int>(7)); });
    event_loop loop;
    const int value = loop.run_until_complete([](std::vector<future<owner>> fs) -> task<int> {
      auto waiting = wait(std::exchange(fs, {}), {.return_when = first_completed});
      auto found = co_await std::move(waiting);
      const owner taken = std::move(found.done.front()).result();
      co_return *taken;
    }(std::exchange(both, {})));
    must(value == 7, "another value");
    first.join();
    second.join();
  });
}

TEST(deadline_awaiter_race, deadline_against_complete) {
  bool seen[2] = {};
  walk({.max_preemptions = 2, .early_timeouts = true}, [&seen] {
    promise<int> work;
    sync::thread other([&] { work.set_value(7); });
    {
      event_loop loop;
      const bool arrived = loop.run_until_complete([](future<int> f) -> task<bool> {
        const bool in_time = co_await detail::deadline_awaiter(f.handle(), sync::now() + 1s);
        co_await sleep(0s);
        co_return in_time;
      }(work.get_future()));
      seen[arrived] = true;
    }
    other.join();
  });
  EXPECT_TRUE(seen[0] && seen[1]);
}

}  // namespace
}  // namespace plait

#endif
