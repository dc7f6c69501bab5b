#include <plait/processes/internal/block_cache.hpp>
#include <plait/processes/internal/block_storage.hpp>

#include <cstring>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "link_pair_test.hpp"
#include <gtest/gtest.h>

namespace plait {
namespace {

using detail::block;
using detail::block_cache;
using detail::block_sharing;

constexpr std::size_t kib = 1024, mib = 1024 * kib;

TEST(block_cache, rounds_by_eighths) {
  EXPECT_EQ(block_cache::rounded(0), 64 * kib);
  EXPECT_EQ(block_cache::rounded(64 * kib), 64 * kib);
  EXPECT_EQ(block_cache::rounded(64 * kib + 1), 72 * kib);
  EXPECT_EQ(block_cache::rounded(72 * kib), 72 * kib);
  EXPECT_EQ(block_cache::rounded(128 * kib), 128 * kib);
  EXPECT_EQ(block_cache::rounded(128 * kib + 1), 144 * kib);
  EXPECT_EQ(block_cache::rounded(mib - 1), mib);
  for (std::size_t bytes = 64 * kib; bytes < 64 * mib; bytes += 12'345) {
    EXPECT_GE(block_cache::rounded(bytes), bytes);
    EXPECT_LE(block_cache::rounded(bytes), bytes + bytes / 8);
  }
}

TEST(block_cache, uses_blocks_again) {
  block_cache cache;
  const auto first = cache.take(mib).id();
  EXPECT_EQ(cache.look().idle, 1u);
  EXPECT_EQ(cache.look().idle_bytes, mib);
  const auto second = cache.take(mib - mib / 4);  // large enough, and not wasteful
  EXPECT_EQ(second.id(), first);
  EXPECT_EQ(cache.look().used, 1u);
  EXPECT_EQ(cache.look().idle_bytes, 0u);
  EXPECT_NE(cache.take(mib).id(), first);
  EXPECT_NE(cache.take(100 * kib).id(), first);
  EXPECT_EQ(cache.look().made, 3u);
  EXPECT_EQ(cache.look().reused, 1u);
}

TEST(block_cache, takes_the_smallest_that_fits) {
  block_cache cache;
  {
    const auto large = cache.take(2 * mib), small = cache.take(mib + mib / 2), tiny = cache.take(mib);
  }
  EXPECT_EQ(cache.take(mib + mib / 4).memory().size(), mib + mib / 2);
}

TEST(block_cache, keeps_no_more_than_its_limit) {
  block_cache cache({.idle_limit = 3 * mib});
  std::vector<block> blocks;
  std::vector<std::uint64_t> ids;
  for (int i = 0; i < 5; ++i) {
    blocks.push_back(cache.take(mib));
    ids.push_back(blocks.back().id());
  }
  const auto before = cache.freed();
  for (auto& block : blocks) block = {};
  EXPECT_EQ(cache.look().idle_bytes, 3 * mib);
  EXPECT_NE(cache.freed(), before);
  EXPECT_EQ(cache.without(ids), (std::vector<std::uint64_t>{ids[0], ids[1]}));  // idle for longest
  static_cast<void>(cache.take(8 * mib));  // too large to be kept, and it costs no other its place
  EXPECT_EQ(cache.look().idle, 3u);
  cache.clear();
  EXPECT_EQ(cache.look().idle_bytes, 0u);
  EXPECT_EQ(cache.without(ids), ids);
}

TEST(block_cache, results_of_one_worker_stay_its_own) {
  block_cache cache;
  const auto of_arguments = cache.take(mib).id();
  const auto of_one = cache.take(mib, 1).id();
  const auto of_two = cache.take(mib, 2).id();
  EXPECT_NE(of_one, of_arguments);
  EXPECT_NE(of_one, of_two);
  EXPECT_EQ(cache.take(mib, 1).id(), of_one);
  EXPECT_EQ(cache.take(mib, 2).id(), of_two);
  EXPECT_EQ(cache.take(mib).id(), of_arguments);
  cache.forget(1);
  EXPECT_EQ(cache.without({of_arguments, of_one, of_two}), std::vector<std::uint64_t>{of_one});
}

TEST(block_cache, arguments_are_shared_unless_it_says_otherwise) {
  const auto reused = [](block_sharing sharing) {
    block_cache cache({.sharing = sharing});
    auto first = cache.take(mib);
    const auto id = first.id();
    first.show_to(1);
    first = {};
    return cache.take(mib).id() == id;
  };
  EXPECT_TRUE(reused(block_sharing::arguments));
  EXPECT_FALSE(reused(block_sharing::none));
}

TEST(block_cache, what_cannot_be_had_leaves_no_trace) {
  block_cache cache;
  EXPECT_THROW(static_cast<void>(cache.take(~std::size_t{0})), std::system_error);
  EXPECT_THROW(static_cast<void>(cache.take(std::size_t{1} << 46)), std::system_error);
  EXPECT_EQ(cache.look().used, 0u);
  EXPECT_EQ(cache.look().made, 0u);
}

TEST(block_cache, from_many_threads) {
  block_cache cache({.idle_limit = mib});
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&cache, t] {
      for (std::size_t i = 0; i < 500; ++i) {
        const auto mine = cache.take(64 * kib * (1 + i % 4));
        std::memset(mine.memory().data(), t, 1000);
        for (std::size_t at = 0; at < 1000; ++at) ASSERT_EQ(mine.memory()[at], static_cast<std::byte>(t));
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(cache.look().used, 0u);
  EXPECT_LE(cache.look().idle_bytes, mib);
}

// ── Encoders that outgrow what they began in ──

TEST(block_storage, an_encoding_grows_into_a_block) {
  block_cache cache;
  std::byte inside[16];
  detail::block_storage more(cache);
  detail::byte_writer out(inside, more);
  out.write("0123456789abcde", 15);
  EXPECT_FALSE(more.outgrown());
  std::string text(3 * mib, 'x');
  for (std::size_t at = 0; at < text.size(); at += 1000) out.write(text.data(), 1000);
  ASSERT_TRUE(more.outgrown());
  const auto size = out.size();
  const auto memory = more.take();
  EXPECT_EQ(out.bytes().data(), memory.memory().data());
  EXPECT_EQ(test_support::text_of(memory.memory().first(20)), "0123456789abcdexxxxx");
  EXPECT_GT(size, text.size());
  EXPECT_LE(cache.look().made, 8u);  // doubled, not by steps
}

TEST(block_storage, a_result_grows_out_of_the_ring) {
  test_support::link_end parent;
  detail::worker_link worker(parent.copies_for_worker());
  std::thread thread([&] {
    while (worker.next()) {
      detail::worker_block_storage more(worker);
      detail::byte_writer out(worker.reply_space(), more);
      for (int i = 0; i < 1000; ++i) out.write("0123456789", 10);
      for (int i = 0; i < 100; ++i) out.write(std::string(1000, 'x').data(), 1000);
      worker.reply(detail::reply_kind::value, 0, out.bytes());
    }
  });
  for (int i = 0; i < 3; ++i) {
    parent.call("");
    const auto answer = parent.answer();
    EXPECT_EQ(answer.size(), 110'000u);
    EXPECT_EQ(answer.substr(0, 12), "012345678901");
    EXPECT_EQ(answer.substr(9'995, 10), "56789xxxxx");
  }
  parent.send(detail::request_kind::stop, {});
  thread.join();
}

}  // namespace
}  // namespace plait
