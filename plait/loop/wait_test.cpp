// wait: which come out done, which pending, in what order, and when.
#include <plait/core/any_future.hpp>
#include <plait/core/promise.hpp>
#include <plait/loop/event_loop.hpp>
#include <plait/loop/sync_wait.hpp>
#include <plait/loop/wait.hpp>

#include <filesystem>
#include <list>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <sys/timerfd.h>
#include <tests/support/expect_throw.hpp>
#include <tests/support/tasks.hpp>

namespace plait {
namespace {

using namespace std::chrono_literals;
using test_support::message_of;
using test_support::number_later;

/// So many promises, and their futures.
struct inputs {
  explicit inputs(std::size_t count) : promises(count) {
    for (const auto& p : promises) futures.push_back(p.get_future());
  }
  std::vector<promise<int>> promises;
  std::vector<future<int>> futures;
};

using futures = std::vector<future<int>>;

/// Waits, and calls `meanwhile` when the wait is suspended.
template <class Futures, class F>
task<wait_result<std::ranges::range_value_t<Futures>>> wait_while(Futures fs, wait_options options, F meanwhile) {
  get_running_loop().call_soon(meanwhile);
  auto result = co_await wait(fs, options);
  co_return result;
}

void fail(promise<int>& p) { p.set_exception(std::make_exception_ptr(std::runtime_error("no"))); }

TEST(wait, for_all_gives_them_in_the_order_of_the_input) {
  inputs in(3);
  const auto [done, pending] = sync_wait(wait_while(in.futures, {}, [&] {
    in.promises[2].set_value(2);
    fail(in.promises[0]);
    in.promises[1].set_value(1);
  }));
  EXPECT_EQ(done, in.futures);
  EXPECT_EQ(pending, futures());
}

TEST(wait, for_the_first_gives_what_is_done_by_then) {
  inputs in(3);
  const auto [done, pending] =
      sync_wait(wait_while(in.futures, {.return_when = first_completed}, [&] { in.promises[1].set_value(1); }));
  EXPECT_EQ(done, futures{in.futures[1]});
  EXPECT_EQ(pending, (futures{in.futures[0], in.futures[2]}));
}

TEST(wait, for_the_first_takes_a_cancelled_one) {
  inputs in(2);
  const auto [done, pending] =
      sync_wait(wait_while(in.futures, {.return_when = first_completed}, [&] { in.futures[1].cancel(); }));
  EXPECT_EQ(done, futures{in.futures[1]});
}

TEST(wait, for_the_first_exception_passes_over_values_and_cancelled_ones) {
  inputs in(4);
  const auto [done, pending] = sync_wait(wait_while(in.futures, {.return_when = first_exception}, [&] {
    in.promises[0].set_value(0);
    in.futures[1].cancel();
    get_running_loop().call_later(0s, [&] { fail(in.promises[2]); });
  }));
  EXPECT_EQ(done, (futures{in.futures[0], in.futures[1], in.futures[2]}));
  EXPECT_EQ(pending, futures{in.futures[3]});
}

TEST(wait, for_the_first_exception_ends_when_all_are_done_without_one) {
  inputs in(2);
  const auto [done, pending] = sync_wait(wait_while(in.futures, {.return_when = first_exception}, [&] {
    in.promises[0].set_value(0);
    in.futures[1].cancel();
  }));
  EXPECT_EQ(done, in.futures);
}

TEST(wait, gives_each_once) {
  inputs in(2);
  const futures twice{in.futures[1], in.futures[0], in.futures[1], in.futures[0], in.futures[1]};
  const auto [done, pending] =
      sync_wait(wait_while(twice, {.return_when = first_completed}, [&] { in.promises[0].set_value(0); }));
  EXPECT_EQ(done, futures{in.futures[0]});
  EXPECT_EQ(pending, futures{in.futures[1]});
}

task<int> count_passes(futures fs, wait_options options) {
  const auto passes = std::make_shared<int>(0);  // the callback may come after the end
  get_running_loop().call_soon([passes] { ++*passes; });
  const auto result = co_await wait(fs, options);
  co_return *passes * 100 + static_cast<int>(result.done.size());
}

TEST(wait, for_what_is_there_already_does_not_suspend) {
  inputs in(2);
  in.promises[0].set_value(0);
  EXPECT_EQ(sync_wait(count_passes(in.futures, {.return_when = first_completed})), 1);
  fail(in.promises[1]);
  EXPECT_EQ(sync_wait(count_passes(in.futures, {.return_when = first_exception})), 2);
  EXPECT_EQ(sync_wait(count_passes(in.futures, {})), 2);
}

TEST(wait, gives_what_there_is_at_a_timeout) {
  for (const nanoseconds timeout : {0ns, 1ns, 1000ns}) {
    inputs in(2);
    in.promises[1].set_value(1);
    const auto [done, pending] = sync_wait(wait(in.futures, {.timeout = timeout}));
    EXPECT_EQ(done, futures{in.futures[1]});
    EXPECT_EQ(pending, futures{in.futures[0]});
    EXPECT_FALSE(in.futures[0].done());  // a timeout cancels nothing
  }
}

/// Whether a timer of the kernel's runs in this process: of a loop that is a guest, for its next alarm.
bool is_alarm_set() {
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    itimerspec left{};  // stays so where the descriptor is no timer
    static_cast<void>(::timerfd_gettime(std::stoi(entry.path().filename()), &left));
    if (left.it_value.tv_sec > 0 || left.it_value.tv_nsec > 0) return true;
  }
  return false;
}

TEST(wait, that_ends_before_its_timeout_leaves_no_alarm) {
  inputs in(1);
  event_loop loop;
  static_cast<void>(loop.descriptor());
  const auto waiting = loop.create_task(wait_while(in.futures, {.timeout = 1h}, [] {}));
  loop.poll();
  EXPECT_TRUE(is_alarm_set());
  in.promises[0].set_value(1);
  const auto [done, pending] = loop.run_until_complete(waiting);
  EXPECT_EQ(done, in.futures);
  EXPECT_FALSE(is_alarm_set());
}

TEST(wait, refuses_an_empty_set_and_bad_timeouts_and_empty_futures) {
  EXPECT_EQ(message_of<std::invalid_argument>([] { static_cast<void>(wait(futures())); }),
            "plait: futures is empty; expected at least one future");
  const inputs in(1);
  EXPECT_EQ(message_of<std::invalid_argument>([&] { static_cast<void>(wait(in.futures, {.timeout = -1ms})); }),
            "plait: timeout is -0.001 s; expected 0 or more");
  EXPECT_EQ(message_of<invalid_state_error>([] { static_cast<void>(wait(futures(1))); }),
            "plait: wait: one of the futures holds nothing: it was moved from or never given a call");
}

task<std::vector<bool>> waits_for_a_mix(future<int> number, future<std::string> text) {
  const auto handle = get_running_loop().create_task(number_later(3));
  std::list<any_future> mix{text, handle, number};
  const auto result = co_await wait(mix, {.return_when = first_completed});
  std::vector<bool> equal{result.done.size() == 1, result.done[0] == any_future(handle), result.pending.size() == 2,
                          result.pending[0] == any_future(text), result.pending[1] == any_future(number)};
  co_return equal;
}

TEST(wait, takes_a_mix_as_any_future) {
  const promise<int> number;
  const promise<std::string> text;
  EXPECT_EQ(sync_wait(waits_for_a_mix(number.get_future(), text.get_future())), std::vector<bool>(5, true));
}

task<int> waits_for_handles() {
  std::vector<task_handle<int>> handles;
  for (int i = 0; i < 3; ++i) handles.push_back(get_running_loop().create_task(number_later(i)));
  const auto [done, pending] = co_await wait(handles);
  int sum = 0;
  for (const auto& handle : done) sum += handle.result();
  co_return sum;
}

TEST(wait, takes_handles) { EXPECT_EQ(sync_wait(waits_for_handles()), 3); }

TEST(wait, for_ten_thousand_that_other_threads_complete) {
  constexpr std::size_t count = 10'000;
  inputs in(count);
  std::vector<std::thread> completers;
  for (std::size_t t = 0; t < 4; ++t) {
    completers.emplace_back([&in, t] {
      for (auto i = t; i < count; i += 4) in.promises[i].set_value(static_cast<int>(i));
    });
  }
  const auto [done, pending] = sync_wait(wait(in.futures));
  for (auto& completer : completers) completer.join();
  EXPECT_EQ(done, in.futures);
  EXPECT_TRUE(pending.empty());
}

#if defined(__SANITIZE_THREAD__)
constexpr int racing_rounds = 200;  // each starts four threads, which is slow there
#else
constexpr int racing_rounds = 1'000;
#endif

// Scenario 23: no wake-up is missed, whichever comes first.
TEST(wait, a_hundred_racing_four_threads_that_complete_them) {
  for (int round = 0; round < racing_rounds; ++round) {
    inputs in(100);
    std::vector<std::thread> completers;
    for (std::size_t t = 0; t < 4; ++t) {
      completers.emplace_back([&in, t] {
        for (auto i = t; i < 100; i += 4) in.promises[i].set_value(1);
      });
    }
    const auto first = sync_wait(wait(in.futures, {.return_when = first_completed}));
    EXPECT_GE(first.done.size(), 1U);
    EXPECT_EQ(first.done.size() + first.pending.size(), 100U);
    const auto all = sync_wait(wait(in.futures));
    EXPECT_EQ(all.done.size(), 100U);
    for (auto& completer : completers) completer.join();
  }
}

task<int> waits_again_and_again(futures fs) {
  std::size_t rounds = 0;
  auto left = std::move(fs);
  while (!left.empty()) {
    auto result = co_await wait(left, {.return_when = first_completed});
    left = std::move(result.pending);
    ++rounds;
  }
  co_return static_cast<int>(rounds);
}

TEST(wait, again_and_again_for_the_rest) {
  inputs in(50);
  std::thread completer([&in] {
    for (auto& p : in.promises) p.set_value(0);
  });
  const int rounds = sync_wait(waits_again_and_again(in.futures));
  completer.join();
  EXPECT_GE(rounds, 1);
  EXPECT_LE(rounds, 50);
}

TEST(wait, awaited_a_second_time_is_an_error_that_says_so) {
  event_loop loop;
  const promise<int> input;
  const auto waits_twice = [](future<int> f) -> task<std::string> {
    auto waits = wait(std::vector<future<int>>{f}, {.timeout = 1ms});
    static_cast<void>(co_await waits);
    std::string what;
    try {
      static_cast<void>(co_await waits);
    } catch (const invalid_state_error& error) {
      what = error.what();
    }
    co_return what;
  };
  EXPECT_EQ(loop.run_until_complete(waits_twice(input.get_future())),
            "plait: co_await wait: this wait has been awaited before; call plait::wait again");

  promise<int> kept;
  kept.set_value(1);
  EXPECT_EQ(loop.run_until_complete(waits_twice(kept.get_future())),
            "plait: co_await wait: this wait has been awaited before; call plait::wait again")
      << "also where all is done";
}

}  // namespace
}  // namespace plait
