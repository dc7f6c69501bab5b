// The walk through the schedules of a small program must find the races that are there, prove that there are none
// where there are none, and go along each schedule once.
#if defined(PLAIT_SIMULATED)

#include <plait/core/internal/explore.hpp>
#include <plait/core/sync.hpp>

#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <tests/support/failure_of.hpp>
#include <tests/support/walk.hpp>

namespace plait {
namespace {

using simulated::explore;
using simulated::explore_failure;
using simulated::explore_options;
using simulated::replay;
using simulated::sample;
using test_support::contains;
using test_support::failure_of;
using test_support::must;

const explore_options everything{.max_preemptions = 1'000'000};

// --- the subjects ---

void increment_by_load_and_store() {
  sync::atomic<int> counter{0};
  simulated::name_atomic(counter, "counter");
  const auto increment = [&counter] { counter.store(counter.load() + 1); };
  sync::thread other([&] {
    simulated::name_thread("other");
    increment();
  });
  increment();
  other.join();
  must(counter.load() == 2, "an update was lost");
}

void increment_by_compare_exchange() {
  sync::atomic<int> counter{0};
  const auto increment = [&counter] {
    int seen = counter.load();
    while (!counter.compare_exchange_weak(seen, seen + 1)) {
    }
  };
  sync::thread first(increment);
  sync::thread second(increment);
  increment();
  first.join();
  second.join();
  must(counter.load() == 3, "an update was lost");
}

// 0 free, 1 taken, 2 taken and somebody may be asleep.
class futex_mutex {
 public:
  void lock() {
    std::uint32_t seen = 0;
    if (state_.compare_exchange_strong(seen, 1)) return;
    while (state_.exchange(2) != 0) sync::futex_wait(state_, 2);
  }
  void unlock() {
    if (state_.exchange(0) == 2) sync::futex_wake(state_, 1);
  }

 private:
  sync::atomic<std::uint32_t> state_{0};
};

// As above, but unlock looks for sleepers before it frees the lock: one that goes to sleep in between sleeps on.
class broken_futex_mutex {
 public:
  void lock() {
    std::uint32_t seen = 0;
    if (state_.compare_exchange_strong(seen, 1)) return;
    while (state_.exchange(2) != 0) sync::futex_wait(state_, 2);
  }
  void unlock() {
    const bool sleepers = state_.load() == 2;
    state_.store(0);
    if (sleepers) sync::futex_wake(state_, 1);
  }

