// What is written and read where it lies in the rings: calls of plain data, small replies, the worker's look at what
// comes next.
#include <plait/processes/internal/link.hpp>
#include <plait/processes/internal/worker_link.hpp>

#include <cstring>
#include <new>
#include <string>
#include <thread>

#include "link_pair_test.hpp"
#include <gtest/gtest.h>

namespace plait {
namespace {

using detail::reply_kind;
using detail::request_kind;
using test_support::bytes_of;
using test_support::conversation;
using test_support::link_end;
using test_support::text_of;

TEST(link_in_place, call) {
  link_end parent;
  detail::worker_link worker(parent.copies_for_worker());
  const auto memory = parent.link.begin_call(8);
  ASSERT_EQ(memory.size(), 8u);
  std::memcpy(memory.data(), "abcd", 4);
  EXPECT_EQ(parent.link.finish_call({.module = 1, .flags = 2, .thunk = 3}, 4), 1u);
  EXPECT_FALSE(parent.link.publish());
  EXPECT_EQ(parent.link.in_flight(), 1u);

  const auto request = worker.next();
  ASSERT_TRUE(request);
  EXPECT_EQ(request->kind, request_kind::call);
  EXPECT_EQ(request->target.module, 1u);
  EXPECT_EQ(request->target.flags, 2u);
  EXPECT_EQ(request->target.thunk, 3u);
  EXPECT_EQ(text_of(request->payload), "abcd");
  worker.reply(reply_kind::value, 0, request->payload);
  EXPECT_EQ(parent.answer(), "abcd");
}

// They wrap around too, and come in one order with those that are copied.
TEST(link_in_place, calls_among_others) {
  conversation with_echo;
  auto& parent = with_echo.parent;
  for (std::size_t i = 0; i < 20'000; ++i) {
    const std::string payload(1 + i * 31 % 255, static_cast<char>('a' + i % 26));
    while (!parent.link.has_room(payload.size())) with_echo.expect_answer();
    if (i % 4 == 0) {
      parent.call(payload);
    } else {
      const auto memory = parent.link.begin_call(payload.size());
      ASSERT_EQ(memory.size(), payload.size());
      std::memcpy(memory.data(), payload.data(), payload.size());
      EXPECT_EQ(parent.link.finish_call({}, payload.size()), i + 1);
      if (parent.link.publish()) parent.link.wake();
    }
    with_echo.was_sent(payload);
  }
  with_echo.expect_all_answers();
}

TEST(link_in_place, no_room_for_a_call) {
  link_end parent;
  detail::worker_link worker(parent.copies_for_worker());
  std::size_t sent = 0;
  for (auto memory = parent.link.begin_call(16); !memory.empty(); memory = parent.link.begin_call(16), ++sent)
    parent.link.finish_call({}, 16);
  EXPECT_EQ(sent, detail::request_ring_bytes / 64 - 1);  // the last is for a request to stop
  EXPECT_EQ(parent.link.in_flight(), sent);
  parent.send(request_kind::stop, {});
  for (; sent > 0; --sent) {
    ASSERT_TRUE(worker.next());
    worker.reply(reply_kind::value, 0, {});
  }
  EXPECT_FALSE(worker.next());
}

TEST(link_in_place, call_that_is_given_up_leaves_nothing) {
  link_end parent;
  detail::worker_link worker(parent.copies_for_worker());
  const auto mapping = detail::shared_memory::map(detail::unique_fd(::dup(parent.link.descriptors_for_worker()[0])));
  const auto& memory = *std::launder(reinterpret_cast<const detail::link_memory*>(mapping.bytes().data()));
  for (std::size_t at = 0; at + 256 < detail::request_ring_bytes; at += 256) {
    parent.call(std::string(200, 'a'));
    ASSERT_TRUE(worker.next());
    worker.reply(reply_kind::value, 0, {});
    EXPECT_EQ(parent.answer(), "");
  }
  const auto before = memory.requests_published.load();
  ASSERT_FALSE(parent.link.begin_call(1000).empty());  // at the ring's begin: the rest of it is too small
  EXPECT_FALSE(parent.link.publish());
  EXPECT_EQ(memory.requests_published.load(), before);

  parent.call("b");
  const auto next = worker.next();
  ASSERT_TRUE(next);
  EXPECT_EQ(text_of(next->payload), "b");
  EXPECT_EQ(memory.requests_published.load(), before + 64);  // which lies in that rest
}

TEST(link_in_place, further_calls_are_those_that_were_not_taken_back) {
  link_end parent;
  detail::worker_link worker(parent.copies_for_worker());
  parent.call("a");
  parent.call("b");
  parent.call("c");
  ASSERT_TRUE(worker.next());
  EXPECT_TRUE(worker.has_further());
  EXPECT_TRUE(parent.link.withdraw(2));
  EXPECT_FALSE(worker.has_further());  // it is not looked behind that
  worker.reply(reply_kind::value, 0, {});
  ASSERT_TRUE(worker.next());  // "c"
  EXPECT_FALSE(worker.has_further());
  parent.call("d");
  EXPECT_FALSE(worker.has_further());  // it has not looked again
  worker.reply(reply_kind::value, 0, {});
  parent.send(request_kind::stop, {});
  ASSERT_TRUE(worker.next());
  EXPECT_FALSE(worker.has_further());
}

TEST(link_in_place, small_replies_and_others) {
  link_end parent;
  detail::worker_link worker(parent.copies_for_worker());
  detail::small_reply small;
  EXPECT_FALSE(parent.link.next_small_reply(small));

  parent.call("x");
  ASSERT_TRUE(worker.next());
  worker.reply(reply_kind::error, 7, bytes_of("oh"));
  ASSERT_TRUE(parent.link.next_small_reply(small));
  EXPECT_EQ(small.kind, reply_kind::error);
  EXPECT_EQ(small.flags, 7u);
  EXPECT_EQ(small.sequence, 1u);
  EXPECT_EQ(text_of(small.payload), "oh");
  EXPECT_EQ(parent.link.in_flight(), 0u);
  EXPECT_FALSE(parent.link.next_small_reply(small));
  EXPECT_FALSE(parent.link.next_reply());
  parent.link.release_up_to(small.position);

  parent.call("y");  // answered by way of a block: first it is asked for, then named
  std::thread thread([&] {
    ASSERT_TRUE(worker.next());
    worker.reply(reply_kind::value, 0, bytes_of(std::string(100'000, 'z')));
  });
  auto wish = parent.reply();
  EXPECT_EQ(wish.kind, reply_kind::need_block);
  EXPECT_FALSE(parent.link.next_small_reply(small));
  parent.link.grant(wish.sequence, parent.cache.take(wish.wanted, parent.link.id()));
  parent.link.release(std::move(wish));
  thread.join();
  EXPECT_TRUE(parent.link.has_reply());
  EXPECT_FALSE(parent.link.next_small_reply(small));  // it lies in a block
  EXPECT_EQ(parent.answer(), std::string(100'000, 'z'));
}

}  // namespace
}  // namespace plait
