// Tasks that await one another in a circle: the await that closes it throws, and nothing else does.
#include <plait/core/promise.hpp>
#include <plait/loop/event_loop.hpp>
#include <plait/loop/gather.hpp>
#include <plait/loop/settled.hpp>
#include <plait/loop/shield.hpp>
#include <plait/loop/sleep.hpp>
#include <plait/loop/sync_wait.hpp>
#include <plait/loop/task_group.hpp>
#include <plait/loop/wait.hpp>

#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <tests/support/expect_throw.hpp>

namespace plait {
namespace {

using namespace std::chrono_literals;

using handle = task_handle<std::string>;

/// Awaits what stands there when it runs; gives what cyclic_await_error said.
task<std::string> awaits(const handle* other) {
  try {
    static_cast<void>(co_await *other);
  } catch (const cyclic_await_error& error) {
    co_return error.what();
  }
  co_return "";
}
task<std::string> awaits_the_future(const handle* other) {
  const auto awaited = other->future();
  try {
    static_cast<void>(co_await awaited);
  } catch (const cyclic_await_error& error) {
    co_return error.what();
  }
  co_return "";
}
task<std::string> shields(const handle* other) {
  try {
    static_cast<void>(co_await shield(*other));
  } catch (const cyclic_await_error& error) {
    co_return error.what();
  }
  co_return "";
}
task<std::string> gathers(const handle* other) {
  const promise<int> never;
  try {
    static_cast<void>(co_await gather(never.get_future(), *other));
  } catch (const cyclic_await_error& error) {
    co_return error.what();
  }
  co_return "";
}
task<std::string> awaits_the_future_of_a_gather(const handle* other) {
  const promise<int> never;
  const auto all = gather(never.get_future(), *other).future();
  try {
    static_cast<void>(co_await all);
  } catch (const cyclic_await_error& error) {
    co_return error.what();
  }
  co_return "";
}
task<std::string> waits(const handle* other) {
  const std::vector one{*other};
  try {
    static_cast<void>(co_await wait(one));
  } catch (const cyclic_await_error& error) {
    co_return error.what();
  }
  co_return "";
}
task<std::string> inside_of_it(const handle* other) {
  auto what = co_await awaits(other);
  co_return what;
}

TEST(cyclic_await, of_itself_throws) {
  for (const auto form : {awaits, awaits_the_future, shields, waits, inside_of_it}) {
    event_loop loop;
    handle self;
    self = loop.create_task(form(&self), "a");
    EXPECT_EQ(loop.run_until_complete(self), "plait: the task \"a\" awaits itself: it would wait for ever");
  }
}

TEST(cyclic_await, of_two_throws_where_the_circle_is_closed) {
  for (const auto form : {awaits, awaits_the_future, shields, waits, inside_of_it}) {
    event_loop loop;
    handle a;
    handle b;
    a = loop.create_task(form(&b), "a");
    b = loop.create_task(form(&a), "b");
    EXPECT_EQ(loop.run_until_complete(b),
              "plait: the task \"b\" awaits \"a\", which waits for that task: all would wait for ever");
    EXPECT_EQ(loop.run_until_complete(a), "");  // it goes on
  }
}

TEST(cyclic_await, of_three_names_them) {
  event_loop loop;
  handle a;
  handle b;
  handle c;
  a = loop.create_task(awaits(&b), "a");
  b = loop.create_task(awaits(&c), "b");
  c = loop.create_task(awaits(&a), "c");
  EXPECT_EQ(
      loop.run_until_complete(c),
      "plait: the task \"c\" awaits \"a\", which waits for \"b\", which waits for that task: all would wait for "
      "ever");
}

TEST(cyclic_await, by_way_of_a_gather_throws) {
  event_loop loop;
  handle a;
  handle b;
  a = loop.create_task(gathers(&b), "a");
  b = loop.create_task(awaits(&a), "b");
  EXPECT_EQ(
      loop.run_until_complete(b),
      "plait: the task \"b\" awaits \"a\", which waits for \"gather\", which waits for that task: all would wait "
      "for ever");
  a.cancel();
}

TEST(cyclic_await, of_a_gather_that_closes_the_circle_throws) {
  event_loop loop;
  handle a;
  handle b;
  a = loop.create_task(awaits(&b), "a");
  b = loop.create_task(gathers(&a), "b");
  EXPECT_EQ(
      loop.run_until_complete(b),
      "plait: the task \"b\" awaits \"gather\", which waits for \"a\", which waits for that task: all would wait "
      "for ever");
  EXPECT_EQ(loop.run_until_complete(a), "");
}

TEST(cyclic_await, of_the_future_of_a_gather_that_closes_the_circle_throws) {
  event_loop loop;
  handle a;
  handle b;
  a = loop.create_task(awaits(&b), "a");
  b = loop.create_task(awaits_the_future_of_a_gather(&a), "b");
  EXPECT_EQ(
      loop.run_until_complete(b),
      "plait: the task \"b\" awaits \"gather\", which waits for \"a\", which waits for that task: all would wait "
      "for ever");
  EXPECT_EQ(loop.run_until_complete(a), "");
}

task<std::string> waits_a_while(const handle* other) {
  const std::vector one{*other};
  const auto [done, pending] = co_await wait(one, {.timeout = 1ms});
  co_return pending.empty() ? "done" : "pending";
}

TEST(cyclic_await, with_a_timeout_in_the_circle_is_none) {
  event_loop loop;
  handle a;
  handle b;
  a = loop.create_task(waits_a_while(&b), "a");
  b = loop.create_task(awaits(&a), "b");
  EXPECT_EQ(loop.run_until_complete(b), "");
  EXPECT_EQ(a.result(), "pending");
}

task<std::string> waits_for_the_first(const handle* other) {
  const promise<int> never;
  const std::vector<any_future> two{never.get_future(), *other};
  const auto [done, pending] = co_await wait(two, {.return_when = first_completed});
  co_return std::to_string(done.size());
}

TEST(cyclic_await, with_a_wait_for_the_first_of_two_in_the_circle_is_none) {
  event_loop loop;
  handle a;
  handle b;
  a = loop.create_task(waits_for_the_first(&b), "a");
  b = loop.create_task(awaits(&a), "b");
  loop.stop();
  loop.run_forever();
  EXPECT_FALSE(b.done()) << "it waits: another may be the first";
  b.cancel();
  EXPECT_THROW(loop.run_until_complete(b), cancelled_error);
}

// ── by way of a task group's end ──

/// Its group's task awaits it. The body goes on for so many turns.
task<std::string> has_a_task_that_awaits_it(const handle* self, int turns) {
  task_handle<std::string> child;
  std::string said;
  try {
    co_await with_task_group(
        [](task_group& group, const handle* parent, task_handle<std::string>* child, int turns) -> task<void> {
          *child = group.create_task(awaits(parent), "child");
          for (int i = 0; i < turns; ++i) co_await sleep(0s);
        },
        self, &child, turns);
  } catch (const exception_group& group) {
    for (const auto& failure : group.exceptions()) {
      try {
        std::rethrow_exception(failure);
      } catch (const cyclic_await_error& error) {
        said = error.what();
      }
    }
  }
  co_return said + "; " + (child.cancelled() ? "the child was cancelled" : child.result());
}

TEST(cyclic_await, of_a_groups_task_that_awaits_its_parent_throws_there) {
  event_loop loop;
  handle parent;
  parent = loop.create_task(has_a_task_that_awaits_it(&parent, 0), "parent");
  EXPECT_EQ(loop.run_until_complete(parent),
            "; plait: the task \"child\" awaits \"parent\", which waits for that task: all would wait for ever");
}

TEST(cyclic_await, of_a_group_whose_task_awaits_its_parent_already_fails_the_group) {
  event_loop loop;
  handle parent;
  parent = loop.create_task(has_a_task_that_awaits_it(&parent, 3), "parent");
  EXPECT_EQ(loop.run_until_complete(parent),
            "plait: the task \"parent\" awaits \"child\", which waits for that task: all would wait for ever; "
            "the child was cancelled");
}

TEST(cyclic_await, of_a_cancelled_group_whose_task_awaits_its_parent_ends) {
  event_loop loop;
  handle parent;
  parent = loop.create_task(has_a_task_that_awaits_it(&parent, 1'000'000), "parent");
  loop.stop();
  loop.run_forever();
  loop.call_soon([&] { parent.cancel(); });
  EXPECT_THROW(loop.run_until_complete(parent), cancelled_error);
}

/// Each awaits the one before it, the first one `go`.
task<int> follows(std::vector<task_handle<int>>* chain, std::size_t at, future<int> go) {
  if (at == 0) {
    const int first = co_await go;
    co_return first;
  }
  const int before = co_await (*chain)[at - 1];
  co_return before + 1;
}

constexpr std::size_t length = 30'000;

TEST(cyclic_await, is_not_looked_for_at_the_cost_of_a_chain_that_grows_at_its_end) {
  event_loop loop;
  promise<int> go;
  std::vector<task_handle<int>> chain(length);
  for (std::size_t i = 0; i < length; ++i) chain[i] = loop.create_task(follows(&chain, i, go.get_future()));
  loop.call_soon([&] { go.set_value(1); });
  EXPECT_EQ(loop.run_until_complete(chain.back()), static_cast<int>(length));
}

TEST(cyclic_await, is_not_looked_for_at_the_cost_of_a_chain_that_grows_at_its_beginning) {
  event_loop loop;
  promise<int> go;
  std::vector<task_handle<int>> chain(length);
  for (std::size_t i = length; i-- > 0;) chain[i] = loop.create_task(follows(&chain, i, go.get_future()));
  loop.call_soon([&] { go.set_value(1); });
  EXPECT_EQ(loop.run_until_complete(chain.back()), static_cast<int>(length));
}

task<std::string> awaits_with_a_cancel_on_its_way(const handle* self, const handle* other) {
  self->cancel();
  std::string seen;
  try {
    static_cast<void>(co_await *other);
  } catch (const cyclic_await_error& error) {
    seen = error.what();
  }
  try {
    co_await sleep(0s);
  } catch (const cancelled_error&) {
    seen += "; cancelled";
  }
  co_return seen;
}

// The cancel would go round for ever.
TEST(cyclic_await, with_a_cancel_on_its_way_throws_and_the_cancel_arrives_at_the_next_await) {
  event_loop loop;
  handle a;
  a = loop.create_task(awaits_with_a_cancel_on_its_way(&a, &a), "a");
  EXPECT_EQ(loop.run_until_complete(a), "plait: the task \"a\" awaits itself: it would wait for ever; cancelled");
}

}  // namespace
}  // namespace plait
