// What context variables hold in calls that executors run.
#include <plait/executor/executor_contract_test.hpp>
#include <plait/loop/event_loop.hpp>
#include <plait/loop/sync_wait.hpp>
#include <plait/loop/to_process.hpp>
#include <plait/loop/to_thread.hpp>
#include <plait/portable/portable_context_var.hpp>

#include <filesystem>
#include <fstream>
#include <ranges>
#include <stdexcept>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <tests/support/gate.hpp>
#include <tests/support/witness.hpp>

namespace {

using executor_contract::contract;
using executor_contract::executor_kinds;
using test_support::ledger;
using test_support::witness;
using testing::ElementsAre;

const plait::portable_context_var<std::string> request("context_calls_test.request", "none");
const plait::portable_context_var<std::vector<int>> path("context_calls_test.path");
const plait::context_var<int> local("local", 0);
const plait::context_var<witness> kept("kept");

std::string request_of_the_call() { return request.get(); }
std::string request_and(int n) { return request.get() + std::to_string(n); }
std::string sets_the_request(const std::string& value) {
  auto before = request.get();
  request.set(value);
  return before;
}
std::string fails_once(const std::string& folder) {
  const auto seen = request.get();
  request.set("of the first attempt");
  const auto trace = folder + "/attempt";
  if (!std::filesystem::exists(trace)) {
    std::ofstream{trace};
    throw std::runtime_error("the first attempt");
  }
  return seen;
}

class context_of_calls : public contract {};
INSTANTIATE_TEST_SUITE_P(executors, context_of_calls, executor_kinds());

TEST_P(context_of_calls, is_what_the_submitter_had) {
  const auto pool = make();
  const auto guard = request.scoped("4711");
  const auto first = pool->submit(request_of_the_call);
  const auto inner = request.scoped("4712");
  const auto second = pool->submit({.name = "second"}, request_of_the_call);
  EXPECT_EQ(first.result(), "4711");
  EXPECT_EQ(second.result(), "4712");
}

TEST_P(context_of_calls, is_empty_where_nothing_was_set) {
  const auto pool = make({.max_workers = 1});
  {
    const auto guard = request.scoped("4711");
    pool->submit(request_of_the_call).result();
  }
  EXPECT_EQ(pool->submit(request_of_the_call).result(), "none");
}

TEST_P(context_of_calls, holds_several_values) {
  const auto pool = make();
  const auto guard = request.scoped("4711");
  const auto more = path.scoped(std::vector{1, 2, 3});
  EXPECT_THAT(pool->submit([] { return path.get(); }).result(), ElementsAre(1, 2, 3));
  EXPECT_EQ(pool->submit(request_of_the_call).result(), "4711");
}

TEST_P(context_of_calls, what_a_call_sets_is_gone_with_it) {
  const auto pool = make({.max_workers = 1});
  EXPECT_EQ(pool->submit(sets_the_request, std::string("a")).result(), "none");
  EXPECT_EQ(pool->submit(sets_the_request, std::string("b")).result(), "none");
  const auto guard = request.scoped("4711");
  EXPECT_EQ(pool->submit(sets_the_request, std::string("c")).result(), "4711");
  EXPECT_EQ(pool->submit(sets_the_request, std::string("d")).result(), "4711");
  EXPECT_EQ(request.get(), "4711");
}

TEST_P(context_of_calls, each_attempt_begins_with_what_the_submitter_had) {
  const auto pool = make();
  const test_support::portable_gate folder;
  const auto guard = request.scoped("4711");
  const auto call =
      pool->submit({.retries = 1, .retry_on = plait::retry_on<std::runtime_error>}, fails_once, folder.path());
  EXPECT_EQ(call.result(), "4711");
}

TEST_P(context_of_calls, of_a_map_is_what_its_caller_had_also_for_what_is_submitted_later) {
  const auto pool = make();
  auto results = [&] {
    const auto guard = request.scoped("m");
    return pool->map({.buffer_size = 2}, request_and, std::views::iota(0, 6));
  }();
  const auto guard = request.scoped("reader");
  std::vector<std::string> all;
  for (auto& each : results) all.push_back(each);
  EXPECT_THAT(all, ElementsAre("m0", "m1", "m2", "m3", "m4", "m5"));
}

plait::task<std::string> offloads(plait::executor* pool) {
  request.set("task");
  auto& loop = plait::get_running_loop();
  const auto call = loop.run_in_executor(*pool, request_of_the_call);
  request.set("later");
  co_return co_await call;
}

TEST_P(context_of_calls, is_the_tasks_on_a_loop) {
  const auto pool = make();
  EXPECT_EQ(plait::sync_wait(offloads(pool.get())), "task");
}

plait::task<std::string> by_default_pools() {
  request.set("x");
  auto thread = plait::to_thread(request_and, 1);
  auto process = plait::to_process(request_and, 2);
  auto joined = co_await thread;
  joined += co_await process;
  co_return joined;
}

TEST(context_of_default_pools, is_the_tasks) { EXPECT_EQ(plait::sync_wait(by_default_pools()), "x1x2"); }

TEST(context_of_thread_calls, has_values_that_are_not_portable_too) {
  plait::thread_pool_executor pool{{.max_workers = 1}};
  const auto guard = local.scoped(3);
  EXPECT_EQ(pool.submit([] { return local.get(); }).result(), 3);
}

TEST(context_of_thread_calls, goes_on_into_calls_that_a_call_submits) {
  plait::thread_pool_executor outer{{.max_workers = 1}};
  plait::thread_pool_executor inner{{.max_workers = 1}};
  const auto guard = local.scoped(3);
  const auto call = outer.submit([&] { return inner.submit([] { return local.get(); }).result(); });
  EXPECT_EQ(call.result(), 3);
}

TEST(context_of_thread_calls, ends_with_the_call_not_with_its_future) {
  ledger seen;
  plait::thread_pool_executor pool{{.max_workers = 1}};
  plait::future<void> call;
  {
    const auto guard = kept.scoped(witness(seen));
    call = pool.submit([] {});
  }
  call.result();
  EXPECT_EQ(seen.alive, 0);
}

TEST(context_of_thread_calls, set_by_a_call_that_had_none_ends_with_it) {
  ledger seen;
  plait::thread_pool_executor pool{{.max_workers = 1}};
  pool.submit([&] { kept.set(witness(seen)); }).result();
  EXPECT_EQ(seen.alive, 0);
}

TEST(context_of_thread_calls, a_token_of_one_call_is_no_good_in_the_next) {
  plait::thread_pool_executor pool{{.max_workers = 1}};
  auto token = pool.submit([] { return local.set(1); }).result();
  const auto next = pool.submit([&] {
    local.set(2);
    local.reset(token);
  });
  EXPECT_THROW(next.result(), plait::invalid_state_error);
}

TEST(context_of_thread_calls, ends_with_a_call_that_is_dropped) {
  ledger seen;
  test_support::gate gate;
  plait::thread_pool_executor pool{{.max_workers = 1}};
  const auto blocker = pool.submit([&] { gate.wait(); });
  plait::future<void> call;
  {
    const auto guard = kept.scoped(witness(seen));
    call = pool.submit([] {});
  }
  EXPECT_EQ(seen.alive, 1);
  EXPECT_EQ(call.cancel(), plait::cancel_outcome::dropped);
  EXPECT_EQ(seen.alive, 0);
  gate.open();
  blocker.result();
}

TEST(context_of_thread_calls, ends_with_a_call_that_missed_its_deadline) {
  ledger seen;
  test_support::gate gate;
  plait::thread_pool_executor pool{{.max_workers = 1}};
  const auto blocker = pool.submit([&] { gate.wait(); });
  plait::future<void> waited;
  {
    const auto guard = kept.scoped(witness(seen));
    waited = pool.submit({.timeout = plait::nanoseconds(1)}, [] {});
  }
  EXPECT_THROW(waited.result(), plait::timeout_error);
  gate.open();
  blocker.result();
  pool.shutdown();  // whoever dropped it has let go
  EXPECT_EQ(seen.alive, 0);
}

TEST(context_of_thread_calls, many_threads_share_one_value) {
  plait::thread_pool_executor pool{{.max_workers = 4}};
  const auto guard = path.scoped(std::vector<int>(100, 1));
  std::vector<plait::future<std::size_t>> calls;
  for (int i = 0; i < 1000; ++i) calls.push_back(pool.submit([] { return path.get().size(); }));
  for (auto& call : calls) ASSERT_EQ(call.result(), 100u);
}

}  // namespace
