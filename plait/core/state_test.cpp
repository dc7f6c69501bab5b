// The list of waiters: order, removal, and who wins where removal and completion race; a state without handles.
#include <plait/core/state.hpp>

#include <algorithm>
#include <atomic>
#include <deque>
#include <latch>
#include <memory>
#include <random>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <tests/support/gate.hpp>

namespace {

using plait::call_status;
using plait::detail::state_handle;
using plait::detail::waiter;
using testing::ElementsAre;

class bare_state final : public plait::detail::with_result<int, plait::detail::state> {
 public:
  explicit bare_state(bool* destroyed = nullptr) : destroyed_(destroyed) {}
  ~bare_state() override {
    if (destroyed_) *destroyed_ = true;
  }
  plait::cancel_outcome cancel() noexcept override { return plait::cancel_outcome::too_late; }
  void finish() { publish(call_status::finished); }

 private:
  bool* destroyed_;
};

/// Writes its number into a list when it is fired.
struct numbered final : waiter {
  numbered(std::vector<int>& fired, int number) noexcept : waiter(&write), fired(&fired), number(number) {}
  static void write(waiter& w) noexcept {
    auto& self = static_cast<numbered&>(w);
    self.fired->push_back(self.number);
  }
  std::vector<int>* fired;
  int number;
};

struct many {
  explicit many(int count) : owned(new bare_state), handle(owned) {
    for (int i = 0; i < count; ++i) EXPECT_TRUE(handle->add(waiters.emplace_back(fired, i)));
  }
  bare_state* owned;
  state_handle handle;
  std::vector<int> fired;
  std::deque<numbered> waiters;
};

TEST(state, waiters_are_fired_in_the_order_they_were_added) {
  many m(5);
  m.owned->finish();
  EXPECT_THAT(m.fired, ElementsAre(0, 1, 2, 3, 4));
}

TEST(state, a_waiter_is_not_added_where_it_is_done) {
  many m(0);
  m.owned->finish();
  numbered late(m.fired, 9);
  EXPECT_FALSE(m.handle->add(late));
  EXPECT_FALSE(m.handle->remove(late));
  EXPECT_TRUE(m.fired.empty());
}

TEST(state, the_first_the_last_and_one_in_the_middle_can_be_removed) {
  many m(5);
  EXPECT_TRUE(m.handle->remove(m.waiters[0]));
  EXPECT_TRUE(m.handle->remove(m.waiters[2]));
  EXPECT_TRUE(m.handle->remove(m.waiters[4]));
  m.owned->finish();
  EXPECT_THAT(m.fired, ElementsAre(1, 3));
}

TEST(state, the_only_one_can_be_removed_and_added_again) {
  many m(1);
  EXPECT_TRUE(m.handle->remove(m.waiters[0]));
  EXPECT_TRUE(m.handle->add(m.waiters[0]));
  m.owned->finish();
  EXPECT_THAT(m.fired, ElementsAre(0));
  EXPECT_FALSE(m.handle->remove(m.waiters[0]));
}

TEST(state, any_of_a_thousand_can_be_removed_in_any_order) {
  many m(1000);
  std::vector<int> order(1000);
  for (int i = 0; i < 1000; ++i) order[i] = i;
  std::shuffle(order.begin(), order.end(), std::mt19937(7));
  for (int i = 0; i < 900; ++i) EXPECT_TRUE(m.handle->remove(m.waiters[order[i]]));
  std::vector<int> left(order.begin() + 900, order.end());
  std::ranges::sort(left);
  m.owned->finish();
  EXPECT_EQ(m.fired, left);
}

TEST(state, of_removal_and_completion_one_wins_for_each_waiter) {
  constexpr int threads = 3, each = 4;
  struct counted final : waiter {
    counted() noexcept : waiter([](waiter& w) noexcept { ++static_cast<counted&>(w).fires; }) {}
    std::atomic<int> fires{0};
  };
  for (int round = 0; round < 300; ++round) {
    auto* const owned = new bare_state;
    const state_handle handle(owned);
    std::vector<counted> waiters(threads * each);
    std::vector<char> removed(waiters.size(), 0);
    for (auto& w : waiters) ASSERT_TRUE(handle->add(w));
    std::latch start(threads + 1);
    std::vector<std::thread> removing;
    for (int t = 0; t < threads; ++t)
      removing.emplace_back([&, t] {
        start.arrive_and_wait();
        for (int i = t; i < threads * each; i += threads) removed[i] = handle->remove(waiters[i]);
      });
    start.arrive_and_wait();
    owned->finish();
    for (auto& thread : removing) thread.join();
    for (std::size_t i = 0; i < waiters.size(); ++i) EXPECT_EQ(waiters[i].fires + removed[i], 1) << i;
  }
}

TEST(state, threads_that_give_up_leave_the_others_waiting) {
  auto* const owned = new bare_state;
  const state_handle handle(owned);
  constexpr int patient = 2, hasty = 4;
  std::atomic<int> woken{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < patient; ++i)
    threads.emplace_back([&] {
      EXPECT_TRUE(handle->wait_until(plait::sync::forever));
      ++woken;
    });
  std::vector<std::thread> giving_up;
  for (int i = 0; i < hasty; ++i)
    giving_up.emplace_back([&] {
      for (int round = 0; round < 100; ++round)
        EXPECT_FALSE(handle->wait_until(plait::sync::now() + std::chrono::microseconds(10)));
    });
  for (auto& thread : giving_up) thread.join();
  owned->finish();
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(woken, patient);
}

TEST(state, one_without_handles_lives_until_it_is_published) {
  bool destroyed = false;
  auto* const owned = new bare_state(&destroyed);
  {
    const state_handle only(owned);
  }
  EXPECT_FALSE(destroyed);
  owned->finish();
  EXPECT_TRUE(destroyed);
}

TEST(state, one_that_is_published_lives_until_its_last_handle_goes) {
  bool destroyed = false;
  auto* const owned = new bare_state(&destroyed);
  {
    const state_handle one(owned);
    const state_handle another(one);
    EXPECT_FALSE(one->has_one_handle());
    owned->finish();
    EXPECT_FALSE(destroyed);
  }
  EXPECT_TRUE(destroyed);
}

TEST(state, its_words_can_be_printed) {
  EXPECT_STREQ(to_string(call_status::pending), "pending");
  EXPECT_STREQ(to_string(call_status::running), "running");
  EXPECT_STREQ(to_string(call_status::finished), "finished");
  EXPECT_STREQ(to_string(call_status::cancelled), "cancelled");
  EXPECT_STREQ(to_string(plait::cancel_outcome::dropped), "dropped");
  EXPECT_STREQ(to_string(plait::cancel_outcome::asked), "asked");
  EXPECT_STREQ(to_string(plait::cancel_outcome::killed), "killed");
  EXPECT_STREQ(to_string(plait::cancel_outcome::abandoned), "abandoned");
  EXPECT_STREQ(to_string(plait::cancel_outcome::too_late), "too_late");
}

}  // namespace
