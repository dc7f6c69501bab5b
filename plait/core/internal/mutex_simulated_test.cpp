// The mutex shuts out, and wakes who sleeps for it; the alarm clock rings each deadline once or not at all.
#if defined(PLAIT_SIMULATED)

#include <plait/core/internal/alarm_clock.hpp>
#include <plait/core/internal/mutex.hpp>

#include <chrono>
#include <mutex>

#include <gtest/gtest.h>
#include <tests/support/walk.hpp>

namespace plait::detail {
namespace {

using namespace std::chrono_literals;
using test_support::must;
using test_support::walk;

TEST(mutex_race, three_threads_want_it) {
  walk({.max_preemptions = 3}, [] {
    mutex guard;
    int inside = 0;
    int count = 0;
    const auto enter = [&] {
      const std::lock_guard lock(guard);
      must(++inside == 1, "two are inside");
      sync::yield();  // here another one may try
      ++count;
      --inside;
    };
    sync::thread first(enter);
    sync::thread second(enter);
    enter();
    first.join();
    second.join();
    must(count == 3, "somebody was not let in");
  });
}

TEST(mutex_race, try_lock_against_unlock) {
  walk({.max_preemptions = 1'000'000}, [] {
    mutex guard;
    int count = 0;
    sync::thread other([&] {
      const std::lock_guard lock(guard);
      ++count;
    });
    const bool got = guard.try_lock();
    if (got) {
      ++count;
      guard.unlock();
    }
    other.join();
    must(count == (got ? 2 : 1), "an update was lost");
    must(guard.try_lock(), "left locked");
  });
}

TEST(alarm_clock_race, clear_against_ring) {
  bool seen[2] = {};
  walk({.max_preemptions = 2, .early_timeouts = true}, [&seen] {
    sync::atomic<int> rung{0};
    bool cleared = false;
    {
      alarm_clock clock;
      clock.set(&rung, sync::now() + 1s, [&] { rung.fetch_add(1); });
      cleared = clock.clear(&rung);
      if (!cleared) {
        while (rung.load() == 0) sync::yield();
      }
    }
    must(rung.load() == (cleared ? 0 : 1), "rung and cleared, or neither");
    seen[cleared] = true;
  });
  EXPECT_TRUE(seen[0] && seen[1]);
}

// The clock sleeps until a later deadline when an earlier one is set: it must be told.
TEST(alarm_clock_race, an_earlier_deadline_against_the_sleep_for_a_later_one) {
  walk({.max_preemptions = 3}, [] {
    sync::atomic<std::uint32_t> rung{0};
    alarm_clock clock;
    const auto start = sync::now();
    clock.set(&clock, start + 2h, [] {});
    clock.set(&rung, start + 1h, [&] {
      rung.store(1);
      sync::futex_wake(rung, 1);
    });
    while (rung.load() == 0) sync::futex_wait(rung, 0);
    must(sync::now() < start + 2h, "rung too late");
  });
}

TEST(alarm_clock_race, set_against_set_against_stop) {
  walk({.max_preemptions = 2, .early_timeouts = true}, [] {
    sync::atomic<int> rung{0};
    alarm_clock clock;
    const auto start = sync::now();
    const auto ring = [&] { rung.fetch_add(1); };
    sync::thread other([&] { clock.set(&ring, start + 1s, ring); });
    clock.set(&rung, start + 1s, ring);
    other.join();
    clock.stop();
    const int before = rung.load();
    sync::yield();
    must(rung.load() == before && before <= 2, "rung after the stop");
  });
}

}  // namespace
}  // namespace plait::detail

#endif
