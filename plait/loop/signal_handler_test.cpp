// add_signal_handler.
#include <plait/loop/event_loop.hpp>
#include <plait/loop/next_signal.hpp>
#include <plait/loop/sleep.hpp>

#include <atomic>
#include <chrono>
#include <csignal>
#include <memory>
#include <string>
#include <thread>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <tests/support/expect_throw.hpp>
#include <tests/support/gate.hpp>
#include <tests/support/recorded_reports.hpp>
#include <tests/support/signals.hpp>
#include <tests/support/witness.hpp>
#include <unistd.h>

namespace plait {
namespace {

using namespace std::chrono_literals;
using test_support::disposition;
using test_support::ledger;
using test_support::message_of;
using test_support::recorded_reports;
using test_support::send;
using test_support::witness;

std::atomic<int> seen_by_program{0};
void programs_own(int) { ++seen_by_program; }

TEST(add_signal_handler, calls_in_a_turn_of_the_loop) {
  event_loop loop;
  std::thread::id where;
  loop.add_signal_handler(
      SIGUSR1,
      [&](int arguments) {
        EXPECT_EQ(arguments, 7);
        EXPECT_EQ(&get_running_loop(), &loop);
        where = std::this_thread::get_id();
        loop.stop();
      },
      7);
  loop.call_soon([] { send(SIGUSR1); });
  loop.run_forever();
  EXPECT_EQ(where, std::this_thread::get_id());
}

TEST(add_signal_handler, calls_once_for_each_time) {
  event_loop loop;
  int calls = 0;
  loop.add_signal_handler(SIGUSR1, [&] {
    if (++calls == 3) loop.stop();
  });
  for (int i = 0; i < 3; ++i) ::raise(SIGUSR1);
  loop.run_forever();
  EXPECT_EQ(calls, 3);
}

TEST(add_signal_handler, wakes_a_loop_that_sleeps_on_another_thread) {
  event_loop loop;
  test_support::gate running;
  loop.add_signal_handler(SIGUSR1, [&] { loop.stop(); });
  loop.call_soon([&] { running.open(); });
  std::thread there([&] { loop.run_forever(); });
  running.wait();
  ::raise(SIGUSR1);  // on this thread
  there.join();
}

TEST(add_signal_handler, replaces_the_one_before) {
  event_loop loop;
  ledger former;
  loop.add_signal_handler(SIGUSR1, [w = std::make_shared<witness>(former)] { FAIL(); });
  loop.add_signal_handler(SIGUSR1, [&] { loop.stop(); });
  EXPECT_EQ(former.alive, 0);
  ::raise(SIGUSR1);
  loop.run_forever();
}

TEST(remove_signal_handler, puts_back_what_the_program_did_before) {
  ::signal(SIGUSR1, &programs_own);
  seen_by_program = 0;
  event_loop loop;
  EXPECT_FALSE(loop.remove_signal_handler(SIGUSR1));
  loop.add_signal_handler(SIGUSR1, [] { FAIL(); });
  EXPECT_TRUE(loop.remove_signal_handler(SIGUSR1));
  EXPECT_FALSE(loop.remove_signal_handler(SIGUSR1));
  ::raise(SIGUSR1);
  EXPECT_EQ(seen_by_program, 1);
  ::signal(SIGUSR1, SIG_DFL);
}

TEST(remove_signal_handler, leaves_alone_what_somebody_put_in_its_place) {
  event_loop loop;
  loop.add_signal_handler(SIGUSR1, [] { FAIL(); });
  ::signal(SIGUSR1, &programs_own);
  EXPECT_TRUE(loop.remove_signal_handler(SIGUSR1));
  EXPECT_EQ(disposition(SIGUSR1), &programs_own);
  ::signal(SIGUSR1, SIG_DFL);
}

TEST(remove_signal_handler, inside_its_own_call) {
  event_loop loop;
  ledger seen;
  int calls = 0;
  loop.add_signal_handler(SIGUSR1, [&, w = std::make_shared<witness>(seen)] {
    ++calls;
    EXPECT_TRUE(loop.remove_signal_handler(SIGUSR1));
    EXPECT_EQ(seen.alive, 1);
    loop.stop();
  });
  ::raise(SIGUSR1);
  ::raise(SIGUSR1);
  loop.run_forever();
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(seen.alive, 0);
}

task<int> next(int signal) {
  const int got = co_await next_signal(signal);
  co_return got;
}

TEST(remove_signal_handler, leaves_the_signal_to_a_coroutine_that_waits) {
  event_loop loop;
  loop.add_signal_handler(SIGUSR1, [] { FAIL(); });
  const auto waits = loop.create_task(next(SIGUSR1));
  loop.call_later(1ms, [&] {
    EXPECT_TRUE(loop.remove_signal_handler(SIGUSR1));
    EXPECT_FALSE(loop.remove_signal_handler(SIGUSR1));
    send(SIGUSR1);
  });
  EXPECT_EQ(loop.run_until_complete(waits), SIGUSR1);
}

TEST(add_signal_handler, and_coroutines_both_get_it) {
  event_loop loop;
  int calls = 0;
  loop.add_signal_handler(SIGUSR1, [&] { ++calls; });
  const auto waits = loop.create_task(next(SIGUSR1));
  loop.call_later(1ms, [] { send(SIGUSR1); });
  loop.run_until_complete(waits);
  EXPECT_EQ(calls, 1);
}

TEST(add_signal_handler, that_throws_is_reported) {
  const recorded_reports reports;
  event_loop loop;
  loop.add_signal_handler(SIGUSR1, [&] {
    loop.stop();
    throw std::runtime_error("of a handler");
  });
  ::raise(SIGUSR1);
  loop.run_forever();
  EXPECT_EQ(recorded_reports::text(), "the handler of signal 10 (SIGUSR1) threw std::runtime_error: of a handler\n");
}

TEST(add_signal_handler, ends_with_its_loop) {
  const auto before = disposition(SIGUSR1);
  ledger seen;
  {
    event_loop loop;
    loop.add_signal_handler(SIGUSR1, [w = std::make_shared<witness>(seen)] { FAIL(); });
    ::raise(SIGUSR1);  // on its way when the loop closes
  }
  EXPECT_EQ(seen.alive, 0);
  EXPECT_EQ(disposition(SIGUSR1), before);
}

TEST(add_signal_handler, refuses_misuse) {
  event_loop loop;
  event_loop other;
  loop.add_signal_handler(SIGTERM, [] {});
  EXPECT_EQ(message_of<invalid_state_error>([&] { other.add_signal_handler(SIGTERM, [] {}); }),
            "plait: signal 15 (SIGTERM) is handled by another event loop; remove it there first");
  EXPECT_FALSE(other.remove_signal_handler(SIGTERM));
  EXPECT_EQ(message_of<std::invalid_argument>([&] { loop.add_signal_handler(-1, [] {}); }),
            "plait: signal is -1; expected 1 to 64");
  EXPECT_EQ(message_of<std::invalid_argument>([&] { loop.add_signal_handler(SIGKILL, [] {}); }),
            "plait: signal is 9 (SIGKILL); expected one that can be handled");
  loop.close();
  EXPECT_THROW(loop.add_signal_handler(SIGTERM, [] {}), loop_closed_error);
}

TEST(add_signal_handler, from_another_thread_is_an_error) {
  event_loop loop;
  std::string refused;
  std::string refused_to_remove;
  std::thread other;
  loop.call_soon([&] {
    other = std::thread([&] {
      refused = message_of<invalid_state_error>([&] { loop.add_signal_handler(SIGTERM, [] {}); });
      refused_to_remove = message_of<invalid_state_error>([&] { return loop.remove_signal_handler(SIGTERM); });
      loop.call_soon_threadsafe([&] { loop.stop(); });
    });
  });
  loop.run_forever();
  other.join();
  EXPECT_EQ(refused,
            "plait: add_signal_handler from another thread than the one on which its event loop runs; use "
            "call_soon_threadsafe to get there");
  EXPECT_EQ(refused_to_remove,
            "plait: remove_signal_handler from another thread than the one on which its event loop runs; use "
            "call_soon_threadsafe to get there");
}

#if !defined(__SANITIZE_THREAD__)  // it runs no handlers in forked children
TEST(add_signal_handler, in_a_forked_child_the_signal_does_what_it_did_before) {
  event_loop loop;
  bool called = false;
  loop.add_signal_handler(SIGTERM, [&] { called = true; });
  const auto child = ::fork();
  if (child == 0) {
    ::raise(SIGTERM);
    ::_exit(1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
  loop.call_later(1ms, [&] { loop.stop(); });
  loop.run_forever();
  EXPECT_FALSE(called);
}
#endif

TEST(add_signal_handler, in_a_forked_child_works_on_a_loop_of_its_own) {
  event_loop loop;
  loop.add_signal_handler(SIGTERM, [] { FAIL(); });
  const auto child = ::fork();
  if (child == 0) {
    int code = 1;
    loop.close();
    {
      event_loop own;
      own.add_signal_handler(SIGTERM, [&] {
        code = 42;
        own.stop();
      });
      ::raise(SIGTERM);
      own.run_forever();
    }
    if (disposition(SIGTERM) != SIG_DFL) code = 2;
    ::_exit(code);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 42);
}

// Handlers on other threads against the signal's coming and going.
TEST(add_signal_handler, and_its_removal_race_with_signals_on_other_threads) {
  ::signal(SIGUSR1, &programs_own);
  seen_by_program = 0;
  std::atomic<bool> over = false;
  std::atomic<int> sent = 0;
  std::thread sender([&] {
    while (!over) {
      ::raise(SIGUSR1);
      ++sent;
    }
  });
  int told = 0;
  for (int round = 0; round < 20; ++round) {
    event_loop loop;
    loop.add_signal_handler(SIGUSR1, [&] {
      ++told;
      loop.stop();
    });
    loop.run_forever();
    loop.remove_signal_handler(SIGUSR1);
  }
  over = true;
  sender.join();
  EXPECT_GE(told, 20);
  EXPECT_LE(told + seen_by_program, sent);
  ::signal(SIGUSR1, SIG_DFL);
}

}  // namespace
}  // namespace plait
