// Submitting: values, exceptions, cancelling, options; for every executor.
#include <plait/executor/executor_contract_test.hpp>
#include <plait/loop/event_loop.hpp>

#include <chrono>
#include <exception>
#include <functional>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <tests/support/throw_foreign.hpp>
#include <unistd.h>

namespace {

using namespace std::chrono_literals;
using namespace executor_contract;
using plait::call_status;
using plait::cancel_outcome;
using test_support::message_in;
using test_support::message_of;
using test_support::portable_gate;
using test_support::throw_foreign;
using testing::HasSubstr;

class executor_submit : public contract {};
PLAIT_FOR_EACH_EXECUTOR(executor_submit);

TEST_P(executor_submit, gives_the_future_of_the_result) {
  const auto pool = make();
  plait::future<int> f = pool->submit(square, 7);
  EXPECT_EQ(f.result(), 49);
  EXPECT_EQ(f.status(), call_status::finished);
}

TEST_P(executor_submit, a_call_may_return_nothing) {
  const auto pool = make();
  plait::future<void> f = pool->submit(nothing);
  f.result();
  EXPECT_TRUE(f.done());
}

TEST_P(executor_submit, a_call_that_throws_fails_with_the_same_type_and_message) {
  const auto pool = make();
  auto f = pool->submit(fails, 7);
  EXPECT_EQ(message_of<std::out_of_range>([&] { return f.result(); }), "no such item: 7");
  EXPECT_EQ(message_in<std::out_of_range>(f.exception()), "no such item: 7");
  EXPECT_EQ(pool->submit(square, 2).result(), 4);
}

int fail_foreign(int) { throw_foreign(); }

TEST_P(executor_submit, an_exception_that_is_none_of_cpp_fails_it_all_the_same) {
  const auto pool = make();
  EXPECT_THROW(pool->submit(throw_foreign).result(), std::bad_exception);
  EXPECT_THROW(pool->submit(fail_foreign, 1).result(), std::bad_exception);
  auto chunk = pool->map({.chunk_size = 2}, fail_foreign, std::vector{1, 2});
  EXPECT_THROW(*chunk.begin(), std::bad_exception);
  EXPECT_EQ(pool->submit(square, 2).result(), 4);
}

TEST_P(executor_submit, a_call_that_throws_cancelled_error_is_cancelled) {
  const auto pool = make();
  auto f = pool->submit([] { throw plait::cancelled_error(); });
  EXPECT_THROW(f.result(), plait::cancelled_error);
  EXPECT_TRUE(f.cancelled());
}

TEST_P(executor_submit, arguments_are_copied_or_moved_into_the_call) {
  const auto pool = make();
  std::string text = "a text that is long enough to live on the heap";
  auto copied = pool->submit([](const std::string& s) { return s.size(); }, text);
  auto moved = pool->submit([](std::string s) { return s + "!"; }, std::move(text));
  EXPECT_EQ(copied.result(), 46u);
  EXPECT_EQ(moved.result(), "a text that is long enough to live on the heap!");
}

TEST_P(executor_submit, calls_start_in_the_order_of_submission) {
  const portable_gate gate;
  const auto pool = make({.max_workers = 1});
  auto first = pool->submit(through_gate, gate.path(), 0);
  gate.wait_for(1);
  std::vector<int> order;
  std::vector<plait::future<int>> calls;
  for (int i = 0; i < 20; ++i) {
    calls.push_back(pool->submit(square, i));
    calls.back().add_done_callback([&order, i](const plait::future<int>&) { order.push_back(i); });
  }
  gate.let_through(1);
  pool->shutdown();
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19}));
}

TEST_P(executor_submit, higher_priorities_start_first_and_equal_ones_in_order) {
  const portable_gate gate;
  const auto pool = make({.max_workers = 1});
  auto first = pool->submit(through_gate, gate.path(), 0);
  gate.wait_for(1);
  std::vector<int> order;
  std::vector<plait::future<int>> calls;
  for (const int priority : {0, -5, 10, 0, 10, 3, -5, 0}) {
    auto f = pool->submit({.priority = priority}, square, priority);
    f.add_done_callback([&order, priority](const plait::future<int>&) { order.push_back(priority); });
    calls.push_back(std::move(f));
  }
  gate.let_through(1);
  for (auto& f : calls) f.result();  // a shutdown at once would look at all that waits
  pool->shutdown();
  EXPECT_EQ(order, (std::vector<int>{10, 10, 3, 0, 0, 0, -5, -5}));
}

// ── cancelling ──

