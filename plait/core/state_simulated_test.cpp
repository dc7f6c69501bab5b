// Who waits on a state against who completes it: each waiter is fired once or was removed, never both, and the state
// lives as long as somebody needs it (AddressSanitizer judges that, in every schedule).
#if defined(PLAIT_SIMULATED)

#include <plait/core/state.hpp>

#include <chrono>

#include <gtest/gtest.h>
#include <tests/support/walk.hpp>

namespace plait::detail {
namespace {

using namespace std::chrono_literals;
using test_support::must;
using test_support::walk;

class plain_state final : public with_result<int, state> {
 public:
  explicit plain_state(sync::atomic<int>* ends = nullptr) noexcept : ends_(ends) {}
  ~plain_state() override {
    if (ends_) ends_->fetch_add(1);
  }
  [[nodiscard]] cancel_outcome cancel() noexcept override { return cancel_outcome::abandoned; }
  void finish(int value) {
    value_.emplace(value);
    publish(call_status::finished);
  }
  [[nodiscard]] int value() const { return *value_; }

 private:
  sync::atomic<int>* ends_;
};

/// Counts how often it was fired, and that its state was done by then.
struct counting final : waiter {
  explicit counting(plain_state& whose) noexcept
      : waiter([](waiter& w) noexcept {
          auto& self = static_cast<counting&>(w);
          self.saw_value = self.whose.done() && self.whose.value() == 7;
          self.fired.fetch_add(1);
        }),
        whose(whose) {}
  plain_state& whose;
  bool saw_value = false;
  sync::atomic<int> fired{0};
};

TEST(state_race, add_against_publish) {
  walk({.max_preemptions = 1'000'000}, [] {
    const state_handle handle(new plain_state);
    auto& shared = static_cast<plain_state&>(*handle.get());
    counting one(shared);
    sync::thread producer([&] { shared.finish(7); });
    const bool waits = shared.add(one);
    must(waits || (shared.done() && shared.value() == 7), "refused by a state that is not done");
    producer.join();
    must(one.fired.load() == (waits ? 1 : 0), "fired another number of times than it was added");
    must(!waits || one.saw_value, "fired before the value could be seen");
  });
}

TEST(state_race, two_adds_against_publish) {
  walk({.max_preemptions = 3}, [] {
    const state_handle handle(new plain_state);
    auto& shared = static_cast<plain_state&>(*handle.get());
    counting one(shared);
    counting other(shared);
    bool other_waits = false;
    sync::thread producer([&] { shared.finish(7); });
    sync::thread second([&] { other_waits = shared.add(other); });
    const bool one_waits = shared.add(one);
    producer.join();
    second.join();
    must(one.fired.load() == (one_waits ? 1 : 0), "the first was fired another number of times than it was added");
    must(other.fired.load() == (other_waits ? 1 : 0),
         "the second was fired another number of times than it was added");
  });
}

TEST(state_race, remove_against_publish_against_another_remove) {
  walk({.max_preemptions = 3}, [] {
    const state_handle handle(new plain_state);
    auto& shared = static_cast<plain_state&>(*handle.get());
    counting oldest(shared);
    counting middle(shared);
    counting newest(shared);
    must(shared.add(oldest) && shared.add(middle) && shared.add(newest), "refused by a state that is not done");
    // Which two neighbours go, and who of them is the newer one, is part of what is walked.
    counting* const rows[] = {&oldest, &middle, &newest, &middle, &oldest};
    const auto at = simulated::choose(4);
    auto& mine = *rows[at];
    auto& others = *rows[at + 1];
    bool others_removed = false;
    sync::thread producer([&] { shared.finish(7); });
    sync::thread second([&] { others_removed = shared.remove(others); });
    const bool mine_removed = shared.remove(mine);
    producer.join();
    second.join();
    for (const auto* each : {&oldest, &middle, &newest}) {
      const bool removed = (each == &mine && mine_removed) || (each == &others && others_removed);
      must(each->fired.load() == (removed ? 0 : 1), "a waiter was fired and removed, or neither");
    }
  });
}

TEST(state_race, add_against_remove_against_publish) {
  walk({.max_preemptions = 3}, [] {
    const state_handle handle(new plain_state);
    auto& shared = static_cast<plain_state&>(*handle.get());
    counting old(shared);
    counting fresh(shared);
    must(shared.add(old), "refused by a state that is not done");
    bool added = false;
    sync::thread producer([&] { shared.finish(7); });
    sync::thread second([&] { added = shared.add(fresh); });
    const bool removed = shared.remove(old);
    producer.join();
    second.join();
    must(old.fired.load() == (removed ? 0 : 1), "the old one was fired and removed, or neither");
    must(fresh.fired.load() == (added ? 1 : 0), "the fresh one was fired another number of times than it was added");
  });
}

TEST(state_race, last_handle_against_publish) {
  walk({.max_preemptions = 1'000'000}, [] {
    sync::atomic<int> ends{0};
    auto* const shared = new plain_state(&ends);
    state_handle first(shared);
    sync::thread producer([&] { shared->finish(7); });
    sync::thread second([copy = first]() mutable { copy = {}; });
    first = {};
    producer.join();
    second.join();
    must(ends.load() == 1, "the state did not end exactly once");
  });
}

TEST(state_race, blocking_wait_with_a_timeout_against_publish) {
  int in_time = 0;
  int too_late = 0;
  walk({.max_preemptions = 3, .early_timeouts = true}, [&] {
    state_handle handle(new plain_state);
    auto& shared = static_cast<plain_state&>(*handle.get());
    sync::thread producer([&] { shared.finish(7); });
    const bool arrived = shared.wait_until(sync::now() + 1s);
    must(!arrived || shared.value() == 7, "woken without a value");
    ++(arrived ? in_time : too_late);
    handle = {};  // whoever was not removed from the list must not be fired any more
    producer.join();
  });
  EXPECT_GT(in_time, 0);
  EXPECT_GT(too_late, 0);
}

TEST(state_race, two_sleepers_one_with_a_timeout) {
  walk({.max_preemptions = 2, .early_timeouts = true}, [] {
    const state_handle handle(new plain_state);
    auto& shared = static_cast<plain_state&>(*handle.get());
    sync::thread producer([&] { shared.finish(7); });
    sync::thread patient([&] { must(shared.wait_until(sync::forever), "woken though it waits for ever"); });
    static_cast<void>(shared.wait_until(sync::now() + 1s));
    producer.join();
    patient.join();
  });
}

}  // namespace
}  // namespace plait::detail

#endif
