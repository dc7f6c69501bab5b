// Descriptors of shared buffers on a link: with the call they go with, whatever was withdrawn before it.
#include <plait/processes/internal/shared_pages.hpp>

#include <string>
#include <thread>
#include <vector>

#include "link_pair_test.hpp"
#include "shared_buffer_fixture_test.hpp"
#include <gtest/gtest.h>

namespace {

using namespace pool_test;
using plait::detail::request_kind;
using plait::detail::unique_fd;
using plait::detail::worker_link;
using test_support::bytes_of;
using test_support::link_end;
using test_support::text_of;

/// Both ends, in this process and on this thread.
struct pair {
  link_end parent;
  worker_link worker{parent.copies_for_worker()};

  std::uint64_t send(std::string_view payload, const std::vector<int>& lent) {
    const auto sequence = parent.link.send(request_kind::call, {}, bytes_of(payload), lent);
    static_cast<void>(parent.link.publish());
    return sequence;
  }
};

TEST(link_buffers, go_with_their_call) {
  pair ends;
  const auto first = plait::detail::shared_pages::create(4096), second = plait::detail::shared_pages::create(8192);
  ends.send("a", {first->fd()});
  ends.send("b", {});
  ends.send("c", {second->fd(), first->fd()});
  for (const std::vector<std::size_t>& sizes : {std::vector<std::size_t>{4096}, {}, {8192, 4096}}) {
    auto request = ends.worker.next();
    ASSERT_TRUE(request);
    ASSERT_EQ(request->lent.size(), sizes.size());
    for (std::size_t i = 0; i < sizes.size(); ++i)
      EXPECT_EQ(plait::detail::shared_pages::receive(std::move(request->lent[i]))->bytes().size(), sizes[i]);
    ends.worker.reply(plait::detail::reply_kind::value, 0, {});
    ends.parent.answer();
  }
}

TEST(link_buffers, of_withdrawn_calls_are_dropped) {
  pair ends;
  const auto pages = plait::detail::shared_pages::create(4096);
  const auto before = held_here();
  for (int round = 0; round < 20; ++round) {
    const auto gone = ends.send("gone", std::vector<int>(3, pages->fd()));
    ASSERT_TRUE(ends.parent.link.withdraw(gone));
    ends.send("x", {pages->fd()});
    {
      const auto request = ends.worker.next();
      ASSERT_TRUE(request);
      EXPECT_EQ(text_of(request->payload), "x");
      EXPECT_EQ(request->lent.size(), 1U);
      EXPECT_EQ(held_here().descriptors, before.descriptors + 1);
    }
    ends.worker.reply(plait::detail::reply_kind::value, 0, {});
    ends.parent.answer();
    EXPECT_EQ(held_here(), before);
  }
}

TEST(link_buffers, room_ends_where_calls_are_withdrawn_and_comes_again) {
  pair ends;
  const auto pages = plait::detail::shared_pages::create(4096);
  int sent = 0;
  while (ends.parent.link.may_lend()) {
    ASSERT_TRUE(ends.parent.link.withdraw(ends.send("gone", {pages->fd()})));
    ASSERT_LT(++sent, 100);
  }
  EXPECT_GT(sent, 3);
  ends.parent.call("x");  // others may go on
  const auto request = ends.worker.next();
  ASSERT_TRUE(request);
  EXPECT_TRUE(ends.parent.link.may_lend());
  ends.worker.reply(plait::detail::reply_kind::value, 0, {});
  ends.parent.answer();
}

// More than one message each.
TEST(link_buffers, hundreds_come_whole) {
  pair ends;
  const auto pages = plait::detail::shared_pages::create(4096);
  const std::vector<int> hundreds(600, pages->fd());
  ends.send("x", hundreds);
  {
    const auto request = ends.worker.next();
    ASSERT_TRUE(request);
    EXPECT_EQ(request->lent.size(), hundreds.size());
  }
  ends.worker.lend(hundreds);
  ends.worker.reply(plait::detail::reply_kind::value, 0, {});
  const auto reply = ends.parent.reply();
  EXPECT_EQ(reply.lent.size(), hundreds.size());
  EXPECT_FALSE(reply.lent_lost);
}

// The worker waits until the parent has come to those of earlier replies.
TEST(link_buffers, more_results_than_the_socket_holds) {
  pair ends;
  const auto pages = plait::detail::shared_pages::create(4096);
  constexpr int calls = 1000;
  for (int i = 0; i < calls; ++i) ends.parent.call("x");
  std::thread worker([&] {
    for (int i = 0; i < calls; ++i) {
      static_cast<void>(ends.worker.next());
      ends.worker.lend(std::vector<int>{pages->fd()});
      ends.worker.reply(plait::detail::reply_kind::value, 0, {});
    }
  });
  for (int i = 0; i < calls; ++i) {
    auto reply = ends.parent.reply();
    EXPECT_EQ(reply.lent.size(), 1U);
    ends.parent.link.release(std::move(reply));
  }
  worker.join();
}

}  // namespace
