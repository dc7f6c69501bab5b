// Who completes a promise, where several try: one wins, the others are told so; and a promise and its futures may go
// in any order.
#if defined(PLAIT_SIMULATED)

#include <plait/core/promise.hpp>

#include <memory>
#include <optional>
#include <stdexcept>

#include <gtest/gtest.h>
#include <tests/support/walk.hpp>

namespace plait {
namespace {

using test_support::must;
using test_support::walk;

bool throws_invalid_state(const auto& f) {
  try {
    f();
  } catch (const invalid_state_error&) {
    return true;
  }
  return false;
}

TEST(promise_race, set_value_against_cancel_against_set_exception) {
  bool seen[3] = {};
  walk({.max_preemptions = 3}, [&seen] {
    promise<int> work;
    auto result = work.get_future();
    sync::atomic<int> calls{0};
    result.add_done_callback([&](const future<int>& f) { calls.fetch_add(f.done() ? 1 : 100); });
    bool valued = false;
    bool failed = false;
    sync::thread first([&] { valued = !throws_invalid_state([&] { work.set_value(7); }); });
    sync::thread second([&] {
      const auto error = std::make_exception_ptr(std::runtime_error("x"));
      failed = !throws_invalid_state([&] { work.set_exception(error); });
    });
    const bool dropped = result.cancel() == cancel_outcome::dropped;
    first.join();
    second.join();
    must(valued + failed + dropped == 1, "not exactly one has won");
    must(calls.load() == 1, "the done callback did not run exactly once");
    must(result.cancelled() == dropped, "cancelled, or not, against what cancel said");
    if (!dropped) must((result.exception() != nullptr) == failed, "another outcome than the winner's");
    if (valued) must(result.result() == 7, "another value than the winner's");
    seen[valued ? 0 : failed ? 1 : 2] = true;
  });
  EXPECT_TRUE(seen[0] && seen[1] && seen[2]);
}

// A cancel is its outcome from the moment at which it has won, not only once all can see it.
TEST(promise_race, start_against_cancel) {
  bool seen[2] = {};
  walk({.max_preemptions = 1'000'000}, [&seen] {
    promise<int> work;
    const auto result = work.get_future();
    auto outcome = cancel_outcome::killed;
    sync::thread canceller([&] { outcome = result.cancel(); });
    const bool started = work.set_running_or_notify_cancel();
    if (started) work.set_value(7);
    canceller.join();
    must(started == (outcome != cancel_outcome::dropped), "started and dropped, or neither");
    must(result.cancelled() == !started, "cancelled though it was started, or not though it was dropped");
    seen[started] = true;
  });
  EXPECT_TRUE(seen[0] && seen[1]);
}

TEST(promise_race, drop_of_the_promise_against_drop_of_the_last_future) {
  walk({.max_preemptions = 1'000'000}, [] {
    std::optional<promise<std::shared_ptr<int>>> work(std::in_place);
    auto first = work->get_future();
    auto second = first;
    const bool gives = simulated::choose(2) == 1;
    auto value = std::make_shared<int>(7);
    const std::weak_ptr<int> watch = value;
    sync::thread producer([&] {
      if (gives) work->set_value(std::move(value));
      work.reset();
    });
    sync::thread other([&] { second = {}; });
    first = {};
    producer.join();
    other.join();
    value = nullptr;
    must(watch.expired(), "the value has outlived everybody who had a handle");
  });
}

TEST(promise_race, blocking_result_of_a_value_that_can_only_be_moved) {
  walk({.max_preemptions = 1'000'000}, [] {
    promise<std::unique_ptr<int>> work;
    auto result = work.get_future();
    sync::thread producer([owned = std::move(work)]() mutable { owned.set_value(std::make_unique<int>(7)); });
    must(*std::move(result).result() == 7, "another value");
    producer.join();
  });
}

}  // namespace
}  // namespace plait

#endif
