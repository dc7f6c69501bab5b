// The simulated machine must find the races that are there and prove that there are none where there are none.
#if defined(PLAIT_SIMULATED)

#include <plait/core/internal/explore.hpp>
#include <plait/core/sync.hpp>

#include <chrono>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace plait {
namespace {

using namespace std::chrono_literals;
using simulated::explore;
using simulated::explore_failure;
using simulated::explore_options;
using simulated::replay;
using simulated::sample;

const explore_options everything{.max_preemptions = 1'000'000};

void check(bool right, const char* what) {
  if (!right) throw std::runtime_error(what);
}

/// What the failure of `run` says; empty where it does not fail.
template <class Run> std::pair<std::string, std::string> failure_of(Run run) {
  try {
    run();
  } catch (const explore_failure& failure) {
    return {failure.what(), failure.schedule};
  }
  return {};
}

bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

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
  check(counter.load() == 2, "an update was lost");
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
  check(counter.load() == 3, "an update was lost");
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
  check(count == static_cast<int>(threads), "an update was lost");
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

void sleep_until(time_point when) {
  sync::atomic<std::uint32_t> nobody{0};
  while (sync::futex_wait(nobody, 0, when)) {
  }
}

// --- races ---

TEST(simulated, finds_a_lost_update) {
  const auto [text, schedule] = failure_of([] { explore({}, increment_by_load_and_store); });
  EXPECT_TRUE(contains(text, "an update was lost")) << text;
  EXPECT_TRUE(contains(text, "thread 1 (other): store counter")) << text;
  EXPECT_TRUE(contains(text, schedule)) << text;
}

TEST(simulated, finds_no_lost_update_without_a_preemption) {
  EXPECT_TRUE(explore({.max_preemptions = 0}, increment_by_load_and_store).complete);
}

TEST(simulated, proves_a_compare_exchange_loop) {
  const auto result = explore(everything, increment_by_compare_exchange);
  EXPECT_TRUE(result.complete);
  EXPECT_GT(result.schedules, 20u);
}

TEST(simulated, replays_a_failure_and_nothing_else) {
  const auto [text, schedule] = failure_of([] { explore({}, increment_by_load_and_store); });
  const auto replayed = failure_of([&] { replay(schedule, increment_by_load_and_store); });
  EXPECT_EQ(replayed.second, schedule);
  EXPECT_EQ(replayed.first.substr(replayed.first.find("last steps")), text.substr(text.find("last steps")));
  EXPECT_EQ(replay("2:", increment_by_load_and_store).schedules, 1u);
}

TEST(simulated, refuses_what_is_no_schedule) {
  for (const char* text : {"", "2", "2:x", "2:1;1", ":1", "2:99999999*1", "any"})
    EXPECT_THROW(replay(text, [] {}), std::invalid_argument) << text;
  EXPECT_THROW(replay("2:7", increment_by_load_and_store), explore_failure);
}

TEST(simulated, finds_a_lost_update_by_chance) {
  const auto [text, schedule] = failure_of([] { sample(1, 1000, increment_by_load_and_store); });
  ASSERT_TRUE(contains(text, "an update was lost")) << text;
  EXPECT_EQ(failure_of([&] { replay(schedule, increment_by_load_and_store); }).second, schedule);
  EXPECT_EQ(failure_of([&] { sample(1, 1000, increment_by_load_and_store); }).second, schedule);
  EXPECT_EQ(sample(1, 1000, increment_by_compare_exchange).schedules, 1000u);
}

// --- futexes and deadlocks ---

TEST(simulated, finds_a_lost_wake_up) {
  const auto [text, schedule] = failure_of([] { explore({}, [] { count_under<broken_futex_mutex>(2); }); });
  EXPECT_TRUE(contains(text, "deadlock")) << text;
  EXPECT_TRUE(contains(text, "waits in futex_wait")) << text;
  EXPECT_TRUE(
      contains(failure_of([&] { replay(schedule, [] { count_under<broken_futex_mutex>(2); }); }).first, "deadlock"));
}

TEST(simulated, proves_a_futex_mutex) {
  EXPECT_TRUE(explore(everything, [] { count_under<futex_mutex>(2); }).complete);
  EXPECT_TRUE(explore({}, [] { count_under<futex_mutex>(3); }).complete);
}

TEST(simulated, finds_locks_taken_in_both_orders) {
  const auto [text, schedule] = failure_of([] { explore({.max_preemptions = 1}, lock_in_both_orders); });
  EXPECT_TRUE(contains(text, "deadlock")) << text;
}

TEST(simulated, wakes_any_of_the_sleepers) {
  std::set<int> woken_first;
  const auto result = explore({.max_preemptions = 0}, [&] {
    sync::atomic<std::uint32_t> word{0};
    sync::atomic<int> order{0};
    std::vector<sync::thread> sleepers;
    for (int i = 1; i <= 3; ++i)
      sleepers.emplace_back([&, i] {
        if (sync::futex_wait(word, 0, sync::now() + 1h)) order.store(i);
      });
    sync::thread waker([&] {
      sleep_until(sync::now() + 1s);  // until all are asleep
      sync::futex_wake(word, 1);
    });
    for (auto& each : sleepers) each.join();
    waker.join();
    if (order.load() != 0) woken_first.insert(order.load());
  });
  EXPECT_TRUE(result.complete);
  EXPECT_EQ(woken_first, (std::set<int>{1, 2, 3}));
}

// --- time ---

TEST(simulated, wakes_in_the_order_of_deadlines) {
  const auto result = explore(everything, [] {
    const auto start = sync::now();
    sync::atomic<int> order{0};
    sync::thread late([&] {
      sleep_until(start + 2h);
      check(order.exchange(2) == 1, "the later one was not second");
      check(sync::now() == start + 2h, "woke at another time");
    });
    sync::thread early([&] {
      sleep_until(start + 1h);
      check(order.exchange(1) == 0, "the earlier one was not first");
      check(sync::now() == start + 1h, "woke at another time");
    });
    late.join();
    early.join();
  });
  EXPECT_TRUE(result.complete);
}

TEST(simulated, goes_on_in_time_where_all_only_yield) {
  EXPECT_TRUE(explore({.max_preemptions = 0}, [] {
                const auto start = sync::now();
                sync::thread other([&] {
                  while (sync::now() < start + 1h) sync::yield();
                });
                while (sync::now() < start + 1h) sync::yield();
                other.join();
              }).complete);
}

// The wake comes while the time-out may come too: both ends are seen, but the second only where time may pass early.
TEST(simulated, lets_a_deadline_pass_early_where_asked) {
  std::set<bool> ends;
  const auto body = [&] {
    sync::atomic<std::uint32_t> word{0};
    sync::thread waker([&] {
      word.store(1);
      sync::futex_wake(word, 1);
    });
    ends.insert(sync::futex_wait(word, 0, sync::now() + 1s));
    waker.join();
  };
  EXPECT_TRUE(explore({}, body).complete);
  EXPECT_EQ(ends, (std::set<bool>{true}));
  EXPECT_TRUE(explore({.early_timeouts = true}, body).complete);
  EXPECT_EQ(ends, (std::set<bool>{false, true}));
}

// --- the walk ---

TEST(simulated, walks_each_interleaving_once) {
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

TEST(simulated, walks_each_interleaving_of_two_joined_children_once) {
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

TEST(simulated, makes_all_choices) {
  std::set<std::pair<std::size_t, std::size_t>> seen;
  const auto result = explore({}, [&] {
    const std::size_t first = simulated::choose(3);
    seen.emplace(first, simulated::choose(first + 1));
  });
  EXPECT_EQ(result.schedules, 6u);
  EXPECT_EQ(seen.size(), 6u);
}

TEST(simulated, stops_where_told) {
  const auto result = explore({.max_schedules = 2}, [] { simulated::choose(3); });
  EXPECT_EQ(result.schedules, 2u);
  EXPECT_FALSE(result.complete);
}

TEST(simulated, lets_a_spinner_wait_for_all_the_others) {
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

TEST(simulated, finds_a_spinner_for_ever) {
  const auto [text, schedule] = failure_of([] {
    explore({.max_steps = 100}, [] {
      sync::atomic<int> never{0};
      while (never.load() == 0) sync::yield();
    });
  });
  EXPECT_TRUE(contains(text, "more than 100 steps")) << text;
}

// --- threads ---

TEST(simulated, fails_where_a_joinable_thread_is_destroyed) {
  const auto [text, schedule] = failure_of([] { explore({}, [] { sync::thread other([] {}); }); });
  EXPECT_TRUE(contains(text, "joinable")) << text;
}

TEST(simulated, tells_the_exception_that_destroys_a_joinable_thread) {
  const auto [text, schedule] = failure_of([] {
    explore({}, [] {
      sync::atomic<int> word{0};
      sync::thread other([&] { word.store(1); });
      check(word.load() == 1, "too early");
      other.join();
    });
  });
  EXPECT_TRUE(contains(text, "too early")) << text;
}

TEST(simulated, fails_by_an_exception_in_any_thread) {
  const auto [text, schedule] = failure_of([] {
    explore({}, [] {
      sync::thread other([] { throw 1; });
      other.join();
    });
  });
  EXPECT_TRUE(contains(text, "exception")) << text;
}

TEST(simulated, fails_where_the_test_says_so) {
  bool bad = false;
  const explore_options options{.failed = [&bad] { return bad; }};
  const auto [text, schedule] = failure_of([&] { explore(options, [&] { bad = simulated::choose(5) == 3; }); });
  EXPECT_TRUE(contains(text, "the test failed")) << text;
  EXPECT_EQ(schedule, "2:3");
}

TEST(simulated, finds_a_body_that_is_not_deterministic) {
  std::size_t runs = 0;
  const auto [text, schedule] = failure_of([&] { explore({}, [&] { simulated::choose(2 + runs++); }); });
  EXPECT_TRUE(contains(text, "deterministic")) << text;
}

thread_local int mine = 7;
struct counts_its_end {
  sync::atomic<int>* ends = nullptr;
  ~counts_its_end() {
    if (ends != nullptr) ends->fetch_add(1);
  }
};
thread_local counts_its_end at_end;
thread_local auto on_heap = std::make_unique<int>(7);

TEST(simulated, gives_each_thread_fresh_thread_locals) {
  const auto result = explore({}, [] {
    sync::atomic<int> ends{0};
    const auto use = [&ends] {
      check(mine++ == 7, "a thread_local is not fresh");
      check((*on_heap)++ == 7, "a thread_local with a constructor is not fresh");
      check(at_end.ends == nullptr, "a thread_local with a destructor is not fresh");
      at_end.ends = &ends;
    };
    sync::thread first(use);
    first.join();
    check(ends.load() == 1, "a thread_local was not destroyed before the join");
    sync::thread second(use);
    sync::thread third(use);
    use();
    third.join();
    second.join();
    check(ends.load() == 3, "a thread_local was not destroyed before the join");
    at_end.ends = nullptr;
  });
  EXPECT_TRUE(result.complete);
  EXPECT_EQ(mine, 7);
}

TEST(simulated, moves_and_detaches_threads) {
  const auto result = explore({}, [] {
    sync::atomic<int> sum{0};
    sync::thread first([&sum](std::unique_ptr<int> by) { sum.fetch_add(*by); }, std::make_unique<int>(2));
    check(first.get_id() != std::this_thread::get_id() && first.get_id() != sync::thread::id{}, "a wrong id");
    sync::thread second = std::move(first);
    check(!first.joinable() && second.joinable(), "a wrong owner");
    first = std::move(second);
    first.join();
    auto done = std::make_shared<sync::atomic<int>>(0);
    sync::thread([done] { done->store(1); }).detach();
    check(sum.load() == 2, "a wrong sum");
  });
  EXPECT_TRUE(result.complete);
}

// --- outside of a simulation all is real ---

TEST(simulated, is_real_outside) {
  sync::atomic<std::uint32_t> word{0};
  sync::thread other([&word] {
    word.store(1);
    sync::futex_wake(word, 1);
  });
  while (word.load() == 0) sync::futex_wait(word, 0);
  other.join();
  EXPECT_FALSE(sync::futex_wait(word, 1, sync::now() + 1ms));
  EXPECT_FALSE(sync::futex_wait(word, 1, time_point::min()));
  EXPECT_TRUE(sync::futex_wait(word, 0));
  const auto before = clock::now();
  EXPECT_LE(before, sync::now());
  sync::yield();
  EXPECT_EQ(simulated::choose(9), 0u);
}

TEST(simulated, has_what_lock_free_code_uses_of_atomics) {
  static constinit sync::atomic<std::uint64_t> bits{6};
  EXPECT_EQ(bits.fetch_or(1), 6u);
  EXPECT_EQ(bits.fetch_and(5), 7u);
  EXPECT_EQ(bits.fetch_xor(1), 5u);
  EXPECT_EQ(bits++, 4u);
  EXPECT_EQ(++bits, 6u);
  EXPECT_EQ(bits--, 6u);
  EXPECT_EQ(--bits, 4u);
  EXPECT_EQ(bits.fetch_sub(1), 4u);
  EXPECT_EQ(bits, 3u);
  int numbers[2] = {};
  sync::atomic<int*> at{numbers};
  EXPECT_EQ(at.fetch_add(1), numbers);
  EXPECT_EQ(at.load(), numbers + 1);
  enum class state { off, on };
  sync::atomic<state> lamp;
  state seen = state::on;
  EXPECT_FALSE(lamp.compare_exchange_strong(seen, state::on, std::memory_order_acq_rel, std::memory_order_acquire));
  EXPECT_EQ(seen, state::off);
  sync::atomic<bool> flag = false;
  EXPECT_FALSE(flag.exchange(true));
  EXPECT_TRUE((flag = true) && flag.is_lock_free());
}

}  // namespace
}  // namespace plait

#endif