TEST_P(executor_submit, cancelling_a_call_that_waits_drops_it) {
  const portable_gate gate;
  const auto pool = make({.max_workers = 1});
  auto running = pool->submit(through_gate, gate.path(), 1);
  gate.wait_for(1);
  auto waiting = pool->submit(fails, 1);
  EXPECT_EQ(running.status(), call_status::running);
  EXPECT_EQ(waiting.status(), call_status::pending);
  EXPECT_EQ(waiting.cancel(), cancel_outcome::dropped);
  EXPECT_EQ(waiting.status(), call_status::cancelled);
  EXPECT_THROW(waiting.result(), plait::cancelled_error);
  EXPECT_EQ(pending(*pool), 0u);
  gate.let_through(1);
  EXPECT_EQ(running.result(), 1);
  EXPECT_EQ(running.cancel(), cancel_outcome::too_late);
}

TEST_P(executor_submit, one_in_the_middle_of_the_queue_can_be_cancelled) {
  const portable_gate gate;
  const auto pool = make({.max_workers = 1});
  auto running = pool->submit(through_gate, gate.path(), 1);
  gate.wait_for(1);
  std::vector<plait::future<int>> calls;
  for (int i = 0; i < 5; ++i) calls.push_back(pool->submit(square, i));
  for (const int i : {2, 0, 4}) EXPECT_EQ(calls[i].cancel(), cancel_outcome::dropped);
  gate.let_through(1);
  EXPECT_EQ(calls[1].result(), 1);
  EXPECT_EQ(calls[3].result(), 9);
  for (const int i : {2, 0, 4}) EXPECT_TRUE(calls[i].cancelled());
}

TEST_P(executor_submit, cancelling_a_running_call_that_takes_a_stop_token_asks_it) {
  const portable_gate gate;
  const auto pool = make();
  auto f = pool->submit(
      [](std::stop_token stop, const std::string& path) {
        test_support::pass_gate(path);
        while (!stop.stop_requested()) std::this_thread::yield();
        return 5;
      },
      gate.path());
  gate.wait_for(1);
  EXPECT_EQ(f.cancel(), cancel_outcome::asked);
  gate.let_through(1);
  EXPECT_EQ(f.result(), 5) << "it was asked, and chose to give a result";
}

TEST_P(executor_submit, a_call_that_was_asked_may_give_way) {
  const portable_gate gate;
  const auto pool = make();
  auto f = pool->submit(
      [](std::stop_token stop, const std::string& path) {
        test_support::pass_gate(path);
        while (!stop.stop_requested()) std::this_thread::yield();
        throw plait::cancelled_error();
      },
      gate.path());
  gate.wait_for(1);
  EXPECT_EQ(f.cancel(), cancel_outcome::asked);
  gate.let_through(1);
  EXPECT_THROW(f.result(), plait::cancelled_error);
}

TEST_P(executor_submit, one_call_that_is_asked_to_stop_does_not_stop_the_next) {
  const portable_gate gate;
  const auto pool = make({.max_workers = 1});
  auto first = pool->submit(
      [](std::stop_token stop, const std::string& path) {
        test_support::pass_gate(path);
        while (!stop.stop_requested()) std::this_thread::yield();
        return true;
      },
      gate.path());
  auto second = pool->submit(
      [](std::stop_token stop, const std::string& path) {
        test_support::pass_gate(path);
        return stop.stop_requested();
      },
      gate.path());
  gate.wait_for(1);
  EXPECT_EQ(first.cancel(), cancel_outcome::asked);
  gate.let_through(2);
  EXPECT_TRUE(first.result());
  EXPECT_FALSE(second.result());
}

// ── options ──

TEST_P(executor_submit, a_call_that_has_not_started_by_its_deadline_is_dropped) {
  const portable_gate gate;
  const auto pool = make({.max_workers = 1});
  auto running = pool->submit(through_gate, gate.path(), 1);
  gate.wait_for(1);
  auto f = pool->submit({.timeout = 1ms, .name = "decode"}, square, 3);
  EXPECT_EQ(message_of<plait::timeout_error>([&] { return f.result(); }),
            "plait: the call \"decode\" was not done by its deadline");
  EXPECT_EQ(f.status(), call_status::finished);
  EXPECT_EQ(pending(*pool), 0u);
  gate.let_through(1);
  running.result();
}

TEST_P(executor_submit, a_call_that_runs_at_its_deadline_is_asked_and_left) {
  const portable_gate gate;
  const auto pool = make();
  auto f = pool->submit(
      {.timeout = 1ms},
      [](std::stop_token stop, const std::string& path) {
        while (!stop.stop_requested()) std::this_thread::yield();
        test_support::pass_gate(path);
        return 5;
      },
      gate.path());
  // It may be dropped before it starts, on a slow machine: either way the future says the same.
  EXPECT_EQ(message_of<plait::timeout_error>([&] { return f.result(); }),
            "plait: the call was not done by its deadline");
  EXPECT_EQ(f.cancel(), cancel_outcome::too_late);
  gate.let_through(1);
}

