#include <plait/loop/event_loop.hpp>
#include <plait/loop/run.hpp>
#include <plait/loop/sleep.hpp>
#include <plait/loop/sync/barrier.hpp>

#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <tests/support/expect_throw.hpp>
#include <tests/support/turns.hpp>

namespace {

using plait::barrier;
using plait::broken_barrier_error;
using plait::event_loop;
using plait::invalid_state_error;
using plait::task;
using plait::task_handle;
using test_support::in_next_turn;
using test_support::message_of;
using test_support::pass;
using testing::ElementsAre;
using testing::HasSubstr;

task<std::size_t> comes(barrier* meeting) {
  const auto index = co_await meeting->wait();
  co_return index;
}

std::vector<task_handle<std::size_t>> arrive(event_loop& loop, barrier& meeting, int n) {
  std::vector<task_handle<std::size_t>> tasks;
  for (int i = 0; i < n; ++i) tasks.push_back(loop.create_task(comes(&meeting)));
  pass(loop);
  return tasks;
}

TEST(barrier, lets_all_go_on_when_the_last_has_come_and_gives_each_another_index) {
  barrier meeting(3);
  event_loop loop;
  EXPECT_EQ(meeting.parties(), 3U);
  auto tasks = arrive(loop, meeting, 2);
  EXPECT_EQ(meeting.n_waiting(), 2U);
  EXPECT_FALSE(tasks[0].done());
  tasks.push_back(arrive(loop, meeting, 1)[0]);
  EXPECT_TRUE(tasks[2].done()) << "the last one does not suspend";
  EXPECT_EQ(meeting.n_waiting(), 0U);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(loop.run_until_complete(tasks[i]), i);
}

TEST(barrier, of_one_never_waits) {
  barrier meeting(1);
  EXPECT_EQ(plait::run(comes(&meeting)), 0U);
  EXPECT_EQ(plait::run(comes(&meeting)), 0U);
}

TEST(barrier, is_used_again_at_once_by_the_next_round) {
  barrier meeting(2);
  std::vector<int> rounds;
  event_loop loop;
  const auto walks = [](barrier* meeting, std::vector<int>* rounds) -> task<void> {
    for (int i = 0; i < 3; ++i) {
      rounds->push_back(i);
      static_cast<void>(co_await meeting->wait());
    }
  };
  const auto a = loop.create_task(walks(&meeting, &rounds));
  const auto b = loop.create_task(walks(&meeting, &rounds));
  loop.run_until_complete(a);
  loop.run_until_complete(b);
  EXPECT_THAT(rounds, ElementsAre(0, 0, 1, 1, 2, 2));
}

TEST(barrier, is_left_by_a_task_that_is_cancelled_and_waits_for_another_in_its_place) {
  barrier meeting(3);
  event_loop loop;
  auto tasks = arrive(loop, meeting, 2);
  in_next_turn(loop, [&] { tasks[0].cancel(); });
  EXPECT_EQ(meeting.n_waiting(), 1U);
  EXPECT_FALSE(meeting.broken());
  auto later = arrive(loop, meeting, 2);
  EXPECT_EQ(loop.run_until_complete(tasks[1]), 0U);
  EXPECT_EQ(loop.run_until_complete(later[0]), 1U);
  EXPECT_EQ(loop.run_until_complete(later[1]), 2U);
  EXPECT_TRUE(tasks[0].cancelled());
}

TEST(barrier, lets_the_others_go_on_where_one_is_cancelled_when_all_have_come) {
  barrier meeting(3);
  event_loop loop;
  auto tasks = arrive(loop, meeting, 2);
  const auto last = [](barrier* meeting, const task_handle<std::size_t>* first) -> task<std::size_t> {
    const auto index = co_await meeting->wait();
    first->cancel();
    co_return index;
  };
  EXPECT_EQ(loop.run_until_complete(last(&meeting, &tasks[0])), 2U);
  EXPECT_EQ(loop.run_until_complete(tasks[1]), 1U);
  EXPECT_TRUE(tasks[0].cancelled());
  EXPECT_EQ(meeting.n_waiting(), 0U);
}

TEST(barrier, aborted_turns_away_who_waits_and_who_comes_until_it_is_reset) {
  barrier meeting(2);
  event_loop loop;
  auto waiting = arrive(loop, meeting, 1)[0];
  in_next_turn(loop, [&] { meeting.abort(); });
  EXPECT_TRUE(meeting.broken());
  EXPECT_EQ(meeting.n_waiting(), 0U);
  EXPECT_THAT(message_of<broken_barrier_error>([&] { loop.run_until_complete(waiting); }),
              HasSubstr("aborted or reset while this task waited"));
  EXPECT_THAT(message_of<broken_barrier_error>([&] { loop.run_until_complete(comes(&meeting)); }),
              HasSubstr("the barrier is broken; reset()"));
  meeting.reset();
  EXPECT_FALSE(meeting.broken());
  auto tasks = arrive(loop, meeting, 2);
  EXPECT_EQ(loop.run_until_complete(tasks[0]), 0U);
  EXPECT_EQ(loop.run_until_complete(tasks[1]), 1U);
}

TEST(barrier, reset_turns_away_who_waits_and_is_whole_at_once) {
  barrier meeting(2);
  event_loop loop;
  auto waiting = arrive(loop, meeting, 1)[0];
  in_next_turn(loop, [&] { meeting.reset(); });
  EXPECT_FALSE(meeting.broken());
  EXPECT_THAT(message_of<broken_barrier_error>([&] { loop.run_until_complete(waiting); }), HasSubstr("reset"));
  auto tasks = arrive(loop, meeting, 2);
  EXPECT_EQ(loop.run_until_complete(tasks[1]), 1U);
}

TEST(barrier, aborted_when_all_have_come_lets_them_go_on) {
  barrier meeting(2);
  event_loop loop;
  auto tasks = arrive(loop, meeting, 1);
  const auto last = [](barrier* meeting) -> task<void> {
    static_cast<void>(co_await meeting->wait());
    meeting->abort();
  };
  loop.run_until_complete(last(&meeting));
  EXPECT_EQ(loop.run_until_complete(tasks[0]), 0U);
  EXPECT_TRUE(meeting.broken());
}

TEST(barrier, turned_away_and_cancelled_in_the_same_turn_is_cancelled) {
  barrier meeting(2);
  event_loop loop;
  auto waiting = arrive(loop, meeting, 1)[0];
  in_next_turn(loop, [&] {
    meeting.abort();
    waiting.cancel();
  });
  pass(loop);
  EXPECT_TRUE(waiting.cancelled());
}

TEST(barrier, for_less_than_one_is_refused) {
  EXPECT_EQ(message_of<std::invalid_argument>([] { barrier(0); }), "plait: parties is 0; expected 1 or more");
  EXPECT_EQ(message_of<std::invalid_argument>([] { barrier(-3); }), "plait: parties is -3; expected 1 or more");
}

TEST(barrier, destroyed_while_a_task_waits_tells_it) {
  auto meeting = std::make_unique<barrier>(2);
  event_loop loop;
  auto waiting = arrive(loop, *meeting, 1)[0];
  in_next_turn(loop, [&] { meeting.reset(); });
  EXPECT_THAT(message_of<invalid_state_error>([&] { loop.run_until_complete(waiting); }),
              HasSubstr("barrier::wait: what the task waited for was destroyed"));
}

TEST(barrier, destroyed_when_all_have_come_has_let_them_go_on) {
  auto meeting = std::make_unique<barrier>(2);
  event_loop loop;
  auto tasks = arrive(loop, *meeting, 1);
  const auto last = [](std::unique_ptr<barrier>* meeting) -> task<void> {
    static_cast<void>(co_await (*meeting)->wait());
    meeting->reset();
  };
  loop.run_until_complete(last(&meeting));
  EXPECT_EQ(loop.run_until_complete(tasks[0]), 0U);
}

TEST(barrier, awaited_from_another_loop_while_a_task_waits_says_so) {
  barrier meeting(2);
  event_loop loop;
  event_loop other;
  auto tasks = arrive(loop, meeting, 1);
  EXPECT_THAT(message_of<invalid_state_error>([&] { other.run_until_complete(comes(&meeting)); }),
              HasSubstr("awaited from the wrong loop"));
  EXPECT_EQ(loop.run_until_complete(comes(&meeting)), 1U);
  loop.run_until_complete(tasks[0]);
}

}  // namespace
