// Signals in coroutines. What is sent to this program comes to the test's own thread: the watchdog's blocks all.
#include <plait/loop/event_loop.hpp>
#include <plait/loop/next_signal.hpp>
#include <plait/loop/sleep.hpp>
#include <plait/loop/sync_wait.hpp>

#include <chrono>
#include <csignal>
#include <functional>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <tests/support/expect_throw.hpp>
#include <tests/support/signals.hpp>

namespace plait {
namespace {

using namespace std::chrono_literals;
using test_support::disposition;
using test_support::message_in;
using test_support::message_of;
using test_support::send;

/// After all that waits now has been run, and once more.
void soon(event_loop& loop, std::function<void()> f) {
  loop.call_soon([&loop, f = std::move(f)] { loop.call_soon(f); });
}

task<int> next(signal_set which) {
  const int got = co_await next_signal(which);
  co_return got;
}

TEST(next_signal, gives_the_signal_that_came) {
  event_loop loop;
  const auto one = loop.create_task(next(SIGUSR1));
  soon(loop, [] { send(SIGUSR1); });
  EXPECT_EQ(loop.run_until_complete(one), SIGUSR1);
}

TEST(next_signal, of_several_says_which) {
  event_loop loop;
  const auto one = loop.create_task(next({SIGTERM, SIGUSR2, SIGRTMIN}));
  soon(loop, [] { send(SIGUSR2); });
  EXPECT_EQ(loop.run_until_complete(one), SIGUSR2);
}

task<std::vector<int>> takes_two_with_a_pause() {
  std::vector<int> got;
  got.push_back(co_await next_signal({SIGUSR1, SIGUSR2}));
  send(SIGUSR2);  // nobody waits
  co_await sleep(1ms);
  send(SIGUSR1);
  send(SIGUSR1);
  co_await sleep(1ms);
  got.push_back(co_await next_signal({SIGUSR1, SIGUSR2}));
  got.push_back(co_await next_signal({SIGUSR1, SIGUSR2}));
  co_return got;
}

TEST(next_signal, keeps_one_of_each_that_came_between_two_awaits) {
  event_loop loop;
  const auto all = loop.create_task(takes_two_with_a_pause());
  soon(loop, [] { send(SIGUSR1); });
  EXPECT_EQ(loop.run_until_complete(all), (std::vector<int>{SIGUSR1, SIGUSR1, SIGUSR2}));
}

TEST(next_signal, wakes_all_who_wait_for_it) {
  event_loop loop;
  const auto one = loop.create_task(next(SIGUSR1));
  const auto other = loop.create_task(next({SIGUSR2, SIGUSR1}));
  const auto stranger = loop.create_task(next(SIGUSR2));
  soon(loop, [] { send(SIGUSR1); });
  EXPECT_EQ(loop.run_until_complete(one), SIGUSR1);
  EXPECT_EQ(loop.run_until_complete(other), SIGUSR1);
  EXPECT_FALSE(stranger.done());
}

TEST(next_signal, cancelled_loses_no_signal) {
  event_loop loop;
  const auto cancelled = loop.create_task(next(SIGUSR1));
  soon(loop, [&] {
    static_cast<void>(cancelled.cancel());
    send(SIGUSR1);
  });
  EXPECT_THROW(loop.run_until_complete(cancelled), cancelled_error);
  EXPECT_EQ(loop.run_until_complete(next(SIGUSR1)), SIGUSR1);
}

TEST(next_signal, cancelled_after_it_came_gives_it_to_the_next) {
  event_loop loop;
  const auto cancelled = loop.create_task(next(SIGUSR1));
  // The signal's entry in the inbox is older than the callback's: in one turn the coroutine is woken, then cancelled,
  // and resumed in the next.
  soon(loop, [&] {
    send(SIGUSR1);
    loop.call_soon_threadsafe([&] { EXPECT_EQ(cancelled.cancel(), cancel_outcome::asked); });
  });
  EXPECT_THROW(loop.run_until_complete(cancelled), cancelled_error);
  EXPECT_EQ(loop.run_until_complete(next(SIGUSR1)), SIGUSR1);
}

TEST(next_signal, keeps_the_signal_from_its_default_action_until_the_loop_closes) {
  const auto before = disposition(SIGUSR1);
  {
    event_loop loop;
    const auto one = loop.create_task(next(SIGUSR1));
    soon(loop, [] { send(SIGUSR1); });
    loop.run_until_complete(one);
    EXPECT_NE(disposition(SIGUSR1), before);
  }
  EXPECT_EQ(disposition(SIGUSR1), before);
}

TEST(next_signal, that_was_blocked_comes_when_it_is_unblocked) {
  sigset_t one;
  sigemptyset(&one);
  sigaddset(&one, SIGUSR1);
  event_loop loop;
  const auto waiting = loop.create_task(next(SIGUSR1));
  soon(loop, [&] {
    pthread_sigmask(SIG_BLOCK, &one, nullptr);
    send(SIGUSR1);
    // Two turns would do for one that was not blocked: in the first it arrives, in the second the task goes on.
    soon(loop, [&] {
      soon(loop, [&] {
        EXPECT_FALSE(waiting.done());
        pthread_sigmask(SIG_UNBLOCK, &one, nullptr);
      });
    });
  });
  EXPECT_EQ(loop.run_until_complete(waiting), SIGUSR1);
}

TEST(next_signal, refuses_what_is_no_signal_or_none_that_a_loop_can_handle) {
  EXPECT_EQ(message_of<std::invalid_argument>([] { static_cast<void>(next_signal(0)); }),
            "plait: signal is 0; expected 1 to 64");
  EXPECT_EQ(message_of<std::invalid_argument>([] { static_cast<void>(next_signal({SIGTERM, 65})); }),
            "plait: signal is 65; expected 1 to 64");
  EXPECT_EQ(message_of<std::invalid_argument>([] { static_cast<void>(next_signal(SIGKILL)); }),
            "plait: signal is 9 (SIGKILL); expected one that can be handled");
  EXPECT_EQ(message_of<std::invalid_argument>([] { static_cast<void>(next_signal(SIGSTOP)); }),
            "plait: signal is 19 (SIGSTOP); expected one that can be handled");
  EXPECT_EQ(message_of<std::invalid_argument>([] { static_cast<void>(next_signal(32)); }),
            "plait: signal is 32; expected one that can be handled");
  EXPECT_EQ(
      message_of<std::invalid_argument>([] { static_cast<void>(next_signal(SIGSEGV)); }),
      "plait: signal is 11 (SIGSEGV); expected one that comes from outside: after a fault the program can't go on "
      "to a loop's next turn");
}

TEST(next_signal, of_a_signal_that_another_loop_has_takes_none_of_the_set) {
  event_loop other;
  other.add_signal_handler(SIGUSR2, [] {});
  const auto before = disposition(SIGUSR1);
  event_loop loop;
  const auto refused = loop.create_task(next({SIGUSR1, SIGUSR2}));
  EXPECT_EQ(message_of<invalid_state_error>([&] { loop.run_until_complete(refused); }),
            "plait: signal 12 (SIGUSR2) is handled by another event loop; remove it there first");
  EXPECT_EQ(disposition(SIGUSR1), before);
  other.remove_signal_handler(SIGUSR2);
  const auto taken = loop.create_task(next({SIGUSR1, SIGUSR2}));
  soon(loop, [] { send(SIGUSR2); });
  EXPECT_EQ(loop.run_until_complete(taken), SIGUSR2);
}

}  // namespace
}  // namespace plait
