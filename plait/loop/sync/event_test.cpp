#include <plait/loop/event_loop.hpp>
#include <plait/loop/run.hpp>
#include <plait/loop/sleep.hpp>
#include <plait/loop/sync/event.hpp>
#include <plait/loop/sync_wait.hpp>

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <tests/support/expect_throw.hpp>
#include <tests/support/foreign_coroutine.hpp>
#include <tests/support/turns.hpp>

namespace {

using namespace std::chrono_literals;
using plait::event;
using plait::event_loop;
using plait::invalid_state_error;
using plait::task;
using test_support::in_next_turn;
using test_support::message_of;
using test_support::pass;
using testing::ElementsAre;
using testing::HasSubstr;

using trace = std::vector<std::string>;

task<void> waits(event* awaited, trace* seen, std::string name) {
  co_await awaited->wait();
  seen->push_back(name);
}

TEST(event, wakes_all_that_wait_in_the_order_in_which_they_came) {
  event happened;
  trace seen;
  event_loop loop;
  for (const auto* name : {"a", "b", "c"}) loop.create_task(waits(&happened, &seen, name));
  pass(loop);
  EXPECT_TRUE(seen.empty());
  in_next_turn(loop, [&] { happened.set(); });
  pass(loop);
  EXPECT_THAT(seen, ElementsAre("a", "b", "c"));
}

TEST(event, that_is_set_lets_pass_without_suspending_until_it_is_cleared) {
  event happened;
  EXPECT_FALSE(happened.is_set());
  happened.set();
  happened.set();
  EXPECT_TRUE(happened.is_set());
  trace seen;
  event_loop loop;
  loop.create_task(waits(&happened, &seen, "a"));
  pass(loop);
  EXPECT_THAT(seen, ElementsAre("a"));
  happened.clear();
  EXPECT_FALSE(happened.is_set());
  const auto b = loop.create_task(waits(&happened, &seen, "b"));
  pass(loop, 3);
  EXPECT_FALSE(b.done());
  happened.set();  // plain code between two runs of the loop
  loop.run_until_complete(b);
}

TEST(event, cleared_in_the_same_turn_still_wakes_who_waited) {
  event happened;
  trace seen;
  event_loop loop;
  loop.create_task(waits(&happened, &seen, "a"));
  pass(loop);
  in_next_turn(loop, [&] {
    happened.set();
    happened.clear();
  });
  pass(loop);
  EXPECT_THAT(seen, ElementsAre("a"));
}

TEST(event, cancelled_waiters_leave_and_the_others_are_woken) {
  event happened;
  trace seen;
  event_loop loop;
  const auto a = loop.create_task(waits(&happened, &seen, "a"));
  const auto b = loop.create_task(waits(&happened, &seen, "b"));
  const auto c = loop.create_task(waits(&happened, &seen, "c"));
  pass(loop);
  in_next_turn(loop, [&] {
    b.cancel();
    happened.set();
    c.cancel();
  });
  pass(loop);
  EXPECT_TRUE(b.cancelled());
  EXPECT_TRUE(c.cancelled()) << "woken, and cancelled before it resumed";
  EXPECT_THAT(seen, ElementsAre("a"));
}

TEST(event, destroyed_while_a_task_waits_tells_it) {
  auto happened = std::make_unique<event>();
  trace seen;
  event_loop loop;
  const auto a = loop.create_task(waits(happened.get(), &seen, "a"));
  pass(loop);
  in_next_turn(loop, [&] { happened.reset(); });
  EXPECT_THAT(message_of<invalid_state_error>([&] { loop.run_until_complete(a); }),
              HasSubstr("event::wait: what the task waited for was destroyed"));
}

TEST(event, destroyed_when_it_is_set_has_woken_all) {
  auto happened = std::make_unique<event>();
  trace seen;
  event_loop loop;
  const auto a = loop.create_task(waits(happened.get(), &seen, "a"));
  pass(loop);
  in_next_turn(loop, [&] {
    happened->set();
    happened.reset();
  });
  loop.run_until_complete(a);
  EXPECT_THAT(seen, ElementsAre("a"));
}

TEST(event, destroyed_before_its_loop_lets_the_loop_cancel_who_waited) {
  event_loop loop;
  trace seen;
  plait::task_handle<void> a;
  {
    event happened;
    a = loop.create_task(waits(&happened, &seen, "a"));
    pass(loop);
  }
  loop.close();
  EXPECT_TRUE(a.done());
  EXPECT_TRUE(seen.empty());
}

TEST(event, set_from_another_thread_names_call_soon_threadsafe) {
  event happened;
  trace seen;
  event_loop loop;
  const auto a = loop.create_task(waits(&happened, &seen, "a"));
  pass(loop);
  std::string said;
  in_next_turn(loop,
               [&] { std::thread([&] { said = message_of<invalid_state_error>([&] { happened.set(); }); }).join(); });
  EXPECT_THAT(said, HasSubstr("call_soon_threadsafe"));
  EXPECT_FALSE(happened.is_set());
  happened.set();
  loop.run_until_complete(a);
}

TEST(event, awaited_from_another_loop_while_a_task_waits_says_so) {
  event happened;
  trace seen;
  event_loop loop;
  event_loop other;
  const auto a = loop.create_task(waits(&happened, &seen, "a"));
  pass(loop);
  EXPECT_THAT(message_of<invalid_state_error>([&] { other.run_until_complete(waits(&happened, &seen, "b")); }),
              HasSubstr("awaited from the wrong loop"));
  happened.set();
  loop.run_until_complete(a);
}

TEST(event, awaited_where_no_loop_runs_says_so) {
  event happened;
  const auto start = [](event* awaited, std::string* said) -> test_support::detached {
    try {
      co_await awaited->wait();
    } catch (const plait::no_running_loop_error& e) {
      *said = e.what();
    }
  };
  std::string said;
  start(&happened, &said);
  EXPECT_THAT(said, HasSubstr("event::wait needs an event loop"));
}

TEST(event, wakes_a_coroutine_of_another_library) {
  event happened;
  bool woken = false;
  event_loop loop;
  const auto start = [](event* awaited, bool* woken) -> test_support::detached {
    co_await awaited->wait();
    *woken = true;
  };
  in_next_turn(loop, [&] { start(&happened, &woken); });
  in_next_turn(loop, [&] { happened.set(); });
  pass(loop);
  EXPECT_TRUE(woken);
}

TEST(event, wait_can_be_awaited_again) {
  event happened;
  const auto body = [](event* happened) -> task<int> {
    auto wait = happened->wait();
    plait::get_running_loop().call_soon([happened] { happened->set(); });
    co_await wait;
    happened->clear();
    plait::get_running_loop().call_soon([happened] { happened->set(); });
    co_await wait;
    co_return 2;
  };
  EXPECT_EQ(plait::run(body(&happened)), 2);
}

}  // namespace
