// Both ends of a link in one process: order, room, taking back, sleeping and waking.
#include <plait/core/errors.hpp>
#include <plait/processes/internal/link.hpp>
#include <plait/processes/internal/worker_link.hpp>

#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "link_pair_test.hpp"
#include <gtest/gtest.h>
#include <tests/support/gate.hpp>
#include <tests/support/sanitized.hpp>

namespace plait {
namespace {

using detail::claim;
using detail::reply_kind;
using detail::request_kind;
using test_support::bytes_of;
using test_support::conversation;
using test_support::echo;
using test_support::link_end;
using test_support::text_of;

TEST(link, carries_target_and_payload) {
  link_end parent;
  detail::worker_link worker(parent.copies_for_worker());
  const detail::call_target target{.module = 1, .flags = 2, .thunk = 3};
  EXPECT_EQ(parent.link.front(), 0u);
  EXPECT_EQ(parent.link.send(request_kind::initialize, target, bytes_of("hello")), 1u);
  EXPECT_FALSE(parent.link.publish());
  EXPECT_EQ(parent.link.front(), 1u);
  EXPECT_FALSE(parent.link.is_taken(1));

  const auto request = worker.next();
  ASSERT_TRUE(request);
  EXPECT_EQ(request->kind, request_kind::initialize);
  EXPECT_EQ(request->sequence, 1u);
  EXPECT_EQ(request->target.module, 1u);
  EXPECT_EQ(request->target.flags, 2u);
  EXPECT_EQ(request->target.thunk, 3u);
  EXPECT_EQ(text_of(request->payload), "hello");
  EXPECT_TRUE(parent.link.is_taken(1));
  EXPECT_FALSE(parent.link.has_reply());

  worker.reply(reply_kind::error, 7, bytes_of("oh"));
  EXPECT_TRUE(parent.link.has_reply());
  auto answer = parent.link.next_reply();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->kind, reply_kind::error);
  EXPECT_EQ(answer->flags, 7u);
  EXPECT_EQ(answer->sequence, 1u);
  EXPECT_EQ(text_of(answer->payload), "oh");
  EXPECT_EQ(parent.link.in_flight(), 0u);
  EXPECT_EQ(parent.link.front(), 0u);
  EXPECT_FALSE(parent.link.is_taken(1));
  parent.link.release(std::move(*answer));
  EXPECT_FALSE(parent.link.has_reply());
  EXPECT_FALSE(parent.link.next_reply());
}

TEST(link, result_written_in_place) {
  link_end parent;
  detail::worker_link worker(parent.copies_for_worker());
  parent.call("");
  ASSERT_TRUE(worker.next());
  const auto space = worker.reply_space();
  EXPECT_EQ(space.size(), detail::inline_limit);
  std::memcpy(space.data(), "abc", 3);
  worker.reply(reply_kind::value, 0, space.first(3));
  EXPECT_EQ(parent.answer(), "abc");
}

// Sizes that never divide the ring's, so that messages come to lie at every place before its end.
TEST(link, wraps_around) {
  conversation with_echo;
  auto& parent = with_echo.parent;
  for (std::size_t i = 0; i < 20'000; ++i) {
    const std::string payload(i * 7919 % (detail::inline_limit + 1), static_cast<char>('a' + i % 26));
    while (!parent.link.has_room(payload.size())) with_echo.expect_answer();
    parent.call(payload);
    with_echo.was_sent(payload);
    if (i % 3 == 0) with_echo.expect_answer();
  }
  with_echo.expect_all_answers();
}

TEST(link, fills_and_empties) {
  link_end parent;
  detail::worker_link worker(parent.copies_for_worker());
  for (int round = 0; round < 3; ++round) {
    std::size_t sent = 0;
    while (parent.link.has_room(16)) {
      parent.call("0123456789abcdef");
      ++sent;
    }
    EXPECT_EQ(sent, detail::request_ring_bytes / 64 - 1);  // the last is for a request to stop
    EXPECT_FALSE(parent.link.is_clear());
    EXPECT_EQ(parent.link.in_flight(), sent);
    for (std::size_t i = 0; i < sent; ++i) {
      ASSERT_TRUE(worker.next());
      worker.reply(reply_kind::value, 0, {});
    }
    EXPECT_FALSE(parent.link.has_room(16));  // it is the replies that free it
    for (std::size_t i = 0; i < sent; ++i) parent.answer();
    EXPECT_TRUE(parent.link.has_room(16));
    EXPECT_TRUE(parent.link.is_clear());
  }
}

TEST(link, refuses_what_does_not_fit) {
  link_end parent;
  detail::worker_link worker(parent.copies_for_worker());
  std::size_t sent = 0;
  for (; parent.link.has_room(16); ++sent) parent.call("0123456789abcdef");
  parent.send(request_kind::notice, {});  // as one to stop: for it there is room
  EXPECT_THROW(parent.link.send(request_kind::notice, {}, {}), plait::invalid_state_error);
  EXPECT_THROW(parent.call(std::string(100'000, 'x')), plait::invalid_state_error);  // in a block
  EXPECT_EQ(parent.link.in_flight(), sent);
  for (std::size_t i = 0; i < sent; ++i) {
    const auto came = worker.next();
    ASSERT_TRUE(came);
    EXPECT_EQ(came->payload.size(), 16U);
    worker.reply(reply_kind::value, 0, {});
    parent.answer();
  }
  EXPECT_EQ(parent.link.in_flight(), 0U);
}

TEST(link, has_no_room_before_the_worker_has_gone_past_what_was_withdrawn) {
  link_end parent;
  detail::worker_link worker(parent.copies_for_worker());
  std::uint64_t last = 0;
  while (parent.link.has_room(16)) last = parent.call("0123456789abcdef");
  for (auto sequence = last; sequence > 0; --sequence) ASSERT_TRUE(parent.link.withdraw(sequence));
  EXPECT_EQ(parent.link.in_flight(), 0U);
  EXPECT_FALSE(parent.link.has_room(16));
  EXPECT_FALSE(parent.link.is_clear());
  parent.send(request_kind::stop, {});
  EXPECT_FALSE(worker.next());
  EXPECT_TRUE(parent.link.has_room(16));
}

// The worker finds the reply ring full and waits; nothing is lost, and nobody hangs.
TEST(link, waits_for_room_for_replies) {
  link_end parent;
  detail::worker_link worker(parent.copies_for_worker());
  constexpr std::size_t calls = 500;
  for (std::size_t i = 0; i < calls; ++i) parent.call("");
  std::thread thread([&] {
    while (const auto request = worker.next())
      worker.reply(reply_kind::value, 0, bytes_of(std::string(detail::inline_limit - request->sequence, 'x')));
  });
  for (std::size_t i = 1; i <= calls; ++i) EXPECT_EQ(parent.answer().size(), detail::inline_limit - i);
  parent.send(request_kind::stop, {});
  thread.join();
}

TEST(link, replies_may_be_held_and_are_freed_in_order) {
  link_end parent;
  detail::worker_link worker(parent.copies_for_worker());
  std::thread thread([&] { echo(worker); });
  for (int round = 0; round < 100; ++round) {
    for (int i = 0; i < 10; ++i) parent.call(std::string(10'000, static_cast<char>('0' + i)));
    std::vector<detail::reply> held;
    for (int i = 0; i < 10; ++i) held.push_back(parent.reply());
    for (int i = 0; i < 10; ++i)
      EXPECT_EQ(text_of(held[static_cast<std::size_t>(i)].payload), std::string(10'000, static_cast<char>('0' + i)));
    for (auto& reply : held) parent.link.release(std::move(reply));
  }
  parent.send(request_kind::stop, {});
  thread.join();
}

// ── Taking back ──

TEST(link, withdraws_what_was_not_taken) {
  link_end parent;
  detail::worker_link worker(parent.copies_for_worker());
  const auto first = parent.call("1"), second = parent.call("2"), third = parent.call("3");
  ASSERT_TRUE(worker.next());
  EXPECT_FALSE(parent.link.withdraw(first));
  EXPECT_TRUE(parent.link.withdraw(second));
  EXPECT_FALSE(parent.link.withdraw(second));
  EXPECT_FALSE(parent.link.is_taken(second));
  EXPECT_EQ(parent.link.in_flight(), 2u);
  worker.reply(reply_kind::value, 0, bytes_of("1"));
  EXPECT_EQ(worker.next()->sequence, third);
  worker.reply(reply_kind::value, 0, bytes_of("3"));
  EXPECT_EQ(parent.answer(), "1");
  EXPECT_EQ(parent.link.front(), third);
  EXPECT_EQ(parent.answer(), "3");
  EXPECT_FALSE(parent.link.withdraw(first));
  EXPECT_FALSE(parent.link.withdraw(99));
  EXPECT_FALSE(parent.link.withdraw(0));
}

// No reply will ever free their room: the worker's word that it went past them does.
TEST(link, room_of_what_was_withdrawn_comes_back) {
  link_end parent;
  detail::worker_link worker(parent.copies_for_worker());
  std::thread thread([&] { echo(worker); });
  for (int round = 0; round < 20; ++round) {
    while (parent.link.has_room(5'000)) {
      const auto sequence = parent.link.send(request_kind::call, {}, bytes_of(std::string(5'000, 'x')));
      static_cast<void>(parent.link.withdraw(sequence));  // where the worker has it already, it answers
    }
    if (parent.link.publish()) parent.link.wake();
    while (parent.link.in_flight() > 0) parent.answer();
    while (!parent.link.has_room(5'000)) std::this_thread::yield();
  }
  parent.send(request_kind::stop, {});
  thread.join();
}

TEST(link, notices_are_not_answered) {
  link_end parent;
  detail::worker_link worker(parent.copies_for_worker());
  std::thread thread([&] { echo(worker); });
  for (int i = 0; i < 200; ++i) {
    while (!parent.link.has_room(10'000)) std::this_thread::yield();
    parent.send(request_kind::notice, bytes_of(std::string(10'000, 'x')));
    EXPECT_EQ(parent.link.in_flight(), 0u);
  }
  while (!parent.link.has_room(4)) std::this_thread::yield();
  parent.call("last");
  EXPECT_EQ(parent.answer(), "last");
  parent.send(request_kind::stop, {});
  thread.join();
}

TEST(link, withdraw_races_with_take) {
  link_end parent;
  detail::worker_link worker(parent.copies_for_worker());
  std::vector<char> ran(100'001, 0), withdrawn(ran.size(), 0);
  std::uint64_t last = 0;
  while (last < 8) last = parent.call("");
  for (std::uint64_t i = 1; i <= 4; ++i) withdrawn[i] = parent.link.withdraw(i);  // nobody else is there yet
  std::thread thread([&] {
    while (const auto request = worker.next()) {
      ran[request->sequence] = 1;
      worker.reply(reply_kind::value, 0, {});
    }
  });
  while (last + 8 < ran.size()) {
    const auto first = last + 1;
    for (int i = 0; i < 8; ++i) {
      while (!parent.link.has_room(0)) std::this_thread::yield();
      last = parent.call("");
    }
    // Both orders: against the worker, and along with it.
    for (int i = 0; i < 8; ++i) {
      const auto sequence = last % 16 == 0 ? first + i : last - i;
      withdrawn[sequence] = parent.link.withdraw(sequence);
    }
    while (parent.link.in_flight() > 0) parent.answer();
  }
  parent.send(request_kind::stop, {});
  thread.join();
  std::size_t both[2] = {};
  for (std::uint64_t i = 1; i <= last; ++i) {
    ASSERT_NE(ran[i], withdrawn[i]) << "request " << i;
    ++both[static_cast<int>(ran[i])];
  }
  EXPECT_GT(both[0], 0u);
  EXPECT_GT(both[1], 0u);
}

// ── Sleeping and waking ──

constexpr unsigned round_trips = test_support::sanitized ? 20'000 : 100'000;

// The pauses, of up to two spins (spin.hpp), let both sides fall asleep now and then, so that every path of waking is
// walked.
TEST(link, ping_pong_loses_no_wake_up) {
  link_end parent;
  detail::worker_link worker(parent.copies_for_worker());
  std::thread thread([&] { echo(worker); });
  for (unsigned i = 0; i < round_trips; ++i) {
    if (i % 64 == 0)
      for (const auto end = sync::now() + std::chrono::microseconds(i / 64 % 20); sync::now() < end;) sync::yield();
    parent.call("x");
    ASSERT_EQ(parent.answer(), "x");
  }
  parent.send(request_kind::stop, {});
  thread.join();
}

TEST(link, rings_the_bell_that_is_armed) {
  link_end parent;
  detail::worker_link worker(parent.copies_for_worker());
  const auto rings = [](int bell) {
    std::uint64_t count = 0;
    return ::read(bell, &count, sizeof(count)) == sizeof(count) ? count : 0;
  };
  const auto serve = [&] {
    parent.call("");
    static_cast<void>(worker.next());
    worker.reply(reply_kind::value, 0, {});
  };
  serve();
  EXPECT_EQ(rings(parent.loop_bell.get()) + rings(parent.helper_bell.get()), 0u);
  parent.link.arm(detail::bell::helper);
  serve();
  serve();  // rung once only
  EXPECT_EQ(rings(parent.helper_bell.get()), 1u);
  EXPECT_EQ(rings(parent.loop_bell.get()), 0u);
  parent.link.arm(detail::bell::loop);
  serve();
  EXPECT_EQ(rings(parent.loop_bell.get()), 1u);
  parent.link.arm(detail::bell::loop);
  parent.link.disarm();
  serve();
  EXPECT_EQ(rings(parent.loop_bell.get()), 0u);
}

TEST(link, stop_reaches_the_listener) {
  link_end parent;
  detail::worker_link worker(parent.copies_for_worker());
  std::atomic<std::uint64_t> heard{0};
  std::thread listener([&] {
    while (const auto asked = worker.wait_for_stop(heard)) {
      heard = *asked;
      heard.notify_all();
    }
  });
  const auto sequence = parent.call("");
  static_cast<void>(worker.next());
  EXPECT_FALSE(worker.stop_asked(sequence));
  parent.link.ask_to_stop(sequence);
  EXPECT_TRUE(worker.stop_asked(sequence));
  heard.wait(0);
  EXPECT_EQ(heard, sequence);
  worker.end_waiting();
  listener.join();
}

TEST(link, a_parent_that_goes_ends_its_worker) {
  auto parent = std::make_unique<link_end>();
  detail::worker_link worker(parent->copies_for_worker());
  std::thread listener([&] { EXPECT_FALSE(worker.wait_for_stop(0)); });
  test_support::gate waits;
  std::thread thread([&] {
    waits.open();
    EXPECT_FALSE(worker.next());
  });
  waits.wait();
  parent.reset();
  thread.join();
  listener.join();
}

TEST(link, a_worker_that_waits_for_room_ends_with_its_parent) {
  auto parent = std::make_unique<link_end>();
  detail::worker_link worker(parent->copies_for_worker());
  for (int i = 0; i < 100; ++i) parent->call("");
  test_support::gate begun;
  std::thread thread([&] {
    while (worker.next()) {
      begun.open();
      worker.reply(reply_kind::value, 0, bytes_of(std::string(detail::inline_limit, 'x')));
    }
  });
  begun.wait();
  parent.reset();
  thread.join();
}

}  // namespace
}  // namespace plait
