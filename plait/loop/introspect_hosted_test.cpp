// Looking into a loop that is inside another one: the host here is poll(2).
#include <plait/core/sync.hpp>
#include <plait/loop/internal/look_in.hpp>
#include <plait/loop/introspect_fixture_test.hpp>

#include <string>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <tests/support/gate.hpp>
#include <tests/support/pipe.hpp>
#include <tests/support/tasks.hpp>

namespace plait {
namespace {

using test_support::gate;
using test_support::is_readable;
using test_support::sleeps;
using testing::HasSubstr;
using testing::Not;

/// A loop with one task, inside this thread's loop of poll(2).
struct hosted {
  hosted() {
    static_cast<void>(loop.create_task(sleeps(), "sleeper"));
    idle();
  }
  /// Polls until there is nothing to do.
  void idle() {
    while (is_readable(descriptor)) loop.poll();
  }
  /// Polls whenever there is something to do, until the gate is open; who opens it wakes the loop after it.
  void serve(const gate& until) {
    while (!until.is_open()) {
      static_cast<void>(is_readable(descriptor, -1));
      loop.poll();
    }
  }
  event_loop loop;
  const int descriptor = loop.descriptor();
};

constexpr auto sleeper_seen = " on thread MainThread: 1 task\ntask \"sleeper\" waits  [introspect_hosted_test.cpp:";

TEST(introspect_hosted, between_two_polls_its_own_thread_looks_without_asking) {
  hosted host;
  EXPECT_THAT(task_tree(), HasSubstr(sleeper_seen));
  EXPECT_THAT(task_table(), HasSubstr("\nsleeper  waits "));
  EXPECT_FALSE(is_readable(host.descriptor)) << "it asked, and would have waited for itself";
}

TEST(introspect_hosted, during_a_poll_its_own_thread_looks_too) {
  hosted host;
  std::string text;
  host.loop.call_soon([&] { text = task_tree(); });
  host.idle();
  EXPECT_THAT(text, HasSubstr(sleeper_seen));
}

TEST(introspect_hosted, another_thread_wakes_the_host_and_is_answered) {
  hosted host;
  std::string text;
  gate looked;
  std::thread elsewhere([&] {
    do text = task_tree();
    while (text.find("it does not answer") != std::string::npos);  // a slow machine
    looked.open();
    host.loop.call_soon_threadsafe([] {});
  });
  host.serve(looked);
  elsewhere.join();
  EXPECT_THAT(text, HasSubstr(sleeper_seen));
}

TEST(introspect_hosted, one_that_nobody_polls_does_not_answer_and_does_when_it_is_polled_again) {
  hosted host;
  std::string unpolled;
  std::thread asks_in_vain(
      [&] { unpolled = detail::as_tree(detail::pictures_of_all(sync::now(), [] { return true; })); });
  asks_in_vain.join();
  EXPECT_THAT(unpolled, HasSubstr(": it does not answer\n"));
  EXPECT_TRUE(is_readable(host.descriptor)) << "the question waits";
  host.idle();
  EXPECT_THAT(task_tree(), HasSubstr(sleeper_seen));
}

TEST(introspect_hosted, one_that_another_thread_has_taken_over_is_asked) {
  hosted host;
  std::thread elsewhere([&] {
    host.loop.poll();
    EXPECT_THAT(task_tree(), HasSubstr(": 1 task\n"));
    EXPECT_FALSE(is_readable(host.descriptor));
  });
  elsewhere.join();
  const auto text = detail::as_tree(detail::pictures_of_all(sync::now(), [] { return true; }));
  EXPECT_THAT(text, HasSubstr(": it does not answer\n"));
  host.idle();
}

TEST(introspect_hosted, one_that_is_not_inside_another_loop_does_not_run_then) {
  event_loop loop;
  static_cast<void>(loop.create_task(sleeps(), "sleeper"));
  EXPECT_THAT(task_tree(), HasSubstr(": it does not run now\n"));
  EXPECT_THAT(task_tree(), Not(HasSubstr("sleeper")));
}

}  // namespace
}  // namespace plait
