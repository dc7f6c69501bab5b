// Cancellation at every point: whoever is cancelled, before or after it was woken, nothing is lost and nothing
// doubled.
#include <plait/loop/event_loop.hpp>
#include <plait/loop/sleep.hpp>
#include <plait/loop/sync/condition.hpp>
#include <plait/loop/sync/lock.hpp>
#include <plait/loop/sync/queue.hpp>
#include <plait/loop/sync/semaphore.hpp>

#include <algorithm>
#include <cstdint>
#include <vector>

#include <gtest/gtest.h>
#include <tests/support/turns.hpp>

namespace {

using namespace std::chrono_literals;
using plait::event_loop;
using plait::task;
using plait::task_handle;
using test_support::in_next_turn;
using test_support::pass;

constexpr int waiters = 4;

/// Calls `body(victims, woken, when)`: which of the waiters are cancelled (as bits), how many are woken, and after
/// how many of those wake-ups the cancels come; all of it in one turn of the loop.
template <class Body> void for_each_point(Body body) {
  for (unsigned victims = 0; victims < 1U << waiters; ++victims)
    for (int woken = 0; woken <= waiters; ++woken)
      for (int when = 0; when <= woken; ++when) body(victims, woken, when);
}

template <class Wake>
void wake_and_cancel(event_loop& loop, const std::vector<task_handle<void>>& tasks, unsigned victims, int woken,
                     int when, Wake wake) {
  in_next_turn(loop, [&] {
    for (int i = 0; i <= woken; ++i) {
      if (i == when)
        for (unsigned k = 0; k < tasks.size(); ++k)
          if (victims >> k & 1U) tasks[k].cancel();
      if (i < woken) wake(i);
    }
  });
  pass(loop, 2 * waiters);
}

int survivors(unsigned victims) {
  int n = 0;
  for (int k = 0; k < waiters; ++k) n += (victims >> k & 1U) == 0;
  return n;
}

/// The first `n` that are no victims, in the order of the line.
std::vector<int> first_served(unsigned victims, int n) {
  std::vector<int> served;
  for (int k = 0; k < waiters && static_cast<int>(served.size()) < n; ++k)
    if ((victims >> k & 1U) == 0) served.push_back(k);
  return served;
}

TEST(cancellation_walk, of_a_semaphore_loses_no_permit_and_keeps_the_order) {
  const auto takes = [](plait::semaphore* permits, std::vector<int>* served, int k) -> task<void> {
    co_await permits->acquire();
    served->push_back(k);
  };
  for_each_point([&](unsigned victims, int woken, int when) {
    SCOPED_TRACE(testing::Message() << "victims " << victims << ", woken " << woken << ", cancelled after " << when);
    plait::semaphore permits(0);
    std::vector<int> served;
    event_loop loop;
    std::vector<task_handle<void>> tasks;
    for (int k = 0; k < waiters; ++k) tasks.push_back(loop.create_task(takes(&permits, &served, k)));
    pass(loop);
    wake_and_cancel(loop, tasks, victims, woken, when, [&](int) { permits.release(); });

    std::sort(served.begin(), served.end());
    EXPECT_EQ(served, first_served(victims, woken));
    for (int left = woken - survivors(victims); left > 0; --left) {
      EXPECT_FALSE(permits.locked());
      in_next_turn(loop, [&] { loop.create_task(takes(&permits, &served, 9)); });
      pass(loop);
    }
    EXPECT_TRUE(permits.locked());
  });
}

TEST(cancellation_walk, of_a_queue_loses_no_item_and_keeps_the_order) {
  const auto takes = [](plait::queue<int>* items, std::vector<int>* got) -> task<void> {
    const int item = co_await items->get();
    got->push_back(item);
  };
  for_each_point([&](unsigned victims, int woken, int when) {
    SCOPED_TRACE(testing::Message() << "victims " << victims << ", woken " << woken << ", cancelled after " << when);
    plait::queue<int> items;
    std::vector<int> got;
    event_loop loop;
    std::vector<task_handle<void>> tasks;
    for (int k = 0; k < waiters; ++k) tasks.push_back(loop.create_task(takes(&items, &got)));
    pass(loop);
    wake_and_cancel(loop, tasks, victims, woken, when, [&](int i) { items.put_nowait(i); });

    EXPECT_EQ(static_cast<int>(got.size()), std::min(woken, survivors(victims)));
    while (!items.empty()) got.push_back(items.get_nowait());
    std::vector<int> all;
    for (int i = 0; i < woken; ++i) all.push_back(i);
    EXPECT_EQ(got, all);
  });
}

TEST(cancellation_walk, of_a_full_queue_loses_no_room_and_queues_nothing_of_who_was_cancelled) {
  const auto puts = [](plait::queue<int>* items, int k) -> task<void> { co_await items->put(k); };
  for_each_point([&](unsigned victims, int woken, int when) {
    SCOPED_TRACE(testing::Message() << "victims " << victims << ", woken " << woken << ", cancelled after " << when);
    plait::queue<int> items(waiters);
    for (int i = 0; i < waiters; ++i) items.put_nowait(-1);
    event_loop loop;
    std::vector<task_handle<void>> tasks;
    for (int k = 0; k < waiters; ++k) tasks.push_back(loop.create_task(puts(&items, k)));
    pass(loop);
    wake_and_cancel(loop, tasks, victims, woken, when, [&](int) { EXPECT_EQ(items.get_nowait(), -1); });

    const auto placed = first_served(victims, woken);
    EXPECT_EQ(items.size(), static_cast<std::size_t>(waiters - woken) + placed.size());
    EXPECT_EQ(items.full(), static_cast<int>(placed.size()) == woken);
    std::vector<int> left;
    while (!items.empty())
      if (const int item = items.get_nowait(); item >= 0) left.push_back(item);
    if (static_cast<int>(placed.size()) == woken) {
      pass(loop, waiters);  // who is left places its item now
      while (!items.empty()) left.push_back(items.get_nowait());
    }
    std::sort(left.begin(), left.end());
    EXPECT_EQ(left, first_served(victims, waiters));
  });
}

TEST(cancellation_walk, of_a_lock_leaves_it_free_and_serves_all_others_in_order) {
  const auto holds = [](plait::lock* shared, std::vector<int>* served, int k) -> task<void> {
    const auto held = co_await shared->scoped();
    served->push_back(k);
    co_await plait::sleep(0s);
  };
  for (unsigned victims = 0; victims < 1U << waiters; ++victims)
    for (int turn = 0; turn < 2 * waiters; ++turn) {
      SCOPED_TRACE(testing::Message() << "victims " << victims << ", in turn " << turn);
      plait::lock shared;
      std::vector<int> served;
      event_loop loop;
      std::vector<task_handle<void>> tasks;
      for (int k = 0; k < waiters; ++k) tasks.push_back(loop.create_task(holds(&shared, &served, k)));
      pass(loop, turn);
      in_next_turn(loop, [&] {
        for (unsigned k = 0; k < waiters; ++k)
          if (victims >> k & 1U) tasks[k].cancel();
      });
      pass(loop, 4 * waiters);
      EXPECT_FALSE(shared.locked());
      EXPECT_TRUE(std::is_sorted(served.begin(), served.end()));
      for (unsigned k = 0; k < waiters; ++k) {
        EXPECT_TRUE(tasks[k].done());
        EXPECT_TRUE(tasks[k].cancelled() || std::count(served.begin(), served.end(), static_cast<int>(k)) == 1);
      }
    }
}

TEST(cancellation_walk, of_a_condition_loses_no_notification) {
  const auto waits = [](plait::condition* changed, int* served) -> task<void> {
    const auto held = co_await changed->scoped();
    co_await changed->wait();
    ++*served;
  };
  // A notifier that holds the lock over some turns; the cancels come in one of them.
  const auto notifies = [](plait::condition* changed, int n) -> task<void> {
    const auto held = co_await changed->scoped();
    co_await plait::sleep(0s);
    changed->notify(static_cast<std::size_t>(n));
    co_await plait::sleep(0s);
  };
  for_each_point([&](unsigned victims, int woken, int turn) {
    SCOPED_TRACE(testing::Message() << "victims " << victims << ", notified " << woken << ", in turn " << turn);
    plait::condition changed;
    int served = 0;
    event_loop loop;
    std::vector<task_handle<void>> tasks;
    for (int k = 0; k < waiters; ++k) tasks.push_back(loop.create_task(waits(&changed, &served)));
    pass(loop);
    const auto notifier = loop.create_task(notifies(&changed, woken));
    pass(loop, turn);
    in_next_turn(loop, [&] {
      for (unsigned k = 0; k < waiters; ++k)
        if (victims >> k & 1U) tasks[k].cancel();
    });
    pass(loop, 6 * waiters);
    EXPECT_TRUE(notifier.done());
    EXPECT_FALSE(changed.locked());
    // Who went on before its cancel came was served too.
    int went_on = 0;
    for (unsigned k = 0; k < waiters; ++k) went_on += (victims >> k & 1U) && tasks[k].done() && !tasks[k].cancelled();
    EXPECT_EQ(served, std::min(woken, survivors(victims) + went_on));
  });
}

// A long walk with everything at once, the same in every run.
TEST(cancellation_walk, of_producers_and_consumers_gives_each_item_once_and_in_order) {
  struct counts {
    int next = 0;
    std::vector<int> got;
    std::vector<int> placed;
  };
  const auto puts = [](plait::queue<int>* items, counts* seen) -> task<void> {
    const int item = seen->next++;
    co_await items->put(item);
    seen->placed.push_back(item);
  };
  const auto takes = [](plait::queue<int>* items, counts* seen) -> task<void> {
    const int item = co_await items->get();
    seen->got.push_back(item);
  };
  std::uint32_t random = 1;
  const auto below = [&](std::uint32_t n) { return (random = random * 1664525U + 1013904223U) / 65536U % n; };
  for (int round = 0; round < 200; ++round) {
    plait::queue<int> items(1 + below(3));
    counts seen;
    event_loop loop;
    std::vector<task_handle<void>> tasks;
    for (int step = 0; step < 100; ++step) {
      in_next_turn(loop, [&] {
        for (auto n = below(4); n > 0; --n) switch (below(4)) {
            case 0:
              tasks.push_back(loop.create_task(puts(&items, &seen)));
              break;
            case 1:
              tasks.push_back(loop.create_task(takes(&items, &seen)));
              break;
            case 2:
              if (!tasks.empty()) tasks[below(static_cast<std::uint32_t>(tasks.size()))].cancel();
              break;
            default:
              if (!items.empty()) seen.got.push_back(items.get_nowait());
          }
      });
      ASSERT_LE(items.size(), items.max_size());
    }
    pass(loop, 10);
    loop.close();
    while (!items.empty()) seen.got.push_back(items.get_nowait());
    ASSERT_EQ(seen.got, seen.placed) << "round " << round;
  }
}

}  // namespace