 private:
  sync::atomic<std::uint32_t> state_{0};
};

template <class Mutex> void count_under(std::size_t threads) {
  Mutex mutex;
  int count = 0;
  const auto work = [&] {
    mutex.lock();
    ++count;
    mutex.unlock();
  };
  std::vector<sync::thread> others;
  for (std::size_t i = 1; i < threads; ++i) others.emplace_back(work);
  work();
  for (auto& each : others) each.join();
  must(count == static_cast<int>(threads), "an update was lost");
}

void lock_in_both_orders() {
  futex_mutex a;
  futex_mutex b;
  sync::thread other([&] {
    b.lock();
    a.lock();
    a.unlock();
    b.unlock();
  });
  a.lock();
  b.lock();
  b.unlock();
  a.unlock();
  other.join();
}

// --- races ---

TEST(explore, finds_a_lost_update) {
  const auto [text, schedule] = failure_of([] { explore({}, increment_by_load_and_store); });
  EXPECT_TRUE(contains(text, "an update was lost")) << text;
  EXPECT_TRUE(contains(text, "thread 1 (other): store counter")) << text;
  EXPECT_TRUE(contains(text, schedule)) << text;
}

TEST(explore, finds_no_lost_update_without_a_preemption) {
  EXPECT_TRUE(explore({.max_preemptions = 0}, increment_by_load_and_store).complete);
}

TEST(explore, proves_a_compare_exchange_loop) {
  const auto result = explore(everything, increment_by_compare_exchange);
  EXPECT_TRUE(result.complete);
  EXPECT_GT(result.schedules, 20u);
}

TEST(explore, replays_a_failure_and_nothing_else) {
  const auto [text, schedule] = failure_of([] { explore({}, increment_by_load_and_store); });
  const auto replayed = failure_of([&] { replay(schedule, increment_by_load_and_store); });
  EXPECT_EQ(replayed.second, schedule);
  EXPECT_EQ(replayed.first.substr(replayed.first.find("last steps")), text.substr(text.find("last steps")));
  EXPECT_EQ(replay("2:", increment_by_load_and_store).schedules, 1u);
}

TEST(explore, refuses_what_is_no_schedule) {
  for (const char* text : {"", "2", "2:x", "2:1;1", ":1", "2:99999999*1", "any"})
    EXPECT_THROW(replay(text, [] {}), std::invalid_argument) << text;
  EXPECT_THROW(replay("2:7", increment_by_load_and_store), explore_failure);
}

TEST(explore, finds_a_lost_update_by_chance) {
  const auto [text, schedule] = failure_of([] { sample(1, 1000, increment_by_load_and_store); });
  ASSERT_TRUE(contains(text, "an update was lost")) << text;
  EXPECT_EQ(failure_of([&] { replay(schedule, increment_by_load_and_store); }).second, schedule);
  EXPECT_EQ(failure_of([&] { sample(1, 1000, increment_by_load_and_store); }).second, schedule);
  EXPECT_EQ(sample(1, 1000, increment_by_compare_exchange).schedules, 1000u);
}

// --- futexes and deadlocks ---

TEST(explore, finds_a_lost_wake_up) {
  const auto [text, schedule] = failure_of([] { explore({}, [] { count_under<broken_futex_mutex>(2); }); });
  EXPECT_TRUE(contains(text, "deadlock")) << text;
  EXPECT_TRUE(contains(text, "waits in futex_wait")) << text;
  EXPECT_TRUE(
      contains(failure_of([&] { replay(schedule, [] { count_under<broken_futex_mutex>(2); }); }).first, "deadlock"));
}

TEST(explore, proves_a_futex_mutex) {
  EXPECT_TRUE(explore(everything, [] { count_under<futex_mutex>(2); }).complete);
  EXPECT_TRUE(explore({}, [] { count_under<futex_mutex>(3); }).complete);
}

TEST(explore, finds_locks_taken_in_both_orders) {
  const auto [text, schedule] = failure_of([] { explore({.max_preemptions = 1}, lock_in_both_orders); });
  EXPECT_TRUE(contains(text, "deadlock")) << text;
}

// --- the walk ---

TEST(explore, walks_each_interleaving_once) {
  // Of two threads with n steps each there are (2n over n).
  const std::size_t expected[] = {1, 2, 6, 20, 70, 252, 924};
  for (int n = 1; n <= 6; ++n) {
    std::set<std::string> seen;
    const auto result = explore(everything, [&seen, n] {
      std::string trace(2 * static_cast<std::size_t>(n), ' ');
      sync::atomic<std::size_t> word{0};
      const auto steps = [&](char mark) {
        for (int i = 0; i < n; ++i) trace[word.fetch_add(1)] = mark;
      };
      sync::thread other(steps, 'b');
      steps('a');
      other.join();
      seen.insert(trace);
    });
    EXPECT_TRUE(result.complete);
    EXPECT_EQ(result.schedules, expected[n]) << n;
    EXPECT_EQ(seen.size(), expected[n]) << n;
  }
}

TEST(explore, walks_each_interleaving_of_two_joined_children_once) {
  const auto result = explore(everything, [] {
    sync::atomic<int> word{0};
    const auto steps = [&] {
      for (int i = 0; i < 3; ++i) word.fetch_add(1);
    };
    sync::thread first(steps);
    sync::thread second(steps);
    first.join();
    second.join();
  });
  EXPECT_EQ(result.schedules, 20u);
}

TEST(explore, makes_all_choices) {
  std::set<std::pair<std::size_t, std::size_t>> seen;
  const auto result = explore({}, [&] {
    const std::size_t first = simulated::choose(3);
    seen.emplace(first, simulated::choose(first + 1));
  });
  EXPECT_EQ(result.schedules, 6u);
  EXPECT_EQ(seen.size(), 6u);
}

TEST(explore, stops_where_told) {
  const auto result = explore({.max_schedules = 2}, [] { simulated::choose(3); });
  EXPECT_EQ(result.schedules, 2u);
  EXPECT_FALSE(result.complete);
}

TEST(explore, lets_a_spinner_wait_for_all_the_others) {
  const auto result = explore(everything, [] {
    sync::atomic<int> ready{0};
    const auto spin = [&] {
      while (ready.load() == 0) sync::yield();
    };
    sync::thread first(spin);
    sync::thread worker([&] { ready.store(1); });
    spin();
    first.join();
    worker.join();
  });
  EXPECT_TRUE(result.complete);
}

TEST(explore, finds_a_spinner_for_ever) {
  const auto [text, schedule] = failure_of([] {
    explore({.max_steps = 100}, [] {
      sync::atomic<int> never{0};
      while (never.load() == 0) sync::yield();
    });
  });
  EXPECT_TRUE(contains(text, "more than 100 steps")) << text;
}

// --- failures ---

TEST(explore, fails_where_the_test_says_so) {
  bool bad = false;
  const explore_options options{.failed = [&bad] { return bad; }};
  const auto [text, schedule] = failure_of([&] { explore(options, [&] { bad = simulated::choose(5) == 3; }); });
  EXPECT_TRUE(contains(text, "the test failed")) << text;
  EXPECT_EQ(schedule, "2:3");
}

TEST(explore, finds_a_body_that_is_not_deterministic) {
  std::size_t runs = 0;
  const auto [text, schedule] = failure_of([&] { explore({}, [&] { simulated::choose(2 + runs++); }); });
  EXPECT_TRUE(contains(text, "deterministic")) << text;
}

}  // namespace
}  // namespace plait

#endif
