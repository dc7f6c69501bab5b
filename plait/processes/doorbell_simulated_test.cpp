// Sleeping and waking, taking and taking back: every schedule.
#if defined(PLAIT_SIMULATED)

#include <plait/processes/internal/doorbell.hpp>

#include <cstdint>

#include <gtest/gtest.h>
#include <tests/support/walk.hpp>

namespace plait {
namespace {

using detail::bell;
using detail::claim;
using detail::rest;
using test_support::must;
using test_support::walk;

/// The words of a link, and an eventfd made of a futex.
struct words {
  sync::atomic<std::uint64_t> requests{0};
  sync::atomic<std::uint64_t> replies{0};
  sync::atomic<std::uint64_t> freed{0};
  detail::worker_bed bed;
  detail::doorbell bells;
  sync::atomic<std::uint32_t> eventfd{0};

  void send() { requests.store(requests.load(std::memory_order_relaxed) + 1, std::memory_order_release); }
  void wake_worker() {
    requests.fetch_add(0, std::memory_order_seq_cst);
    if (bed.must_wake(rest::for_requests)) bed.wake();
  }
  void wait_for_requests(std::uint64_t wanted) {
    const auto come = [&] { return requests.load(std::memory_order_seq_cst) >= wanted; };
    while (!come()) bed.sleep(rest::for_requests, come);
  }
  void reply() {
    replies.store(replies.load(std::memory_order_relaxed) + 1, std::memory_order_seq_cst);
    if (bells.answer() == bell::nobody) return;
    eventfd.fetch_add(1);
    sync::futex_wake(eventfd, 1);
  }
  void wait_for_replies(std::uint64_t wanted) {
    while (replies.load(std::memory_order_acquire) < wanted) {
      bells.arm(bell::loop);
      if (replies.load(std::memory_order_seq_cst) < wanted) {
        while (eventfd.load() == 0) sync::futex_wait(eventfd, 0);
        eventfd.store(0);
      }
      bells.disarm();
    }
  }
};

// A lost wake-up is a schedule in which everybody sleeps: the walk fails on it by itself.
TEST(doorbell_race, round_trips) {
  walk({.max_preemptions = 3}, [] {
    words shared;
    sync::thread worker([&] {
      for (std::uint64_t i = 1; i <= 2; ++i) {
        shared.wait_for_requests(i);
        shared.reply();
      }
    });
    for (std::uint64_t i = 1; i <= 2; ++i) {
      shared.send();
      shared.wake_worker();
      shared.wait_for_replies(i);
    }
    worker.join();
  });
}

TEST(doorbell_race, replies_come_while_others_are_taken) {
  walk({.max_preemptions = 3}, [] {
    words shared;
    sync::thread worker([&] {
      shared.wait_for_requests(2);
      shared.reply();
      shared.reply();
    });
    shared.send();
    shared.send();
    shared.wake_worker();
    shared.wait_for_replies(1);
    shared.wait_for_replies(2);
    worker.join();
  });
}

// Who asks whether to wake need not be who sent.
TEST(doorbell_race, two_who_wake) {
  walk({.max_preemptions = 2}, [] {
    words shared;
    shared.send();
    sync::thread worker([&] { shared.wait_for_requests(2); });
    sync::thread other([&] { shared.wake_worker(); });
    shared.send();
    shared.wake_worker();
    other.join();
    worker.join();
  });
}

TEST(doorbell_race, waiting_for_room) {
  walk({.max_preemptions = 3}, [] {
    words shared;
    sync::thread worker([&] {
      const auto room = [&] { return shared.freed.load(std::memory_order_seq_cst) >= 2; };
      while (!room()) shared.bed.sleep(rest::for_room, room);
    });
    for (std::uint64_t i = 1; i <= 2; ++i) {
      shared.freed.store(i, std::memory_order_seq_cst);
      if (shared.bed.must_wake(rest::for_room)) shared.bed.wake();
    }
    worker.join();
  });
}

TEST(doorbell_race, take_against_take_back) {
  bool seen[2] = {};
  walk({.max_preemptions = 100}, [&] {
    sync::atomic<claim> word{claim::ready};
    bool taken = false;
    sync::thread worker([&] { taken = detail::take(word); });
    const bool back = detail::take_back(word);
    worker.join();
    must(taken != back, "both have it, or nobody");
    seen[back] = true;
  });
  EXPECT_TRUE(seen[0] && seen[1]);
}

}  // namespace
}  // namespace plait

#endif
