#include <plait/loop/event_loop.hpp>
#include <plait/loop/sleep.hpp>
#include <plait/loop/sync_wait.hpp>

#include <limits>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <tests/support/expect_throw.hpp>

namespace plait {
namespace {

using namespace std::chrono_literals;
using test_support::message_of;

task<void> notes(std::vector<int>* log, nanoseconds delay, int n) {
  co_await sleep(delay);
  log->push_back(n);
}

TEST(sleep, lasts_at_least_as_long_as_it_says) {
  const auto begin = clock::now();
  sync_wait(sleep(3ms));
  EXPECT_GE(clock::now(), begin + 3ms);
}

TEST(sleep, ends_in_the_order_of_the_times) {
  std::vector<int> log;
  time_point before_all;
  time_point after_all;
  do {  // each counts from its own begin: again where those lay so far apart that another order is right
    log.clear();
    event_loop loop;
    loop.call_soon([&] { before_all = loop.time(); });
    static_cast<void>(loop.create_task(notes(&log, 3ms, 3)));
    static_cast<void>(loop.create_task(notes(&log, 0ns, 0)));
    static_cast<void>(loop.create_task(notes(&log, 1ms, 1)));
    const auto last = loop.create_task(notes(&log, 6ms, 6));
    loop.call_soon([&] { after_all = loop.time(); });
    loop.run_until_complete(last);
  } while (after_all - before_all >= 1ms);
  EXPECT_EQ(log, (std::vector<int>{0, 1, 3, 6}));
}

task<void> takes_turns(std::vector<int>* log, int who) {
  for (int i = 0; i < 3; ++i) {
    log->push_back(who);
    co_await sleep(0s);
  }
}

TEST(sleep, of_zero_lets_all_others_run_once) {
  event_loop loop;
  std::vector<int> log;
  static_cast<void>(loop.create_task(takes_turns(&log, 1)));
  static_cast<void>(loop.create_task(takes_turns(&log, 2)));
  const auto last = loop.create_task(takes_turns(&log, 3));
  loop.run_until_complete(last);
  EXPECT_EQ(log, (std::vector<int>{1, 2, 3, 1, 2, 3, 1, 2, 3}));
}

TEST(sleep, refuses_negative_delays_and_delays_that_are_no_number) {
  EXPECT_EQ(message_of<std::invalid_argument>([] { static_cast<void>(sleep(-1s)); }),
            "plait: delay is -1 s; expected 0 or more");
  EXPECT_EQ(message_of<std::invalid_argument>([] {
              static_cast<void>(sleep(std::chrono::duration<float>(std::numeric_limits<float>::quiet_NaN())));
            }),
            "plait: delay is nan s; expected 0 or more");
}

TEST(sleep, longer_than_all_time_is_for_ever) {
  event_loop loop;
  std::vector<int> log;
  const auto forever = [](std::vector<int>* to) -> task<void> {
    co_await sleep(std::chrono::hours::max());
    to->push_back(1);
  };
  const auto handle = loop.create_task(forever(&log));
  loop.call_later(1ms, [&] { loop.stop(); });
  loop.run_forever();
  EXPECT_FALSE(handle.done());
  loop.close();
  EXPECT_TRUE(handle.cancelled());
  EXPECT_TRUE(log.empty());
}

}  // namespace
}  // namespace plait
