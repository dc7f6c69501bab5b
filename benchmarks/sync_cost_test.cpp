// Waiting for a lock, an event, a queue must not allocate: the awaiter in the coroutine's frame is the line's node.
// The counts are exact: nothing else runs on the thread.
#include <plait/plait.hpp>

#include <algorithm>
#include <cstdint>

#include "benchmarks/counted_allocations.hpp"
#include <gtest/gtest.h>

namespace {

using namespace std::chrono_literals;
using plait::task;

constexpr int rounds = 1000;

/// Two tasks do `step` by turns; what they allocate once both run.
template <class Shared> std::uint64_t allocations_of(Shared& shared, task<void> (*step)(Shared*, std::uint64_t*)) {
  std::uint64_t counted_by_one = 0;
  std::uint64_t counted_by_two = 0;
  plait::event_loop loop;
  const auto one = loop.create_task(step(&shared, &counted_by_one));
  const auto two = loop.create_task(step(&shared, &counted_by_two));
  loop.run_until_complete(one);
  loop.run_until_complete(two);
  EXPECT_GT(bench::allocations_of_this_thread(), 0u) << "nothing is counted in this program";
  return std::max(counted_by_one, counted_by_two);
}

/// Counts from the first turn on in which both tasks run.
struct count_down {
  explicit count_down(std::uint64_t& to) : to(to), before(bench::allocations_of_this_thread()) {}
  ~count_down() { to = bench::allocations_of_this_thread() - before; }
  std::uint64_t& to;
  const std::uint64_t before;
};

TEST(sync_cost, waiting_for_a_lock_allocates_nothing) {
  plait::lock shared;
  EXPECT_EQ(allocations_of<plait::lock>(shared,
                                        [](plait::lock* shared, std::uint64_t* counted) -> task<void> {
                                          co_await plait::sleep(0s);
                                          const count_down count(*counted);
                                          for (int i = 0; i < rounds; ++i) {
                                            const auto held = co_await shared->scoped();
                                            co_await plait::sleep(0s);
                                          }
                                        }),
            0U);
}

TEST(sync_cost, waiting_for_a_semaphore_allocates_nothing) {
  plait::semaphore shared(1);
  EXPECT_EQ(allocations_of<plait::semaphore>(shared,
                                             [](plait::semaphore* shared, std::uint64_t* counted) -> task<void> {
                                               co_await plait::sleep(0s);
                                               const count_down count(*counted);
                                               for (int i = 0; i < rounds; ++i) {
                                                 const auto permit = co_await shared->scoped();
                                                 co_await plait::sleep(0s);
                                               }
                                             }),
            0U);
}

TEST(sync_cost, waiting_for_a_condition_allocates_nothing) {
  plait::condition shared;
  EXPECT_EQ(allocations_of<plait::condition>(shared,
                                             [](plait::condition* shared, std::uint64_t* counted) -> task<void> {
                                               co_await plait::sleep(0s);
                                               const count_down count(*counted);
                                               const auto held = co_await shared->scoped();
                                               for (int i = 0; i < rounds; ++i) {
                                                 shared->notify();
                                                 if (i + 1 < rounds) co_await shared->wait();
                                               }
                                             }),
            0U);
}

TEST(sync_cost, waiting_at_a_barrier_allocates_nothing) {
  plait::barrier shared(2);
  EXPECT_EQ(allocations_of<plait::barrier>(shared,
                                           [](plait::barrier* shared, std::uint64_t* counted) -> task<void> {
                                             co_await plait::sleep(0s);
                                             const count_down count(*counted);
                                             for (int i = 0; i < rounds; ++i)
                                               static_cast<void>(co_await shared->wait());
                                           }),
            0U);
}

TEST(sync_cost, waiting_for_an_event_allocates_nothing) {
  struct two_events {
    plait::event mine, yours;
  } shared;
  EXPECT_EQ(allocations_of<two_events>(shared,
                                       [](two_events* shared, std::uint64_t* counted) -> task<void> {
                                         const bool first = !shared->mine.is_set();
                                         auto& waits = first ? shared->mine : shared->yours;
                                         auto& sets = first ? shared->yours : shared->mine;
                                         shared->mine.set();
                                         co_await plait::sleep(0s);
                                         const count_down count(*counted);
                                         for (int i = 0; i < rounds; ++i) {
                                           co_await waits.wait();
                                           waits.clear();
                                           sets.set();
                                         }
                                       }),
            0U);
}

TEST(sync_cost, waiting_for_a_queue_allocates_nothing_but_the_blocks_of_its_items) {
  struct two_queues {
    plait::queue<int> there, back;
    bool begun = false;
  } shared;
  EXPECT_LT(allocations_of<two_queues>(shared,
                                       [](two_queues* shared, std::uint64_t* counted) -> task<void> {
                                         const bool first = !std::exchange(shared->begun, true);
                                         auto& gives = first ? shared->there : shared->back;
                                         auto& takes = first ? shared->back : shared->there;
                                         co_await plait::sleep(0s);
                                         const count_down count(*counted);
                                         for (int i = 0; i < rounds; ++i) {
                                           co_await gives.put(i);
                                           static_cast<void>(co_await takes.get());
                                         }
                                       }),
            rounds / 20U);
}

}  // namespace
