// A loop inside another loop: the host here is poll(2), which waits for one descriptor and calls poll().
#include <plait/core/promise.hpp>
#include <plait/loop/event_loop.hpp>
#include <plait/loop/run_coroutine_threadsafe.hpp>
#include <plait/loop/sleep.hpp>
#include <plait/loop/sync/queue.hpp>
#include <plait/loop/to_process.hpp>
#include <plait/loop/to_thread.hpp>

#include <atomic>
#include <chrono>
#include <csignal>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <tests/support/expect_throw.hpp>
#include <tests/support/gate.hpp>
#include <tests/support/pipe.hpp>
#include <tests/support/tasks.hpp>
#include <unistd.h>

namespace plait {
namespace {

using namespace std::chrono_literals;
using test_support::is_readable;
using test_support::message_of;
using test_support::pipe_ends;
using test_support::reads_once;

/// Waits as long as it takes: what would be missed hangs, and the watchdog ends it.
void host(event_loop& loop, const std::function<bool()>& done) {
  const int descriptor = loop.descriptor();
  while (!done()) {
    static_cast<void>(is_readable(descriptor, -1));
    loop.poll();
  }
}
template <class T> T host(event_loop& loop, future<T> awaited) {
  host(loop, [&] { return awaited.done(); });
  return std::move(awaited).result();
}

task<int> gives(int n) {
  co_await sleep(0s);
  co_return n;
}
task<int> sleeps_twice() {
  co_await sleep(1ms);
  co_await sleep(2ms);
  co_return 2;
}
task<int> sleeps_for_long() {
  co_await sleep(1h);
  co_return 3;
}
task<int> calls_threads() {
  int sum = 0;
  for (int i = 0; i < 100; ++i) sum += co_await to_thread([](int n) { return n; }, i);
  co_return sum;
}
int twice(int n) { return 2 * n; }
task<int> calls_processes() {
  int sum = 0;
  for (int i = 0; i < 20; ++i) sum += co_await to_process(twice, i);
  co_return sum;
}

TEST(hosted_loop, is_readable_when_it_has_something_to_do_and_only_then) {
  event_loop loop;
  const int descriptor = loop.descriptor();
  loop.poll();
  EXPECT_FALSE(is_readable(descriptor));
  loop.call_soon([] {});
  EXPECT_TRUE(is_readable(descriptor));
  EXPECT_TRUE(is_readable(descriptor));
  loop.poll();
  EXPECT_FALSE(is_readable(descriptor));
}

TEST(hosted_loop, what_was_added_before_it_was_hosted_is_seen) {
  event_loop loop;
  bool ran = false;
  loop.call_soon([&] { ran = true; });
  host(loop, [&] { return ran; });
}

TEST(hosted_loop, runs_tasks_from_turn_to_turn) {
  event_loop loop;
  static_cast<void>(loop.descriptor());
  EXPECT_EQ(host(loop, loop.create_task(gives(3)).future()), 3);
}

TEST(hosted_loop, wakes_for_timers) {
  event_loop loop;
  EXPECT_EQ(host(loop, loop.create_task(sleeps_twice()).future()), 2);
  bool ran = false;
  loop.call_later(1ms, [&] { ran = true; });
  host(loop, [&] { return ran; });
}

TEST(hosted_loop, is_not_readable_before_its_timer_is_due) {
  event_loop loop;
  const int descriptor = loop.descriptor();
  loop.call_later(1h, [] {});
  while (is_readable(descriptor)) loop.poll();
  bool ran = false;
  loop.call_later(0s, [&] { ran = true; });
  EXPECT_TRUE(is_readable(descriptor));
  loop.poll();
  EXPECT_TRUE(ran);
}

TEST(hosted_loop, wakes_for_calls_in_threads) {
  event_loop loop;
  EXPECT_EQ(host(loop, loop.create_task(calls_threads()).future()), 4950);
}

TEST(hosted_loop, wakes_for_calls_in_processes) {
  event_loop loop;
  EXPECT_EQ(host(loop, loop.create_task(calls_processes()).future()), 380);
}

TEST(hosted_loop, wakes_for_other_threads) {
  event_loop loop;
  std::atomic<int> got = 0;
  constexpr int all = 2'000;
  static_cast<void>(loop.descriptor());
  std::thread other([&] {
    for (int i = 0; i < all; ++i) loop.call_soon_threadsafe([&] { ++got; });
  });
  host(loop, [&] { return got == all; });
  other.join();
  future<int> started;
  std::thread starter([&] { started = run_coroutine_threadsafe(gives(5), loop); });
  starter.join();
  EXPECT_EQ(host(loop, started), 5);
}

TEST(hosted_loop, one_post_at_a_time_is_never_missed) {
  event_loop loop;
  static_cast<void>(loop.descriptor());
  std::atomic<int> got = 0;
  constexpr int all = 2'000;
  std::thread other([&] {
    for (int i = 0; i < all; ++i) {
      loop.call_soon_threadsafe([&] { ++got; });
      while (got <= i) std::this_thread::yield();
    }
  });
  host(loop, [&] { return got == all; });
  other.join();
}

TEST(hosted_loop, wakes_for_descriptors) {
  const pipe_ends pipe;
  event_loop loop;
  const int descriptor = loop.descriptor();
  const auto read = loop.create_task(reads_once(pipe));
  while (is_readable(descriptor)) loop.poll();
  pipe.write("news");
  EXPECT_TRUE(is_readable(descriptor));
  EXPECT_EQ(host(loop, read.future()), "news");
  int calls = 0;
  loop.add_reader(pipe.out(), [&] {
    ++calls;
    static_cast<void>(pipe.read());
  });
  pipe.write("x");
  host(loop, [&] { return calls == 1; });
}

TEST(hosted_loop, wakes_for_signals) {
  event_loop loop;
  const int descriptor = loop.descriptor();
  bool told = false;
  loop.add_signal_handler(SIGUSR1, [&] { told = true; });
  while (is_readable(descriptor)) loop.poll();
  ::raise(SIGUSR1);
  EXPECT_TRUE(is_readable(descriptor));
  loop.poll();
  EXPECT_TRUE(told);
}

TEST(hosted_loop, wakes_for_what_the_host_does_between_polls) {
  event_loop loop;
  const int descriptor = loop.descriptor();
  const auto idle = [&] {
    while (is_readable(descriptor)) loop.poll();
  };
  promise<int> given;
  const auto looks = [](future<int> from) -> task<int> { co_return co_await from; };
  const auto looking = loop.create_task(looks(given.get_future()));
  const auto sleeping = loop.create_task(sleeps_for_long());
  idle();
  given.set_value(4);
  EXPECT_TRUE(is_readable(descriptor));
  EXPECT_EQ(host(loop, looking.future()), 4);
  idle();
  EXPECT_EQ(sleeping.cancel(), cancel_outcome::asked);
  EXPECT_TRUE(is_readable(descriptor));
  EXPECT_THROW(static_cast<void>(host(loop, loop.create_task(looks(sleeping.future())).future())), cancelled_error);
  idle();
  const auto created = loop.create_task(gives(1));
  EXPECT_TRUE(is_readable(descriptor));
  host(loop, created.future());
}

TEST(hosted_loop, may_be_watched_by_edge) {
  event_loop loop;
  const int host = ::epoll_create1(EPOLL_CLOEXEC);
  epoll_event edge{};
  edge.events = EPOLLIN | EPOLLET;
  ASSERT_EQ(::epoll_ctl(host, EPOLL_CTL_ADD, loop.descriptor(), &edge), 0);
  const auto called = loop.create_task(calls_threads());
  const auto slept = loop.create_task(sleeps_twice());
  while (!called.done() || !slept.done()) {
    ::epoll_wait(host, &edge, 1, -1);
    loop.poll();
  }
  EXPECT_EQ(std::as_const(called).result(), 4950);
  ::close(host);
}

TEST(hosted_loop, runs_only_during_a_poll) {
  event_loop loop;
  bool ran = false;
  loop.call_soon([&] {
    ran = true;
    EXPECT_EQ(&get_running_loop(), &loop);
    EXPECT_TRUE(loop.is_running());
    EXPECT_EQ(message_of<invalid_state_error>([&] { loop.poll(); }), "plait: this event loop is already running");
  });
  loop.poll();
  EXPECT_TRUE(ran);
  EXPECT_FALSE(loop.is_running());
  EXPECT_THROW(static_cast<void>(get_running_loop()), no_running_loop_error);
}

TEST(hosted_loop, from_another_thread_while_it_runs_is_an_error) {
  event_loop loop;
  std::string of_descriptor;
  std::string of_poll;
  std::thread other;
  loop.call_soon([&] {
    other = std::thread([&] {
      of_descriptor = message_of<invalid_state_error>([&] { return loop.descriptor(); });
      of_poll = message_of<invalid_state_error>([&] { return loop.poll(); });
      loop.call_soon_threadsafe([&] { loop.stop(); });
    });
  });
  loop.run_forever();
  other.join();
  EXPECT_EQ(of_descriptor,
            "plait: descriptor from another thread than the one on which its event loop runs; use "
            "call_soon_threadsafe to get there");
  EXPECT_EQ(of_poll, "plait: this event loop is already running on another thread");
}

TEST(hosted_loop, poll_says_that_it_was_stopped) {
  event_loop loop;
  EXPECT_TRUE(loop.poll());
  loop.call_soon([&] { loop.stop(); });
  EXPECT_FALSE(loop.poll());
  EXPECT_TRUE(loop.poll());
}

TEST(hosted_loop, lets_the_host_block_for_a_call_between_polls) {
  event_loop loop;
  static_cast<void>(loop.descriptor());
  future<int> in_process;
  loop.call_soon([&] { in_process = to_process(twice, 4); });
  loop.poll();
  EXPECT_EQ(in_process.result(), 8);
}

TEST(hosted_loop, may_be_run_in_between) {
  event_loop loop;
  const int descriptor = loop.descriptor();
  EXPECT_EQ(loop.run_until_complete(sleeps_twice()), 2);
  EXPECT_EQ(host(loop, loop.create_task(gives(3)).future()), 3);
  while (is_readable(descriptor)) loop.poll();
  EXPECT_EQ(loop.run_until_complete(calls_threads()), 4950);
}

TEST(hosted_loop, ends_its_tasks_when_it_is_closed) {
  event_loop loop;
  static_cast<void>(loop.descriptor());
  const auto left = loop.create_task(gives(1));
  const auto slept = loop.create_task(sleeps_twice());
  loop.poll();
  loop.close();
  EXPECT_TRUE(slept.cancelled());
  EXPECT_THROW(static_cast<void>(loop.descriptor()), loop_closed_error);
  EXPECT_THROW(loop.poll(), loop_closed_error);
}

TEST(hosted_loop, may_go_while_it_is_due) {
  for (int i = 0; i < 3; ++i) {
    event_loop loop;
    static_cast<void>(loop.descriptor());
    if (i > 0) loop.call_soon([] {});
    if (i > 1) loop.call_soon_threadsafe([] {});
  }
}

task<int> takes(queue<int>* from) {
  const int taken = co_await from->get();
  co_return taken;
}

TEST(hosted_loop, wakes_for_what_a_queue_is_given_between_two_polls) {
  event_loop loop;
  queue<int> items;
  const auto taken = loop.create_task(takes(&items)).future();
  while (is_readable(loop.descriptor())) loop.poll();
  items.put_nowait(4);
  EXPECT_EQ(host(loop, taken), 4);
}

TEST(hosted_loop, hears_of_a_stop_between_two_polls) {
  event_loop loop;
  while (is_readable(loop.descriptor())) loop.poll();
  loop.stop();
  EXPECT_TRUE(is_readable(loop.descriptor()));
  EXPECT_FALSE(loop.poll());
}

}  // namespace
}  // namespace plait
