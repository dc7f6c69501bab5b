// What context variables hold in readers, signal handlers, tasks from other threads and the children of gatherings.
#include <plait/core/context_var.hpp>
#include <plait/loop/as_completed.hpp>
#include <plait/loop/context_fixture_test.hpp>
#include <plait/loop/event_loop.hpp>
#include <plait/loop/gather.hpp>
#include <plait/loop/run_coroutine_threadsafe.hpp>
#include <plait/loop/sleep.hpp>
#include <plait/loop/sync_wait.hpp>
#include <plait/loop/task_group.hpp>

#include <csignal>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <tests/support/pipe.hpp>

namespace plait {
namespace {

using namespace std::chrono_literals;
using context_test::note;
using context_test::numbers;
using context_test::variable;
using test_support::pipe_ends;
using testing::ElementsAre;

// ── what is called again and again ──

TEST(context_of_callbacks, of_readers_and_writers_is_what_their_adder_had_each_time) {
  const pipe_ends pipe;
  numbers log;
  event_loop loop;
  {
    const auto guard = variable.scoped(1);
    loop.add_reader(pipe.out(), [&] {
      note(&log);
      variable.set(100);  // not seen the next time
      static_cast<void>(pipe.read());
      if (log.size() == 3) return loop.stop();
      loop.add_writer(pipe.in(), [&] {
        note(&log);
        loop.remove_writer(pipe.in());
        pipe.write("again");
      });
    });
  }
  const auto guard = variable.scoped(2);  // whoever runs the loop
  pipe.write("once");
  loop.run_forever();
  EXPECT_THAT(log, ElementsAre(1, 100, 1)) << "reader, the writer that it added, reader";
}

TEST(context_of_callbacks, of_signal_handlers_is_what_their_adder_had_each_time) {
  numbers log;
  event_loop loop;
  {
    const auto guard = variable.scoped(1);
    loop.add_signal_handler(SIGUSR1, [&] {
      note(&log);
      variable.set(100);
      if (log.size() == 2) return loop.stop();
      ::raise(SIGUSR1);
    });
  }
  const auto guard = variable.scoped(2);
  ::raise(SIGUSR1);
  loop.run_forever();
  EXPECT_THAT(log, ElementsAre(1, 1));
}

// ── from another thread ──

task<void> notes_around_an_await(numbers* log, event_loop* loop) {
  note(log);
  co_await sleep(0s);
  note(log);
  loop->stop();
}

TEST(context_of_tasks, from_another_thread_is_that_threads) {
  numbers log;
  event_loop loop;
  const auto guard = variable.scoped(1);  // of the loop's thread
  std::thread other([&] {
    variable.set(6);
    static_cast<void>(run_coroutine_threadsafe(notes_around_an_await(&log, &loop), loop));
    variable.set(7);
  });
  loop.run_forever();
  other.join();
  EXPECT_THAT(log, ElementsAre(6, 6));
}

// ── children ──

task<void> child(numbers* log, int own) {
  note(log);
  variable.set(own);
  co_await sleep(0s);
}

task<void> gathers(numbers* log) {
  variable.set(1);
  auto both = gather(child(log, 10), child(log, 20));
  variable.set(2);
  co_await both;
  note(log);
}

TEST(context_of_tasks, of_a_gathers_children_is_what_was_there_at_the_call) {
  numbers log;
  sync_wait(gathers(&log));
  EXPECT_THAT(log, ElementsAre(1, 1, 2));
}

task<void> takes_as_completed(numbers* log) {
  variable.set(1);
  std::vector<task<void>> tasks;
  tasks.push_back(child(log, 10));
  tasks.push_back(child(log, 20));
  auto each = as_completed(std::move(tasks));
  variable.set(2);
  while (auto done = co_await each.next()) note(log);
}

TEST(context_of_tasks, of_what_as_completed_starts_is_what_was_there_at_the_call) {
  numbers log;
  sync_wait(takes_as_completed(&log));
  EXPECT_THAT(log, ElementsAre(1, 1, 2, 2));
}

task<void> starts_two(task_group& group, numbers* log) {
  variable.set(2);
  group.create_task(child(log, 10));
  variable.set(3);
  group.create_task(child(log, 20));
  co_await sleep(0s);
}
task<void> has_a_group(numbers* log) {
  variable.set(1);
  co_await with_task_group(starts_two, log);
  note(log);
}

TEST(context_of_tasks, of_a_groups_tasks_is_what_its_body_had_which_shares_the_parents) {
  numbers log;
  sync_wait(has_a_group(&log));
  EXPECT_THAT(log, ElementsAre(2, 3, 3));
}

}  // namespace
}  // namespace plait
