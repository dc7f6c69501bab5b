// A call in a pool of threads: its worker, its cancels and its deadline want to end it. Exactly one does; what
// cancel() answered is what happened.
#if defined(PLAIT_SIMULATED)

#include <plait/threads/thread_pool_executor.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <stop_token>

#include <gtest/gtest.h>
#include <tests/support/walk.hpp>

namespace plait {
namespace {

using namespace std::chrono_literals;
using test_support::must;
using test_support::walk;
using test_support::wander;

bool timed_out(const future<int>& f) {
  try {
    f.result();
  } catch (const timeout_error&) {
    return true;
  } catch (const cancelled_error&) {
  }
  return false;
}

/// What became of one call.
struct fate {
  sync::atomic<int> runs{0};
  sync::atomic<int> callbacks{0};

  void follow(const future<int>& f) {
    f.add_done_callback([this](const future<int>& same) { callbacks.fetch_add(same.done() ? 1 : 100); });
  }
  void check(const future<int>& f, cancel_outcome outcome) const {
    must(f.done(), "not done");
    must(callbacks.load() == 1, "the done callback did not run exactly once");
    if (outcome == cancel_outcome::dropped) {
      must(f.cancelled() && runs.load() == 0, "dropped, and yet it has run or is not cancelled");
    } else {
      must(!f.cancelled() && runs.load() == 1, "neither dropped nor run");
    }
  }
};

TEST(call_race, cancel_against_start_against_finish) {
  bool seen[5] = {};
  walk({}, [&seen] {
    fate what;
    future<int> result;
    auto outcome = cancel_outcome::killed;
    {
      thread_pool_executor pool({.max_workers = 1});
      result = pool.submit([&] { return what.runs.fetch_add(1); });
      what.follow(result);
      outcome = result.cancel();
      must(outcome != cancel_outcome::asked, "a callable without a stop token can't be asked");
    }
    what.check(result, outcome);
    seen[static_cast<int>(outcome)] = true;
  });
  EXPECT_TRUE(seen[static_cast<int>(cancel_outcome::dropped)]);
  EXPECT_TRUE(seen[static_cast<int>(cancel_outcome::abandoned)]);
  EXPECT_TRUE(seen[static_cast<int>(cancel_outcome::too_late)]);
}

TEST(call_race, asking_against_finish) {
  bool seen[5] = {};
  walk({}, [&seen] {
    fate what;
    bool stopped = false;
    future<int> result;
    auto outcome = cancel_outcome::killed;
    {
      thread_pool_executor pool({.max_workers = 1});
      result = pool.submit([&](const std::stop_token& stop) {
        const std::stop_callback note(stop, [&] { stopped = true; });
        return what.runs.fetch_add(1);
      });
      what.follow(result);
      // The next call of the same worker must not be asked in place of this one.
      auto next =
          pool.submit([&](const std::stop_token& stop) { must(!stop.stop_requested(), "asked the next call"); });
      outcome = result.cancel();
      must(outcome != cancel_outcome::abandoned, "a callable with a stop token was not asked");
      next.result();
    }
    what.check(result, outcome);
    must(!stopped || outcome == cancel_outcome::asked, "told to stop, and not said so");
    seen[static_cast<int>(outcome)] = true;
  });
  EXPECT_TRUE(seen[static_cast<int>(cancel_outcome::dropped)]);
  EXPECT_TRUE(seen[static_cast<int>(cancel_outcome::asked)]);
  EXPECT_TRUE(seen[static_cast<int>(cancel_outcome::too_late)]);
}

TEST(call_race, two_cancels_against_start) {
  walk({}, [] {
    fate what;
    future<int> result;
    auto mine = cancel_outcome::killed;
    auto others = cancel_outcome::killed;
    {
      thread_pool_executor pool({.max_workers = 1});
      result = pool.submit([&] { return what.runs.fetch_add(1); });
      what.follow(result);
      sync::thread second([&] { others = result.cancel(); });
      mine = result.cancel();
      second.join();
    }
    must(mine != cancel_outcome::dropped || others != cancel_outcome::dropped, "dropped twice");
    what.check(result, others == cancel_outcome::dropped ? others : mine);
  });
}

// The pool may go as soon as its calls are withdrawn; a second cancel may be on its way at that moment.
TEST(call_race, two_cancels_against_the_end_of_the_pool) {
  walk({}, [] {
    std::optional<thread_pool_executor> pool(std::in_place, thread_pool_options{.max_workers = 1});
    auto result = pool->submit([] { return 1; });
    sync::thread first([&] { result.cancel(); });
    pool.reset();
    result.cancel();
    first.join();
    must(result.done(), "not done");
  });
}

TEST(call_race, deadline_against_finish_against_cancel) {
  bool late = false;
  bool in_time = false;
  bool dropped = false;
  walk({.max_preemptions = 1, .early_timeouts = true}, [&] {
    fate what;
    future<int> result;
    auto outcome = cancel_outcome::killed;
    {
      thread_pool_executor pool({.max_workers = 1});
      result = pool.submit({.timeout = 1s}, [&] { return what.runs.fetch_add(1); });
      what.follow(result);
      if (simulated::choose(2) == 1) outcome = result.cancel();
    }
    must(result.done(), "not done");
    must(what.callbacks.load() == 1, "the done callback did not run exactly once");
    must(result.cancelled() == (outcome == cancel_outcome::dropped), "cancelled, or not, against what cancel said");
    const bool expired = timed_out(result);
    if (!expired)
      must(what.runs.load() == (outcome == cancel_outcome::dropped ? 0 : 1), "dropped and run, or neither");
    (expired ? late : result.cancelled() ? dropped : in_time) = true;
  });
  EXPECT_TRUE(late && in_time && dropped);
}

// The executor needs the state for longer than the reader of the result; that must not make the reader wait or copy.
TEST(call_race, a_value_that_can_only_be_moved_and_a_deadline) {
  walk({.max_preemptions = 1, .early_timeouts = true}, [] {
    thread_pool_executor pool({.max_workers = 1});
    auto result = pool.submit({.timeout = 1s}, [] { return std::make_unique<int>(7); });
    try {
      must(*std::move(result).result() == 7, "another value");
    } catch (const timeout_error&) {
    }
  });
}

}  // namespace
}  // namespace plait

#endif