TEST_P(executor_submit, a_call_that_ends_before_its_deadline_keeps_its_result) {
  const auto pool = make();
  auto f = pool->submit({.timeout = 1h, .name = "quick"}, square, 3);
  EXPECT_EQ(f.result(), 9);
  EXPECT_EQ(f.name(), "quick");
}

TEST_P(executor_submit, a_name_is_copied_and_cut_at_a_thousand_bytes) {
  const auto pool = make();
  std::string name(3000, 'x');
  auto f = pool->submit({.name = name}, square, 3);
  name.assign(3000, 'y');
  EXPECT_EQ(f.name(), std::string(1000, 'x'));
  EXPECT_EQ(f.result(), 9);
}

TEST_P(executor_submit, it_is_run_again_after_an_exception_that_is_worth_it) {
  const auto pool = make();
  const auto fails_twice = [](const std::string& path) {  // counts in a file: each attempt may be somewhere else
    const int fd = open((path + "/attempts").c_str(), O_CREAT | O_RDWR | O_APPEND, 0600);
    const auto wrote = write(fd, "x", 1);
    const auto attempts = lseek(fd, 0, SEEK_END);
    close(fd);
    if (attempts < 3) throw std::runtime_error("attempt " + std::to_string(attempts));
    return static_cast<int>(attempts * wrote);
  };
  const portable_gate folder, another, third;
  const auto worth_it = &plait::retry_on<std::runtime_error>;
  EXPECT_EQ(pool->submit({.retries = 2, .retry_on = worth_it}, fails_twice, folder.path()).result(), 3);
  auto too_few = pool->submit({.retries = 1, .retry_on = worth_it}, fails_twice, another.path());
  EXPECT_EQ(message_of<std::runtime_error>([&] { return too_few.result(); }), "attempt 2");
  auto not_worth_it =
      pool->submit({.retries = 5, .retry_on = &plait::retry_on<std::logic_error>}, fails_twice, third.path());
  EXPECT_EQ(message_of<std::runtime_error>([&] { return not_worth_it.result(); }), "attempt 1");
}

TEST_P(executor_submit, an_option_that_can_not_be_is_refused_with_its_name) {
  const auto pool = make();
  EXPECT_EQ(message_of<std::invalid_argument>([&] { return pool->submit({.retries = -1}, square, 1); }),
            "plait: retries is -1; expected 0 or more");
  EXPECT_EQ(message_of<std::invalid_argument>([&] { return pool->submit({.timeout = -1s}, square, 1); }),
            "plait: timeout is -1 s; expected 0 or more");
  EXPECT_EQ(pool->submit(square, 2).result(), 4);
}

// ── where ──

TEST_P(executor_submit, never_runs_the_call_on_the_calling_thread) {
  const auto pool = make({.max_workers = 1});
  // Where addresses are not spread, a worker process's thread may have the same number as the caller's.
  auto f = pool->submit(
      [](int pid, std::size_t caller) {
        return ::getpid() != pid || std::hash<std::thread::id>()(std::this_thread::get_id()) != caller;
      },
      ::getpid(), std::hash<std::thread::id>()(std::this_thread::get_id()));
  EXPECT_TRUE(f.result());
}

TEST_P(executor_submit, can_be_awaited_on_a_loop) {
  const auto pool = make();
  auto body = [](plait::executor& pool) -> plait::task<int> {
    int sum = 0;
    for (int i = 1; i <= 3; ++i) sum += co_await pool.submit(square, i);
    co_return sum;
  };
  plait::event_loop loop;
  EXPECT_EQ(loop.run_until_complete(body(*pool)), 14);
}

TEST_P(executor_submit, a_task_that_is_cancelled_drops_its_call_and_a_failed_one_throws_in_it) {
  const portable_gate gate;
  const auto pool = make({.max_workers = 1});
  auto running = pool->submit(through_gate, gate.path(), 1);
  gate.wait_for(1);
  auto f = pool->submit(square, 2);
  auto body = [](plait::future<int> awaited) -> plait::task<int> {
    const int value = co_await awaited;
    co_return value;
  };
  plait::event_loop loop;
  auto waiting = loop.create_task(body(f));
  loop.call_soon([&] { waiting.cancel(); });
  EXPECT_THROW(loop.run_until_complete(waiting), plait::cancelled_error);
  EXPECT_TRUE(f.cancelled());
  gate.let_through(1);
  EXPECT_THROW(loop.run_until_complete(body(pool->submit(fails, 3))), std::out_of_range);
}

}  // namespace
