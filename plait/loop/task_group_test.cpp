// with_task_group: what comes out of it, whatever way it is left, and what has ended by then.
#include <plait/core/promise.hpp>
#include <plait/loop/event_loop.hpp>
#include <plait/loop/sleep.hpp>
#include <plait/loop/task_group.hpp>
#include <plait/loop/task_group_fixture_test.hpp>

#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

#include <gtest/gtest.h>
#include <tests/support/expect_throw.hpp>
#include <tests/support/foreign_coroutine.hpp>
#include <tests/support/tasks.hpp>
#include <tests/support/witness.hpp>

namespace plait {
namespace {

using namespace std::chrono_literals;
using task_group_test::fails_saying;
using task_group_test::lasts;
using task_group_test::log;
using test_support::ledger;
using test_support::message_of;
using test_support::number_later;
using test_support::witness;

static_assert(!std::is_default_constructible_v<task_group>, "a group is made by with_task_group alone");
static_assert(!std::is_copy_constructible_v<task_group> && !std::is_move_constructible_v<task_group>);

/// Goes on for a while after it was cancelled.
task<void> ignores_cancel(log* seen) {
  try {
    co_await sleep(1h);
  } catch (const cancelled_error&) {
  }
  for (int i = 0; i < 5; ++i) co_await sleep(0s);
  seen->push_back("the stubborn one has ended");
}

task<void> fails_in_reaction(std::string with) {
  try {
    co_await sleep(1h);
  } catch (const cancelled_error&) {
    throw std::logic_error(with);
  }
}

std::string failure_of(event_loop& loop, task<void> whole) {
  return message_of<exception_group>([&] { loop.run_until_complete(std::move(whole)); });
}

// ── what it gives ──

task<int> adds_two(task_group& g) {
  const auto a = g.create_task(number_later(3));
  const auto b = g.create_task(number_later(4));
  const int sum = co_await a + co_await b;
  co_return sum;
}

TEST(task_group, gives_what_its_body_returns) {
  event_loop loop;
  EXPECT_EQ(loop.run_until_complete(with_task_group(adds_two)), 7);
}

TEST(task_group, waits_for_the_tasks_when_the_body_has_returned) {
  event_loop loop;
  std::vector<task_handle<int>> started;
  loop.run_until_complete(with_task_group([&started](task_group& g) -> task<void> {
    for (int i = 0; i < 3; ++i) started.push_back(g.create_task(number_later(i)));
    co_return;
  }));
  ASSERT_EQ(started.size(), 3U);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(started[i].result(0s), i);
}

TEST(task_group, the_body_may_be_a_plain_function) {
  event_loop loop;
  task_handle<int> started;
  const auto n = loop.run_until_complete(with_task_group([&started](task_group& g) {
    started = g.create_task(number_later(5), "the name");
    return 8;
  }));
  EXPECT_EQ(n, 8);
  EXPECT_EQ(started.result(0s), 5);
  EXPECT_EQ(started.name(), "the name");
}

task<int> counts_passes() {
  const auto passes = std::make_shared<int>(0);
  get_running_loop().call_soon([passes] { ++*passes; });
  co_await with_task_group([](task_group&) {});
  co_return *passes;
}

TEST(task_group, without_tasks_does_not_suspend) {
  event_loop loop;
  EXPECT_EQ(loop.run_until_complete(counts_passes()), 0);
}

task<std::unique_ptr<int>> boxed(std::unique_ptr<int> n) {
  co_await sleep(0s);
  co_return n;
}

TEST(task_group, takes_and_gives_what_can_only_be_moved) {
  event_loop loop;
  const auto body = [](task_group& g, std::unique_ptr<int> n) -> task<std::unique_ptr<int>> {
    auto started = g.create_task(boxed(std::move(n)));
    auto result = co_await std::move(started);
    co_return result;
  };
  EXPECT_EQ(*loop.run_until_complete(with_task_group(body, std::make_unique<int>(6))), 6);
}

TEST(task_group, a_child_adds_to_the_group) {
  event_loop loop;
  log seen;
  const auto leaf = [](log* into) -> task<void> {
    co_await sleep(0s);
    into->emplace_back("grandchild");
  };
  const auto child = [](task_group& g, log* into, auto make) -> task<void> {
    co_await sleep(0s);
    g.create_task(make(into));
    into->emplace_back("child");
  };
  loop.run_until_complete(with_task_group([&](task_group& g) { g.create_task(child(g, &seen, leaf)); }));
  EXPECT_EQ(seen, (log{"child", "grandchild"}));
}

TEST(task_group, ten_thousand_children_are_joined) {
  event_loop loop;
  int ended = 0;
  const auto child = [](int* count) -> task<void> {
    co_await sleep(0s);
    ++*count;
  };
  loop.run_until_complete(with_task_group([&](task_group& g) {
    for (int i = 0; i < 10'000; ++i) g.create_task(child(&ended));
  }));
  EXPECT_EQ(ended, 10'000);
}

// ── failures ──

task<void> awaits_long(log* seen) {
  try {
    co_await sleep(1h);
  } catch (const cancelled_error&) {
    seen->emplace_back("body cancelled");
    throw;
  }
}

TEST(task_group, a_childs_failure_cancels_siblings_and_body_and_comes_out) {
  event_loop loop;
  log seen;
  const auto body = [](task_group& g, log* into) -> task<void> {
    g.create_task(lasts(into, "sibling"));
    g.create_task(fails_saying("the cause"));
    co_await awaits_long(into);
  };
  EXPECT_EQ(failure_of(loop, with_task_group(body, &seen)),
            "1 task of the group failed: std::runtime_error: the cause");
  EXPECT_EQ(seen, (log{"sibling cancelled", "body cancelled"}));
}

TEST(task_group, a_childs_failure_after_the_body_returned_cancels_the_siblings) {
  event_loop loop;
  log seen;
  EXPECT_EQ(failure_of(loop, with_task_group([&seen](task_group& g) {
                         g.create_task(lasts(&seen, "older"));
                         g.create_task(fails_saying("the cause"));
                         g.create_task(lasts(&seen, "younger"));
                       })),
            "1 task of the group failed: std::runtime_error: the cause");
  EXPECT_EQ(seen.size(), 2U);
}

TEST(task_group, a_sibling_that_has_not_begun_never_begins) {
  event_loop loop;
  bool ran = false;
  const auto sets = [](bool* what) -> task<void> {
    *what = true;
    co_return;
  };
  EXPECT_EQ(failure_of(loop, with_task_group([&](task_group& g) {
                         g.create_task(sets(&ran));
                         throw std::runtime_error("at once");
                       })),
            "the body of the group failed: std::runtime_error: at once");
  EXPECT_FALSE(ran);
}

TEST(task_group, the_bodys_failure_cancels_the_children_and_comes_out_in_a_group) {
  event_loop loop;
  log seen;
  const auto body = [](task_group& g, log* into) -> task<void> {
    g.create_task(lasts(into, "child"));
    co_await sleep(0s);
    throw std::runtime_error("of the body");
  };
  EXPECT_EQ(failure_of(loop, with_task_group(body, &seen)),
            "the body of the group failed: std::runtime_error: of the body");
  EXPECT_EQ(seen, (log{"child cancelled"}));
}

TEST(task_group, failures_come_out_together_in_order_the_bodys_last) {
  event_loop loop;
  const auto body = [](task_group& g) -> task<void> {
    g.create_task(fails_in_reaction("second"));
    g.create_task(fails_in_reaction("third"));
    g.create_task(fails_saying("first"));
    try {
      co_await sleep(1h);
    } catch (const cancelled_error&) {
      throw std::out_of_range("of the body");
    }
  };
  try {
    loop.run_until_complete(with_task_group(body));
    FAIL();
  } catch (const exception_group& group) {
    EXPECT_EQ(group.exceptions().size(), 4U);
    ASSERT_EQ(group.find<std::runtime_error>().size(), 1U);
    const auto found = group.find<std::exception>();
    EXPECT_STREQ(found.front()->what(), "first");
    EXPECT_STREQ(found.back()->what(), "of the body");
    EXPECT_TRUE(std::string(group.what()).starts_with("the body and 3 tasks of the group failed: ")) << group.what();
  }
}

TEST(task_group, a_body_that_swallows_the_groups_cancel_still_sees_the_failure_come_out) {
  event_loop loop;
  const auto body = [](task_group& g) -> task<int> {
    g.create_task(fails_saying("the cause"));
    try {
      co_await sleep(1h);
    } catch (const cancelled_error&) {
    }
    co_return 5;
  };
  EXPECT_THROW(loop.run_until_complete(with_task_group(body)), exception_group);
}

TEST(task_group, a_cancelled_child_has_not_failed) {
  event_loop loop;
  const auto body = [](task_group& g, log* into) -> task<int> {
    const auto child = g.create_task(lasts(into, "child"));
    co_await sleep(0s);
    child.cancel();
    const int n = co_await g.create_task(number_later(9));
    co_return n;
  };
  log seen;
  EXPECT_EQ(loop.run_until_complete(with_task_group(body, &seen)), 9);
  EXPECT_EQ(seen, (log{"child cancelled"}));
}

TEST(task_group, a_child_that_throws_cancelled_error_has_not_failed) {
  event_loop loop;
  const auto child = []() -> task<void> {
    co_await sleep(0s);
    throw cancelled_error();
  };
  EXPECT_EQ(loop.run_until_complete(with_task_group([&](task_group& g) {
    g.create_task(child());
    return 4;
  })),
            4);
}

TEST(task_group, a_child_that_ignores_its_cancel_is_waited_for) {
  event_loop loop;
  log seen;
  const auto body = [](task_group& g, log* into) -> task<void> {
    g.create_task(ignores_cancel(into));
    co_await sleep(0s);
    throw std::runtime_error("of the body");
  };
  EXPECT_THROW(loop.run_until_complete(with_task_group(body, &seen)), exception_group);
  EXPECT_EQ(seen, (log{"the stubborn one has ended"}));
}

TEST(task_group, one_childs_result_awaited_by_the_body_throws_there_first) {
  event_loop loop;
  log seen;
  const auto body = [](task_group& g, log* into) -> task<void> {
    const auto child = g.create_task(fails_saying("the cause"));
    try {
      co_await child;
    } catch (const std::runtime_error&) {
      into->emplace_back("seen in the body");
    } catch (const cancelled_error&) {
      into->emplace_back("cancelled in the body");
    }
  };
  EXPECT_THROW(loop.run_until_complete(with_task_group(body, &seen)), exception_group);
  EXPECT_EQ(seen, (log{"cancelled in the body"}));  // as asyncio: the group's cancel comes with the wake-up
}

// ── refusals ──

TEST(task_group, takes_no_task_while_it_is_aborted) {
  event_loop loop;
  std::string refused;
  ledger alive;
  const auto child = [](witness) -> task<void> { co_return; };
  const auto late = [](task_group& g, auto make, ledger* where, std::string* what) -> task<void> {
    try {
      co_await sleep(1h);
    } catch (const cancelled_error&) {
      *what = message_of<invalid_state_error>([&] { g.create_task(make(witness(*where))); });
    }
  };
  EXPECT_THROW(loop.run_until_complete(with_task_group([&](task_group& g) {
    g.create_task(late(g, child, &alive, &refused));
    g.create_task(fails_saying("the cause"));
  })),
               exception_group);
  EXPECT_EQ(refused,
            "plait: task_group::create_task: the group is ending, since a task of it or its body failed or was "
            "cancelled; it takes no more tasks");
  EXPECT_EQ(alive.alive, 0);
}

TEST(task_group, takes_no_task_when_its_last_one_is_done) {
  event_loop loop;
  std::string refused;
  loop.run_until_complete(with_task_group([&](task_group& g) {
    g.create_task(number_later(1)).add_done_callback([&](const future<int>&) {
      // The group has been told of the child's end before: it was there first.
      refused = message_of<invalid_state_error>([&] { g.create_task(number_later(2)); });
    });
  }));
  EXPECT_EQ(refused,
            "plait: task_group::create_task: the group has ended: its body has returned and its tasks are done");
}

TEST(task_group, takes_no_task_on_another_thread) {
  event_loop loop;
  std::string refused;
  loop.run_until_complete(with_task_group([&](task_group& g) {
    std::thread([&] { refused = message_of<invalid_state_error>([&] { g.create_task(number_later(1)); }); }).join();
  }));
  EXPECT_EQ(refused,
            "plait: task_group::create_task on another thread than that of its loop; go there by "
            "call_soon_threadsafe");
}

TEST(task_group, takes_no_task_that_was_moved_from) {
  event_loop loop;
  try {
    loop.run_until_complete(with_task_group([](task_group& g) { g.create_task(task<int>()); }));
    FAIL();
  } catch (const exception_group& group) {
    ASSERT_TRUE(group.contains<invalid_state_error>());
    EXPECT_STREQ(group.find<invalid_state_error>()[0]->what(),
                 "plait: create_task of a task that was moved from, awaited or run before");
  }
}

// ── lifetimes ──

task<void> looks_later(const std::string* at, std::string* copy) {
  for (int i = 0; i < 3; ++i) co_await sleep(0s);
  *copy = *at;
}

TEST(task_group, what_the_body_got_by_value_or_captured_outlives_the_children) {
  event_loop loop;
  std::string by_value;
  std::string by_reference;
  std::string captured;
  const auto body = [captures = std::string("captured by the body, and long")](
                        task_group& g, std::string value, const std::string& reference, std::string* a,
                        std::string* b, std::string* c) -> task<void> {
    g.create_task(looks_later(&value, a));
    g.create_task(looks_later(&reference, b));
    g.create_task(looks_later(&captures, c));
    co_return;
  };
  loop.run_until_complete(with_task_group(body, std::string("given by value, and long enough"),
                                          std::string("given by reference, and long"), &by_value, &by_reference,
                                          &captured));
  EXPECT_EQ(by_value, "given by value, and long enough");
  EXPECT_EQ(by_reference, "given by reference, and long");
  EXPECT_EQ(captured, "captured by the body, and long");
}

TEST(task_group, the_body_may_change_its_arguments_by_reference) {
  event_loop loop;
  const auto body = [](task_group&, std::string& text) -> task<std::string> {
    text += " changed";
    co_return text;
  };
  EXPECT_EQ(loop.run_until_complete(with_task_group(body, std::string("it was"))), "it was changed");
}

TEST(task_group, childrens_frames_are_gone_before_it_returns) {
  event_loop loop;
  ledger seen;
  const auto child = [](witness) -> task<void> {
    co_await sleep(0s);
    throw std::runtime_error("of the child");
  };
  const auto whole = [](auto make, ledger* where) -> task<int> {
    int alive = -1;
    const auto starts = [make, where](task_group& g) {
      g.create_task(make(witness(*where)));
      g.create_task(make(witness(*where)));
    };
    try {
      co_await with_task_group(starts);
    } catch (const exception_group&) {
      alive = where->alive;
    }
    co_return alive;
  };
  EXPECT_EQ(loop.run_until_complete(whole(child, &seen)), 0);
  EXPECT_EQ(seen.made, 2);
}

test_support::detached awaits_a_group(std::string* what) {
  try {
    co_await with_task_group([](task_group&) {});
  } catch (const invalid_state_error& error) {
    *what = error.what();
  }
}

TEST(task_group, outside_of_a_task_is_refused) {
  event_loop loop;
  std::string what;
  loop.call_soon([&] { awaits_a_group(&what); });
  loop.stop();
  loop.run_forever();
  EXPECT_EQ(what,
            "plait: with_task_group in a coroutine that belongs to no task; start it with event_loop::create_task");
}

}  // namespace
}  // namespace plait
