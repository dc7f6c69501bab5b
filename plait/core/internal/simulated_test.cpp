// What the simulated machine gives to the code under test: threads, thread_locals, sleepers and a clock; and the real
// ones outside of a simulation.
#if defined(PLAIT_SIMULATED)

#include <plait/core/internal/explore.hpp>
#include <plait/core/sync.hpp>

#include <chrono>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <tests/support/failure_of.hpp>
#include <tests/support/walk.hpp>

namespace plait {
namespace {

using namespace std::chrono_literals;
using simulated::explore;
using simulated::explore_options;
using test_support::contains;
using test_support::failure_of;
using test_support::must;

const explore_options everything{.max_preemptions = 1'000'000};

void sleep_until(time_point when) {
  sync::atomic<std::uint32_t> nobody{0};
  while (sync::futex_wait(nobody, 0, when)) {
  }
}

// --- sleepers ---

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
      must(order.exchange(2) == 1, "the later one was not second");
      must(sync::now() == start + 2h, "woke at another time");
    });
    sync::thread early([&] {
      sleep_until(start + 1h);
      must(order.exchange(1) == 0, "the earlier one was not first");
      must(sync::now() == start + 1h, "woke at another time");
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
      must(word.load() == 1, "too early");
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
      must(mine++ == 7, "a thread_local is not fresh");
      must((*on_heap)++ == 7, "a thread_local with a constructor is not fresh");
      must(at_end.ends == nullptr, "a thread_local with a destructor is not fresh");
      at_end.ends = &ends;
    };
    sync::thread first(use);
    first.join();
    must(ends.load() == 1, "a thread_local was not destroyed before the join");
    sync::thread second(use);
    sync::thread third(use);
    use();
    third.join();
    second.join();
    must(ends.load() == 3, "a thread_local was not destroyed before the join");
    at_end.ends = nullptr;
  });
  EXPECT_TRUE(result.complete);
  EXPECT_EQ(mine, 7);
}

TEST(simulated, moves_and_detaches_threads) {
  const auto result = explore({}, [] {
    sync::atomic<int> sum{0};
    sync::thread first([&sum](std::unique_ptr<int> by) { sum.fetch_add(*by); }, std::make_unique<int>(2));
    must(first.get_id() != std::this_thread::get_id() && first.get_id() != sync::thread::id{}, "a wrong id");
    sync::thread second = std::move(first);
    must(!first.joinable() && second.joinable(), "a wrong owner");
    first = std::move(second);
    first.join();
    auto done = std::make_shared<sync::atomic<int>>(0);
    sync::thread([done] { done->store(1); }).detach();
    must(sum.load() == 2, "a wrong sum");
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
