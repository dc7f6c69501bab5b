// Task groups and cancellation from outside; groups in groups.
#include <plait/loop/any_task_handle.hpp>
#include <plait/loop/event_loop.hpp>
#include <plait/loop/sleep.hpp>
#include <plait/loop/task_group.hpp>
#include <plait/loop/task_group_fixture_test.hpp>

#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <tests/support/expect_throw.hpp>
#include <tests/support/turns.hpp>
#include <tests/support/witness.hpp>

namespace plait {
namespace {

using namespace std::chrono_literals;
using task_group_test::fails_saying;
using task_group_test::lasts;
using task_group_test::log;
using test_support::ledger;
using test_support::message_of;
using test_support::pass;
using test_support::witness;

task<void> fails_when_cancelled(std::string with) {
  try {
    co_await sleep(1h);
  } catch (const cancelled_error&) {
  }
  throw std::runtime_error(with);
}

/// Swallows so many cancels.
task<void> stubborn(log* seen, int cancels) {
  for (int i = 1; i <= cancels; ++i) {
    try {
      co_await sleep(1h);
    } catch (const cancelled_error&) {
      seen->push_back("swallowed " + std::to_string(i));
    }
  }
}

task<void> lasts_in_body(task_group& g, log* seen) {
  g.create_task(lasts(seen, "child"));
  co_await lasts(seen, "body");
}

TEST(task_group_cancel, of_the_parent_in_its_body_reaches_body_and_children) {
  event_loop loop;
  log seen;
  const auto parent = loop.create_task(with_task_group(lasts_in_body, &seen));
  pass(loop, 2);
  parent.cancel();
  EXPECT_EQ(message_of<cancelled_error>([&] { loop.run_until_complete(parent); }), "cancelled");
  EXPECT_EQ(seen, (log{"body cancelled", "child cancelled"}));
}

TEST(task_group_cancel, of_the_parent_while_it_joins_reaches_the_children) {
  event_loop loop;
  log seen;
  const auto parent = loop.create_task(with_task_group([&](task_group& g) { g.create_task(lasts(&seen, "child")); }));
  pass(loop, 2);
  parent.cancel();
  EXPECT_EQ(message_of<cancelled_error>([&] { loop.run_until_complete(parent); }), "cancelled");
  EXPECT_EQ(seen, (log{"child cancelled"}));
}

TEST(task_group_cancel, of_the_parent_waits_for_a_child_that_ignores_it_however_often) {
  event_loop loop;
  log seen;
  const auto parent = loop.create_task(with_task_group([&](task_group& g) { g.create_task(stubborn(&seen, 2)); }));
  pass(loop, 2);
  parent.cancel();
  pass(loop, 3);
  EXPECT_EQ(seen, (log{"swallowed 1"}));
  parent.cancel();  // the children have been told; they are not told again
  pass(loop, 3);
  EXPECT_EQ(seen, (log{"swallowed 1"}));
  EXPECT_FALSE(parent.done());
  loop.close();
  EXPECT_EQ(seen, (log{"swallowed 1", "swallowed 2"}));
  EXPECT_TRUE(parent.cancelled());
}

struct ending {
  std::string failure;
  int cancelling = -1;
  bool cancelled_at_next_await = false;
};

/// Notes how the group's failure comes out, and what is left of cancels after it.
template <class Start> task<void> runs_group(Start start, ending* how) {
  try {
    co_await with_task_group(start);
  } catch (const exception_group& group) {
    how->failure = group.what();
  }
  how->cancelling = current_task().cancelling();
  try {
    co_await sleep(0s);
  } catch (const cancelled_error&) {
    how->cancelled_at_next_await = true;
  }
}

TEST(task_group_cancel, of_a_failure_is_taken_back) {
  event_loop loop;
  ending how;
  const auto start = [](task_group& g) { g.create_task(fails_saying("a")); };
  loop.run_until_complete(runs_group(start, &how));
  EXPECT_EQ(how.failure, "1 task of the group failed: std::runtime_error: a");
  EXPECT_EQ(how.cancelling, 0);
  EXPECT_FALSE(how.cancelled_at_next_await);
}

TEST(task_group_cancel, of_a_failure_in_the_body_is_taken_back) {
  event_loop loop;
  ending how;
  log seen;
  const auto start = [into = &seen](task_group& g) -> task<void> {
    g.create_task(fails_saying("a"));
    co_await lasts(into, "body");
  };
  loop.run_until_complete(runs_group(start, &how));
  EXPECT_EQ(how.failure, "1 task of the group failed: std::runtime_error: a");
  EXPECT_EQ(how.cancelling, 0);
  EXPECT_FALSE(how.cancelled_at_next_await);
}

TEST(task_group_cancel, from_outside_with_a_failing_child_comes_after_the_failures) {
  event_loop loop;
  ending how;
  const auto start = [](task_group& g) { g.create_task(fails_when_cancelled("in reaction")); };
  const auto parent = loop.create_task(runs_group(start, &how));
  pass(loop, 2);
  parent.cancel();
  loop.run_until_complete(parent);
  EXPECT_EQ(how.failure, "1 task of the group failed: std::runtime_error: in reaction");
  EXPECT_EQ(how.cancelling, 1);
  EXPECT_TRUE(how.cancelled_at_next_await);
}

TEST(task_group_cancel, from_outside_after_a_failure_is_not_swallowed) {
  event_loop loop;
  ending how;
  log seen;
  const auto start = [into = &seen](task_group& g) {
    g.create_task(stubborn(into, 2));
    g.create_task(fails_saying("first"));
  };
  const auto parent = loop.create_task(runs_group(start, &how));
  while (seen.empty()) pass(loop);  // the failure has reached the sibling
  parent.cancel();
  pass(loop, 3);
  EXPECT_FALSE(parent.done());
  std::vector<any_task_handle> all;
  loop.call_soon([&] { all = all_tasks(); });
  pass(loop);
  ASSERT_EQ(all.size(), 2U);
  all.back().cancel();  // the stubborn child gives up
  loop.run_until_complete(parent);
  EXPECT_EQ(how.failure, "1 task of the group failed: std::runtime_error: first");
  EXPECT_EQ(how.cancelling, 1);
  EXPECT_TRUE(how.cancelled_at_next_await);
}

TEST(task_group_cancel, from_outside_and_a_failure_in_the_same_turn_both_come_out) {
  event_loop loop;
  ending how;
  log seen;
  task_handle<void> parent;
  const auto cancels_and_fails = [](const task_handle<void>* outer) -> task<void> {
    co_await sleep(0s);
    outer->cancel();
    throw std::runtime_error("after it cancelled");
  };
  const auto start = [&](task_group& g) -> task<void> {
    g.create_task(cancels_and_fails(&parent));
    co_await lasts(&seen, "body");
  };
  parent = loop.create_task(runs_group(start, &how));
  loop.run_until_complete(parent);
  EXPECT_EQ(how.failure, "1 task of the group failed: std::runtime_error: after it cancelled");
  EXPECT_EQ(how.cancelling, 1);
  EXPECT_TRUE(how.cancelled_at_next_await);
}

TEST(task_group_cancel, before_the_parent_began_runs_nothing) {
  event_loop loop;
  bool ran = false;
  const auto parent = loop.create_task(with_task_group([&ran](task_group&) { ran = true; }));
  parent.cancel();
  EXPECT_THROW(loop.run_until_complete(parent), cancelled_error);
  EXPECT_FALSE(ran);
}

TEST(task_group_cancel, cancelled_error_that_the_body_makes_up_ends_the_group_and_comes_out) {
  event_loop loop;
  log seen;
  const auto body = [](task_group& g, log* into) -> task<void> {
    g.create_task(lasts(into, "child"));
    co_await sleep(0s);
    throw cancelled_error();
  };
  EXPECT_THROW(loop.run_until_complete(with_task_group(body, &seen)), cancelled_error);
  EXPECT_EQ(seen, (log{"child cancelled"}));
}

TEST(task_group_cancel, swallowed_by_the_body_lets_its_value_come) {
  event_loop loop;
  const auto body = [](task_group&) -> task<int> {
    try {
      co_await sleep(1h);
    } catch (const cancelled_error&) {
    }
    co_return 7;
  };
  const auto parent = loop.create_task(with_task_group(body));
  pass(loop, 2);
  parent.cancel();
  EXPECT_EQ(loop.run_until_complete(parent), 7);
  EXPECT_EQ(parent.cancelling(), 1);
}

TEST(task_group_cancel, by_the_end_of_the_loop_joins_all) {
  log seen;
  {
    event_loop loop;
    static_cast<void>(loop.create_task(with_task_group(lasts_in_body, &seen)));
    pass(loop, 2);
  }
  EXPECT_EQ(seen.size(), 2U);
}

// ── groups in groups ──

TEST(task_group_cancel, a_failure_in_an_inner_group_is_a_nested_failure_of_the_outer_one) {
  event_loop loop;
  log seen;
  const auto inner = [](task_group& g, log* into) {
    g.create_task(lasts(into, "inner child"));
    g.create_task(fails_saying("inner"));
  };
  const auto outer = [inner](task_group& g, log* into) -> task<void> {
    g.create_task(lasts(into, "outer child"));
    co_await with_task_group(inner, into);
  };
  EXPECT_EQ(message_of<exception_group>([&] { loop.run_until_complete(with_task_group(outer, &seen)); }),
            "the body of the group failed: (1 task of the group failed: std::runtime_error: inner)");
  EXPECT_EQ(seen, (log{"inner child cancelled", "outer child cancelled"}));
}

TEST(task_group_cancel, a_failure_in_an_outer_group_cancels_the_inner_one_and_comes_out_alone) {
  event_loop loop;
  log seen;
  const auto inner = [](task_group& g, log* into) { g.create_task(lasts(into, "inner child")); };
  const auto outer = [inner](task_group& g, log* into) -> task<void> {
    g.create_task(fails_saying("outer"));
    co_await with_task_group(inner, into);
    into->emplace_back("not reached");
  };
  EXPECT_EQ(message_of<exception_group>([&] { loop.run_until_complete(with_task_group(outer, &seen)); }),
            "1 task of the group failed: std::runtime_error: outer");
  EXPECT_EQ(seen, (log{"inner child cancelled"}));
}

TEST(task_group_cancel, failures_of_both_groups_come_out_nested) {
  event_loop loop;
  const auto inner = [](task_group& g) { g.create_task(fails_when_cancelled("inner")); };
  const auto outer = [inner](task_group& g) -> task<void> {
    g.create_task(fails_saying("outer"));
    co_await with_task_group(inner);
  };
  EXPECT_EQ(message_of<exception_group>([&] { loop.run_until_complete(with_task_group(outer)); }),
            "the body and 1 task of the group failed: std::runtime_error: outer; (1 task of the group failed: "
            "std::runtime_error: inner)");
}

TEST(task_group_cancel, failures_of_both_groups_in_one_turn_come_out_nested_and_leave_no_cancel) {
  event_loop loop;
  ending how;
  const auto inner = [](task_group& g) { g.create_task(fails_saying("inner")); };
  const auto outer = [inner](task_group& g) -> task<void> {
    g.create_task(fails_saying("outer"));
    co_await with_task_group(inner);
  };
  loop.run_until_complete(runs_group(outer, &how));
  EXPECT_EQ(how.failure,
            "the body and 1 task of the group failed: std::runtime_error: outer; (1 task of the group failed: "
            "std::runtime_error: inner)");
  EXPECT_EQ(how.cancelling, 0);
  EXPECT_FALSE(how.cancelled_at_next_await);
}

TEST(task_group_cancel, an_inner_failure_handled_in_the_outer_body_goes_no_further) {
  event_loop loop;
  const auto inner = [](task_group& g) { g.create_task(fails_saying("inner")); };
  const auto child = []() -> task<int> {
    for (int i = 0; i < 5; ++i) co_await sleep(0s);
    co_return 3;
  };
  const auto outer = [inner, child](task_group& g) -> task<int> {
    const auto sibling = g.create_task(child());
    try {
      co_await with_task_group(inner);
    } catch (const exception_group&) {
    }
    const int n = co_await sibling;
    co_return n;
  };
  EXPECT_EQ(loop.run_until_complete(with_task_group(outer)), 3);
}

task<void> nests(log* seen, int depth) {
  if (depth == 0) co_return co_await lasts(seen, "innermost");
  const auto start = [seen, depth](task_group& g) { g.create_task(nests(seen, depth - 1)); };
  co_await with_task_group(start);
}

TEST(task_group_cancel, from_outside_reaches_the_innermost_of_many) {
  event_loop loop;
  log seen;
  const auto parent = loop.create_task(nests(&seen, 50));
  pass(loop, 110);
  parent.cancel();
  EXPECT_THROW(loop.run_until_complete(parent), cancelled_error);
  EXPECT_EQ(seen, (log{"innermost cancelled"}));
}

}  // namespace
}  // namespace plait
