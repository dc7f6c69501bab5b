// How each kind of wait is shown; introspect_test.cpp has sleeps, tasks, futures, waits and calls.
#include <plait/core/promise.hpp>
#include <plait/loop/gather.hpp>
#include <plait/loop/introspect_fixture_test.hpp>
#include <plait/loop/next_signal.hpp>
#include <plait/loop/readable.hpp>
#include <plait/loop/sync/event.hpp>
#include <plait/loop/sync/lock.hpp>
#include <plait/loop/sync/queue.hpp>
#include <plait/loop/sync/semaphore.hpp>
#include <plait/loop/task_group.hpp>
#include <plait/loop/wait.hpp>

#include <csignal>
#include <string>
#include <tuple>
#include <variant>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <tests/support/pipe.hpp>
#include <tests/support/tasks.hpp>

namespace plait {
namespace {

using namespace std::chrono_literals;
using introspect_tests::awaits_future;
using introspect_tests::seen_on;
using introspect_tests::tree_of;
using introspect_tests::waits_for_all;
using test_support::pipe_ends;
using test_support::sleeps;
using testing::EndsWith;

// ── several at once ──

task<void> gathers(future<void> one, task_handle<void> other) {
  auto both = gather(one, other);
  co_await both;
}

TEST(introspect_waits, a_gather_stands_with_what_it_gathers) {
  promise<void> one;
  event_loop loop;
  const auto child = loop.create_task(sleeps(), "child");
  static_cast<void>(loop.create_task(gathers(one.get_future(), child), "gatherer"));
  EXPECT_EQ(tree_of(loop),
            "task \"gatherer\" waits\n"
            "├─ future \"gather\"\n"
            "├─ future\n"
            "└─ task \"child\" waits\n"
            "   └─ sleep\n");
}

TEST(introspect_waits, what_a_gather_has_already_is_left_out) {
  promise<void> one, done;
  done.set_value();
  event_loop loop;
  const auto both = gather(one.get_future(), done.get_future());
  static_cast<void>(loop.create_task(
      [](const gathering<std::tuple<std::monostate, std::monostate>>* all) -> task<void> { co_await *all; }(&both),
      "gatherer"));
  EXPECT_EQ(tree_of(loop),
            "task \"gatherer\" waits\n"
            "├─ future \"gather\"\n"
            "└─ future\n");
}

task<void> starts_two_sleepers(task_group& group) {
  group.create_task(sleeps(), "one");
  group.create_task(sleeps(), "two");
  co_return;
}
task<void> has_a_group() { co_await with_task_group(starts_two_sleepers); }

TEST(introspect_waits, the_end_of_a_task_group_waits_for_its_tasks) {
  event_loop loop;
  static_cast<void>(loop.create_task(has_a_group(), "parent"));
  EXPECT_EQ(tree_of(loop),
            "task \"parent\" waits\n"
            "├─ task \"two\" waits\n"
            "│  └─ sleep\n"
            "└─ task \"one\" waits\n"
            "   └─ sleep\n");
}

TEST(introspect_waits, of_very_many_waits_of_one_task_the_rest_is_counted) {
  std::vector<promise<void>> work(203);
  std::vector<future<void>> all;
  for (const auto& one : work) all.push_back(one.get_future());
  event_loop loop;
  static_cast<void>(loop.create_task(waits_for_all(all), "waiter"));
  EXPECT_THAT(tree_of(loop), EndsWith("├─ future\n└─ and 3 more\n"));
}

// ── locks and queues: by the name of the call ──

task<void> holds(lock* of) {
  const auto guard = co_await of->scoped();
  co_await sleep(1h);
}
task<void> acquires(lock* wanted) { co_await wanted->acquire(); }

TEST(introspect_waits, a_lock) {
  lock shared;
  event_loop loop;
  static_cast<void>(loop.create_task(holds(&shared), "holder"));
  static_cast<void>(loop.create_task(holds(&shared), "scoped"));
  static_cast<void>(loop.create_task(acquires(&shared), "plain"));
  EXPECT_EQ(tree_of(loop),
            "task \"holder\" waits\n"
            "└─ sleep\n"
            "task \"scoped\" waits\n"
            "└─ lock::scoped\n"
            "task \"plain\" waits\n"
            "└─ lock::acquire\n");
}

task<void> gets(queue<int>* from) { static_cast<void>(co_await from->get()); }
task<void> puts_two(queue<int>* to) {
  co_await to->put(1);
  co_await to->put(2);
}
task<void> joins(queue<int>* of) { co_await of->join(); }

TEST(introspect_waits, a_queue) {
  queue<int> empty;
  queue<int> full(1);
  event_loop loop;
  static_cast<void>(loop.create_task(gets(&empty), "getter"));
  static_cast<void>(loop.create_task(puts_two(&full), "putter"));
  static_cast<void>(loop.create_task(joins(&full), "joiner"));
  EXPECT_EQ(tree_of(loop),
            "task \"getter\" waits\n"
            "└─ queue::get\n"
            "task \"putter\" waits\n"
            "└─ queue::put\n"
            "task \"joiner\" waits\n"
            "└─ queue::join\n");
}

task<void> takes_permit(semaphore* from) { co_await from->acquire(); }
task<void> waits_for_event(event* of) { co_await of->wait(); }

TEST(introspect_waits, a_semaphore_and_an_event) {
  semaphore none(0);
  event unset;
  event_loop loop;
  static_cast<void>(loop.create_task(takes_permit(&none), "worker"));
  static_cast<void>(loop.create_task(waits_for_event(&unset), "listener"));
  EXPECT_EQ(tree_of(loop),
            "task \"worker\" waits\n"
            "└─ semaphore::acquire\n"
            "task \"listener\" waits\n"
            "└─ event::wait\n");
}

// ── the outside: the name is made of the awaiter's type ──

task<void> reads(int descriptor) { co_await readable(descriptor); }
task<void> hears(int signal) { static_cast<void>(co_await next_signal(signal)); }

TEST(introspect_waits, a_descriptor_and_a_signal) {
  const pipe_ends pipe;
  event_loop loop;
  static_cast<void>(loop.create_task(reads(pipe.out()), "reader"));
  static_cast<void>(loop.create_task(hears(SIGUSR1), "hearer"));
  EXPECT_EQ(tree_of(loop),
            "task \"reader\" waits\n"
            "└─ descriptor\n"
            "task \"hearer\" waits\n"
            "└─ signal\n");
}

// ── elsewhere, and too much ──

TEST(introspect_waits, a_task_of_another_loop_is_named_and_not_followed) {
  event_loop other;
  const auto far = other.create_task(sleeps(), "far");
  event_loop loop;
  static_cast<void>(loop.create_task(awaits_future(far.future()), "near"));
  EXPECT_EQ(tree_of(loop),
            "task \"near\" waits\n"
            "└─ task \"far\" of another loop\n");
}

TEST(introspect_waits, of_more_than_ten_thousand_tasks_the_newest_are_left_out_and_counted) {
  event_loop loop;
  std::string table;
  const auto tree = seen_on(loop, [&] {
    for (int i = 0; i < 10'003; ++i) static_cast<void>(loop.create_task(sleeps(), "n" + std::to_string(i)));
    table = task_table();
    return task_tree();
  });
  for (const auto& text : {tree, table}) {
    EXPECT_NE(text.find(": 10003 tasks\n"), std::string::npos);
    EXPECT_NE(text.find("n9999"), std::string::npos);
    EXPECT_EQ(text.find("n10000"), std::string::npos);
    EXPECT_THAT(text.substr(text.size() - 100), EndsWith("\nand 3 more tasks, created later\n"));
  }
}

}  // namespace
}  // namespace plait
