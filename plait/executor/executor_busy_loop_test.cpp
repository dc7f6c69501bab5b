// No coroutine should keep its loop from turning. Where one does, calls wait neither for it nor for each other,
// whatever the executor.
#include <plait/executor/executor_contract_test.hpp>
#include <plait/loop/event_loop.hpp>
#include <plait/loop/sleep.hpp>

#include <chrono>
#include <thread>
#include <utility>
#include <vector>

namespace {

using namespace executor_contract;
using test_support::portable_gate;

class executor_busy_loop : public contract {};
PLAIT_FOR_EACH_EXECUTOR(executor_busy_loop);

using calls = std::vector<plait::future<int>>;

calls submit_through(const portable_gate& gate, plait::executor& pool, int count) {
  calls made;
  for (int i = 0; i < count; ++i) made.push_back(pool.submit(through_gate, gate.path(), i));
  return made;
}

// Blocks until they have all come, one after the other; each takes so long that a pool would send none ahead.
void block_for(const portable_gate& gate, int count) {
  for (int i = 0; i < count; ++i) {
    gate.wait_for(1);
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    gate.let_through(1);
  }
}

plait::task<int> sum_of(calls made) {
  int sum = 0;
  for (auto& each : made) sum += co_await each;
  co_return sum;
}

TEST_P(executor_busy_loop, calls_go_on) {
  const portable_gate gate;
  const auto pool = make({.max_workers = 1});
  const auto body = [](plait::executor& on, const portable_gate& held) -> plait::task<int> {
    auto made = submit_through(held, on, 5);
    block_for(held, 5);
    const int sum = co_await sum_of(std::move(made));
    co_return sum;
  };
  plait::event_loop loop;
  EXPECT_EQ(loop.run_until_complete(body(*pool, gate)), 10);
}

// It turns in between, but the third call was sent when it did not.
TEST_P(executor_busy_loop, calls_go_on_when_it_is_blocked_again) {
  const portable_gate gate;
  const auto pool = make({.max_workers = 1});
  const auto body = [](plait::executor& on, const portable_gate& held) -> plait::task<int> {
    auto made = submit_through(held, on, 5);
    block_for(held, 2);
    held.wait_for(1);
    co_await plait::sleep(std::chrono::milliseconds(1));
    held.let_through(1);
    block_for(held, 2);
    const int sum = co_await sum_of(std::move(made));
    co_return sum;
  };
  plait::event_loop loop;
  EXPECT_EQ(loop.run_until_complete(body(*pool, gate)), 10);
}

// One worker runs a call that lasts, the other is free: whichever the next ones were given to, they run.
TEST_P(executor_busy_loop, calls_go_on_behind_a_long_one) {
  const portable_gate first, gate;
  const auto pool = make({.max_workers = 2});
  const auto body = [](plait::executor& on, const portable_gate& lasts,
                       const portable_gate& held) -> plait::task<int> {
    for (int i = 0; i < 200; ++i) co_await on.submit(square, i);  // so quick that the next are sent ahead
    const auto last = on.submit(through_gate, lasts.path(), 1);
    lasts.wait_for(1);
    const auto quick = on.submit(square, 2);
    auto made = submit_through(held, on, 4);
    block_for(held, 4);
    lasts.let_through(1);
    const int sum = co_await sum_of(std::move(made));
    co_return sum + co_await last + co_await quick;
  };
  plait::event_loop loop;
  EXPECT_EQ(loop.run_until_complete(body(*pool, first, gate)), 6 + 1 + 4);
}

// The last call for which anybody but the loop takes replies is cancelled meanwhile.
TEST_P(executor_busy_loop, calls_go_on_after_another_threads_was_dropped) {
  const portable_gate gate;
  const auto pool = make({.max_workers = 1});
  const auto body = [](plait::executor& on, const portable_gate& held) -> plait::task<int> {
    auto runs = on.submit(through_gate, held.path(), 7);
    held.wait_for(1);
    plait::future<int> of_another;
    std::thread([&] { of_another = on.submit(square, 1); }).join();
    auto made = submit_through(held, on, 3);
    EXPECT_EQ(of_another.cancel(), plait::cancel_outcome::dropped);
    co_await plait::sleep(std::chrono::milliseconds(1));
    held.let_through(1);
    block_for(held, 3);
    const int sum = co_await sum_of(std::move(made));
    co_return sum + co_await runs;
  };
  plait::event_loop loop;
  EXPECT_EQ(loop.run_until_complete(body(*pool, gate)), 3 + 7);
}

}  // namespace
