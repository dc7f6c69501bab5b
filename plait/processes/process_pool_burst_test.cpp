// Many calls that a coroutine submits in one turn of its loop: the later ones are sent together, and until then lie
// in the pool's inbox.
#include <plait/loop/event_loop.hpp>
#include <plait/loop/settled.hpp>
#include <plait/loop/sleep.hpp>
#include <plait/processes/internal/process_pool.hpp>

#include <array>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "process_pool_fixture_test.hpp"
#include <dlfcn.h>

namespace {

using namespace pool_test;
using namespace std::chrono_literals;

constexpr int many = 100;
constexpr int sent_at_once = plait::detail::process_pool::placed_at_once;
using calls = std::vector<plait::future<int>>;

calls burst_at(process_pool_executor& pool, const portable_gate& gate) {
  calls made;
  for (int i = 0; i < many; ++i) made.push_back(pool.submit(wait_at, gate.path(), i));
  return made;
}
calls burst_of(process_pool_executor& pool, int (*function)(int)) {
  calls made;
  for (int i = 0; i < many; ++i) made.push_back(pool.submit(function, i));
  return made;
}

/// A worker's own count of its calls.
int number_of_call(int) {
  static int last = -1;
  return ++last;
}
int length_of(const std::string& text) { return static_cast<int>(text.size()); }
int dies_at_fifty(int n) { return n == 50 ? die_by(SIGKILL) : n; }

/// As many as are sent at once, and done: the next one of this turn goes into the inbox, alone.
void use_up_what_is_sent_at_once(process_pool_executor& pool) {
  calls first;
  for (int i = 0; i < sent_at_once; ++i) first.push_back(pool.submit(square, i));
  std::thread([&] {
    for (const auto& call : first) static_cast<void>(call.result());
  }).join();
}

/// From here on nobody but the loop sends what lies in the inbox. Made on another thread: on the loop's its call
/// would lie there too.
std::unique_ptr<busy_attendant> nobody_else(process_pool_executor& pool) {
  std::unique_ptr<busy_attendant> made;
  std::thread([&] { made = std::make_unique<busy_attendant>(pool); }).join();
  return made;
}

template <class Body> void on_a_loop(process_pool_executor& pool, Body body) {
  plait::event_loop loop;
  loop.run_until_complete(body(pool));
}

TEST(burst_of_a_loop, runs_though_the_coroutine_blocks_behind_it) {
  process_pool_executor pool({.max_workers = 2});
  on_a_loop(pool, [](process_pool_executor& pool) -> plait::task<void> {
    for (int round = 0; round < 10; ++round) {
      const portable_gate gate;
      gate.let_through(many);
      auto burst = burst_at(pool, gate);
      gate.wait_for(many);
      for (int i = 0; i < many; ++i) {
        const auto got = co_await burst[static_cast<std::size_t>(i)];
        EXPECT_EQ(got, i);
      }
    }
  });
}

// The pause proves nothing: meanwhile the pool's thread sees that nothing waits, and gives up watching the loop.
TEST(burst_of_a_loop, runs_also_where_nothing_waited_before) {
  process_pool_executor pool({.max_workers = 2});
  on_a_loop(pool, [](process_pool_executor& pool) -> plait::task<void> {
    for (int round = 0; round < 3; ++round) {
      use_up_what_is_sent_at_once(pool);
      std::this_thread::sleep_for(50ms);
      const portable_gate gate;
      gate.let_through(1);
      const auto last = pool.submit(wait_at, gate.path(), 7);
      gate.wait_for(1);
      const auto got = co_await last;
      EXPECT_EQ(got, 7);
    }
  });
}

// One worker, so that none can be stuck beside another: the loop would look for that, and send the rest too.
TEST(burst_of_a_loop, is_sent_at_the_end_of_the_turn) {
  process_pool_executor pool({.max_workers = 1});
  on_a_loop(pool, [](process_pool_executor& pool) -> plait::task<void> {
    for (int round = 0; round < 10; ++round) {
      use_up_what_is_sent_at_once(pool);
      const auto busy = nobody_else(pool);
      const auto got = co_await pool.submit(square, 7);
      EXPECT_EQ(got, 49);
    }
  });
}

TEST(burst_of_a_loop, gives_results_to_a_thread_for_which_the_loop_waits) {
  process_pool_executor pool({.max_workers = 2});
  on_a_loop(pool, [](process_pool_executor& pool) -> plait::task<void> {
    for (int round = 0; round < 10; ++round) {
      auto burst = burst_of(pool, square);
      int got = -1;
      std::thread([&] { got = burst.back().result(); }).join();
      EXPECT_EQ(got, square(many - 1));
    }
    co_return;
  });
}

// In its last turn: there is no other at whose beginning they would be sent.
TEST(burst_of_a_loop, is_run_after_the_loop_has_stopped) {
  process_pool_executor pool({.max_workers = 2});
  plait::event_loop loop;
  calls burst;
  loop.call_soon([&] {
    burst = burst_of(pool, square);
    loop.stop();
  });
  loop.run_forever();
  for (int i = 0; i < many; ++i) EXPECT_EQ(burst[static_cast<std::size_t>(i)].result(), square(i));
}

TEST(burst_of_a_loop, is_sent_when_the_loop_stops) {
  process_pool_executor pool({.max_workers = 2});
  const portable_gate gate;
  gate.let_through(1);
  std::unique_ptr<busy_attendant> busy;
  plait::future<int> last;
  plait::event_loop loop;
  loop.call_soon([&] {
    use_up_what_is_sent_at_once(pool);
    busy = nobody_else(pool);
    last = pool.submit(wait_at, gate.path(), 7);
    loop.stop();
  });
  loop.run_forever();
  gate.wait_for(1);
  busy.reset();
  EXPECT_EQ(last.result(), 7);
}

TEST(burst_of_a_loop, keeps_its_order) {
  process_pool_executor pool({.max_workers = 1});
  on_a_loop(pool, [](process_pool_executor& pool) -> plait::task<void> {
    for (int round = 0; round < 3; ++round) {
      auto burst = burst_of(pool, number_of_call);
      std::thread([&] { burst.push_back(pool.submit(number_of_call, 0)); }).join();
      burst.push_back(pool.submit({.priority = -1}, number_of_call, 0));
      for (int i = 0; i < many + 2; ++i) {
        const auto got = co_await burst[static_cast<std::size_t>(i)];
        EXPECT_EQ(got, round * (many + 2) + i);
      }
    }
  });
}

// The ones are written down when they are sent, the others when they are submitted; quick ones go in rows.
TEST(burst_of_a_loop, of_numbers_and_of_text_gives_each_its_own_result) {
  process_pool_executor pool({.max_workers = 2});
  on_a_loop(pool, [](process_pool_executor& pool) -> plait::task<void> {
    for (int round = 0; round < 3; ++round) {
      calls burst;
      for (int i = 0; i < many; ++i) {
        const auto n = static_cast<std::size_t>(i);
        burst.push_back(i % 3 == 0 ? pool.submit(length_of, std::string(n, 'x')) : pool.submit(square, i));
      }
      for (int i = 0; i < many; ++i) {
        const auto got = co_await burst[static_cast<std::size_t>(i)];
        EXPECT_EQ(got, i % 3 == 0 ? i : i * i);
      }
    }
  });
}

/// Two cache lines in the ring, which has no room for as many of them as a quick worker may be sent.
int sum_of_ends(std::array<int, 15> numbers) { return numbers[0] + numbers[14]; }

TEST(burst_of_a_loop, may_be_more_than_a_ring_has_room_for) {
  process_pool_executor pool({.max_workers = 1});
  on_a_loop(pool, [](process_pool_executor& pool) -> plait::task<void> {
    for (int round = 0; round < 3; ++round) {
      calls burst;
      for (int i = 0; i < 3000; ++i) {
        std::array<int, 15> numbers{};
        numbers[0] = i;
        numbers[14] = round;
        burst.push_back(pool.submit(sum_of_ends, numbers));
      }
      for (int i = 0; i < 3000; ++i) {
        const auto got = co_await burst[static_cast<std::size_t>(i)];
        EXPECT_EQ(got, i + round);
      }
    }
  });
}

TEST(burst_of_a_loop, has_an_error_for_each_call_that_does_not_travel) {
  process_pool_executor pool({.max_workers = 1});
  on_a_loop(pool, [](process_pool_executor& pool) -> plait::task<void> {
    auto burst = burst_of(pool, square);
    int (*const none)(int) = nullptr;
    auto wrong = pool.submit(none, 1);
    const auto of_a_library = reinterpret_cast<int (*)(int)>(dlsym(RTLD_DEFAULT, "abs"));
    auto right = pool.submit(of_a_library, -7);
    static_cast<void>(co_await plait::settled(wrong));
    EXPECT_THROW(static_cast<void>(wrong.result()), plait::not_portable);
    const auto got = co_await right;
    EXPECT_EQ(got, 7);
    for (auto& call : burst) static_cast<void>(co_await call);
  });
}

TEST(burst_of_a_loop, can_be_cancelled_in_the_inbox) {
  process_pool_executor pool({.max_workers = 2});
  on_a_loop(pool, [](process_pool_executor& pool) -> plait::task<void> {
    for (int round = 0; round < 10; ++round) {
      use_up_what_is_sent_at_once(pool);
      const auto busy = nobody_else(pool);
      auto before = pool.submit(square, 1), dropped = pool.submit(square, 2), after = pool.submit(square, 3);
      EXPECT_EQ(dropped.cancel(), plait::cancel_outcome::dropped);
      const auto one = co_await before, three = co_await after;
      EXPECT_EQ(one + three, 10);
      co_await plait::sleep(0s);
    }
  });
}

TEST(burst_of_a_loop, waits_and_can_be_cancelled_call_by_call) {
  process_pool_executor pool({.max_workers = 1});
  on_a_loop(pool, [](process_pool_executor& pool) -> plait::task<void> {
    const portable_gate gate;
    auto burst = burst_at(pool, gate);
    gate.wait_for(1);
    EXPECT_EQ(pool.pending(), std::size_t{many - 1});
    for (int i = 1; i < many; i += 2) burst.push_back(pool.submit(square, i));
    for (std::size_t i = 1; i < many; ++i) EXPECT_EQ(burst[i].cancel(), plait::cancel_outcome::dropped);
    EXPECT_EQ(pool.pending(), std::size_t{many / 2});
    gate.let_through(1);
    const auto first = co_await burst[0];
    EXPECT_EQ(first, 0);
    for (int i = 1; i < many; i += 2) {
      const auto got = co_await burst[std::size_t{many} + static_cast<std::size_t>(i) / 2];
      EXPECT_EQ(got, square(i));
    }
  });
}

TEST(burst_of_a_loop, is_done_before_the_pool_that_is_told_to_end) {
  process_pool_executor pool({.max_workers = 2});
  on_a_loop(pool, [](process_pool_executor& pool) -> plait::task<void> {
    auto burst = burst_of(pool, square);
    const auto ended = co_await pool.async_shutdown();
    EXPECT_TRUE(ended);
    for (int i = 0; i < many; ++i) EXPECT_EQ(burst[static_cast<std::size_t>(i)].result(), square(i));
    EXPECT_THROW(static_cast<void>(burst_of(pool, square)), plait::shut_down_error);
  });
}

TEST(burst_of_a_loop, is_cancelled_where_the_pool_cancels_what_waits) {
  process_pool_executor pool({.max_workers = 1});
  on_a_loop(pool, [](process_pool_executor& pool) -> plait::task<void> {
    const portable_gate gate;
    auto burst = burst_at(pool, gate);
    gate.wait_for(1);
    auto ended = pool.async_shutdown(plait::shutdown_mode::cancel_pending);
    for (std::size_t i = 1; i < many; ++i) EXPECT_TRUE(burst[i].cancelled());
    gate.let_through(1);
    static_cast<void>(co_await ended);
    EXPECT_EQ(burst[0].result(), 0);
  });
}

TEST(burst_of_a_loop, loses_to_a_death_what_it_was_the_death_of) {
  process_pool_executor pool({.max_workers = 1});
  on_a_loop(pool, [](process_pool_executor& pool) -> plait::task<void> {
    auto burst = burst_of(pool, dies_at_fifty);
    for (int i = 0; i < many; ++i) {
      const auto ended = co_await plait::settled(burst[static_cast<std::size_t>(i)]);
      EXPECT_EQ(ended.has_value(), i != 50) << i;
    }
    EXPECT_EQ(death_of(burst[50]).signal(), SIGKILL);
  });
}

TEST(burst_of_a_loop, gives_back_its_room_in_a_bounded_pool) {
  process_pool_executor pool({.max_workers = 2, .max_pending = many});
  on_a_loop(pool, [](process_pool_executor& pool) -> plait::task<void> {
    for (int round = 0; round < 3; ++round) {
      calls burst;
      for (int i = 0; i < many; ++i) {
        auto call = pool.try_submit(square, i);
        EXPECT_TRUE(call) << round << ", " << i;
        if (call) burst.push_back(std::move(*call));
      }
      for (auto& call : burst) static_cast<void>(co_await call);
    }
  });
}

}  // namespace
