// A worker that writes what it likes: the parent says protocol_error, and does nothing else.
#include <plait/processes/internal/link.hpp>
#include <plait/processes/internal/link_memory.hpp>
#include <plait/processes/internal/shared_memory_room.hpp>

#include <atomic>
#include <cstdint>
#include <cstring>
#include <functional>
#include <limits>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "link_pair_test.hpp"
#include <gtest/gtest.h>

namespace plait {
namespace {

using detail::reply_header;
using detail::reply_kind;
using detail::request_kind;
using test_support::bytes_of;
using test_support::link_end;

/// The parent's end, and its memory as a worker has it.
struct hostile_worker {
  hostile_worker() {
    detail::unique_fd descriptor(parent.copies_for_worker()[0]);
    mapping = detail::shared_memory::map(std::move(descriptor));
    memory = std::launder(reinterpret_cast<detail::link_memory*>(mapping.bytes().data()));
  }

  void write(const reply_header& header, std::span<const std::byte> payload = {}, std::size_t at = 0) {
    std::memcpy(memory->replies + at, &header, sizeof(header));
    if (!payload.empty()) std::memcpy(memory->replies + at + sizeof(header), payload.data(), payload.size());
  }
  void publish(std::uint64_t position) { memory->replies_published.store(position); }

  link_end parent;
  detail::shared_memory mapping;
  detail::link_memory* memory = nullptr;
};

reply_header good() { return {.size = 8, .kind = reply_kind::value, .sequence = 1}; }

void expect_refused(const std::function<void(hostile_worker&)>& attack) {
  hostile_worker worker;
  worker.parent.call("x");
  attack(worker);
  EXPECT_THROW(static_cast<void>(worker.parent.link.next_reply()), detail::protocol_error);

  hostile_worker other;  // the same as the pool asks
  other.parent.call("x");
  attack(other);
  detail::small_reply small;
  const auto ask_as_the_pool = [&] {
    return other.parent.link.next_small_reply(small) || other.parent.link.next_reply();
  };
  EXPECT_THROW(static_cast<void>(ask_as_the_pool()), detail::protocol_error);
}

TEST(hostile_link, what_is_right_is_taken) {
  hostile_worker worker;
  worker.parent.call("x");
  worker.write(good(), bytes_of("12345678"));
  worker.publish(32);
  EXPECT_EQ(worker.parent.answer(), "12345678");
}

TEST(hostile_link, published_position) {
  const std::uint64_t ring = detail::reply_ring_bytes;
  for (const std::uint64_t position : {std::uint64_t{1}, std::uint64_t{31}, std::uint64_t{33}, ring + 32, 2 * ring,
                                       std::uint64_t{1} << 63, ~std::uint64_t{0}, ~std::uint64_t{31}}) {
    SCOPED_TRACE(position);
    expect_refused([&](hostile_worker& worker) {
      worker.write(good());
      worker.publish(position);
    });
  }
}

TEST(hostile_link, published_position_goes_back) {
  hostile_worker worker;
  worker.parent.call("x");
  worker.parent.call("x");
  worker.write(good());
  worker.publish(32);
  worker.parent.answer();
  worker.publish(0);
  EXPECT_THROW(static_cast<void>(worker.parent.link.next_reply()), detail::protocol_error);
}

TEST(hostile_link, size) {
  for (const std::uint32_t size : {9u, 32u, 1000u, 16'384u, 16'385u, 65'536u, 1u << 31, ~0u, ~0u - 23, ~0u - 31}) {
    SCOPED_TRACE(size);
    expect_refused([&](hostile_worker& worker) {
      auto header = good();
      header.size = size;
      worker.write(header);
      worker.publish(32);
    });
  }
}

TEST(hostile_link, kind) {
  for (const unsigned kind : {4u, 5u, 255u, 256u, 65'535u}) {
    SCOPED_TRACE(kind);
    expect_refused([&](hostile_worker& worker) {
      auto header = good();
      header.kind = static_cast<reply_kind>(kind);
      worker.write(header);
      worker.publish(32);
    });
  }
}

TEST(hostile_link, sequence) {
  for (const std::uint64_t sequence :
       {std::uint64_t{0}, std::uint64_t{2}, std::uint64_t{1} << 32 | 1, ~std::uint64_t{0}}) {
    SCOPED_TRACE(sequence);
    expect_refused([&](hostile_worker& worker) {
      auto header = good();
      header.sequence = sequence;
      worker.write(header);
      worker.publish(32);
    });
  }
}

TEST(hostile_link, answers_nobody_asked_for) {
  hostile_worker worker;
  worker.write(good());
  worker.publish(32);
  EXPECT_TRUE(worker.parent.link.has_reply());
  EXPECT_THROW(static_cast<void>(worker.parent.link.next_reply()), detail::protocol_error);

  hostile_worker again;
  again.parent.call("x");
  again.write(good());
  again.write(good(), {}, 32);
  again.publish(64);
  again.parent.answer();
  EXPECT_THROW(static_cast<void>(again.parent.link.next_reply()), detail::protocol_error);
}

TEST(hostile_link, answers_what_was_withdrawn) {
  hostile_worker worker;
  const auto sequence = worker.parent.call("x");
  ASSERT_TRUE(worker.parent.link.withdraw(sequence));
  worker.parent.call("y");
  worker.write(good());
  worker.publish(32);
  EXPECT_THROW(static_cast<void>(worker.parent.link.next_reply()), detail::protocol_error);
}

TEST(hostile_link, fillers) {
  expect_refused([](hostile_worker& worker) {  // at the begin: it would be a whole ring
    worker.write({});
    worker.publish(detail::reply_ring_bytes);
  });
  expect_refused([](hostile_worker& worker) {  // more than is published
    worker.write({});
    worker.publish(64);
  });
}

TEST(hostile_link, blocks) {
  const auto named = [](std::uint64_t id, std::uint64_t bytes) {
    return [=](hostile_worker& worker) {
      const detail::block_name name{id, bytes};
      worker.write({.size = sizeof(name), .kind = reply_kind::value, .in_block = 1, .sequence = 1},
                   std::as_bytes(std::span(&name, 1)));
      worker.publish(64);
    };
  };
  expect_refused(named(0, 0));
  expect_refused(named(1, 8));  // exists, perhaps, but was not granted
  expect_refused(named(~std::uint64_t{0}, 8));
  expect_refused([](hostile_worker& worker) {
    worker.write({.size = 8, .kind = reply_kind::value, .in_block = 1, .sequence = 1});
    worker.publish(32);
  });
  expect_refused([](hostile_worker& worker) {
    worker.write({.size = 8, .kind = reply_kind::value, .in_block = 2, .sequence = 1});
    worker.publish(32);
  });
  expect_refused([](hostile_worker& worker) {
    worker.write({.size = 0, .kind = reply_kind::need_block, .sequence = 1});
    worker.publish(32);
  });
}

/// One that asked for a block of 100,000 bytes and got it.
struct granted_worker : hostile_worker {
  granted_worker() {
    parent.call("x");
    const std::uint64_t wanted = 100'000;
    write({.size = 8, .kind = reply_kind::need_block, .sequence = 1}, std::as_bytes(std::span(&wanted, 1)));
    publish(32);
    auto asks = parent.reply();
    EXPECT_EQ(asks.wanted, wanted);
    auto block = parent.cache.take(wanted, parent.link.id());
    id = block.id();
    size = block.memory().size();
    parent.link.grant(1, std::move(block));
    parent.link.release(std::move(asks));
  }
  void answer(std::uint64_t block, std::uint64_t bytes) {
    const detail::block_name name{block, bytes};
    write({.size = sizeof(name), .kind = reply_kind::value, .in_block = 1, .sequence = 1},
          std::as_bytes(std::span(&name, 1)), 32);
    publish(32 + 64);
  }
  std::uint64_t id = 0;
  std::uint64_t size = 0;
};

TEST(hostile_link, bytes_of_a_granted_block) {
  {
    granted_worker worker;
    worker.answer(worker.id, worker.size);
    EXPECT_EQ(worker.parent.answer().size(), worker.size);
  }
  for (const std::uint64_t more : {std::uint64_t{1}, std::uint64_t{1} << 40, ~std::uint64_t{0} - 200'000}) {
    granted_worker worker;
    worker.answer(worker.id, worker.size + more);
    EXPECT_THROW(static_cast<void>(worker.parent.link.next_reply()), detail::protocol_error);
  }
  granted_worker worker;
  worker.answer(worker.id + 1, 8);
  EXPECT_THROW(static_cast<void>(worker.parent.link.next_reply()), detail::protocol_error);
}

TEST(hostile_link, asks_or_answers_while_it_is_to_be_granted) {
  for (const auto kind : {reply_kind::need_block, reply_kind::value}) {
    expect_refused([&](hostile_worker& worker) {
      const auto ask = reply_header{.size = 8, .kind = reply_kind::need_block, .sequence = 1};
      worker.write(ask);
      worker.write({.size = 8, .kind = kind, .sequence = 1}, {}, 32);
      worker.publish(64);
      auto asks = worker.parent.link.next_reply();
      ASSERT_TRUE(asks);
      worker.parent.link.release(std::move(*asks));
    });
  }
}

// Were they only tried, the kernel would kill whoever it found until the machine had no memory left.
TEST(hostile_link, absurd_wishes_are_an_error_of_the_cache) {
  ASSERT_LT(detail::room_for_shared_memory(), std::size_t{1} << 46);
  link_end parent;
  for (const auto bytes : {std::numeric_limits<std::size_t>::max(), std::size_t{1} << 62, std::size_t{1} << 46,
                           static_cast<std::size_t>(::sysconf(_SC_PHYS_PAGES) * ::sysconf(_SC_PAGESIZE))})
    EXPECT_THROW(static_cast<void>(parent.cache.take(bytes, parent.link.id())), std::system_error);
}

// The words that both sides write: any value is harmless.
TEST(hostile_link, words) {
  hostile_worker worker;
  std::mt19937_64 random(1);
  auto* const words = reinterpret_cast<std::byte*>(worker.memory);
  for (int round = 0; round < 2000; ++round) {
    for (std::size_t at = 0; at < offsetof(detail::link_memory, requests); at += 8) {
      const auto value = round % 2 == 0 ? random() : random() % 4;
      if (at != offsetof(detail::link_memory, replies_published)) std::memcpy(words + at, &value, 8);
    }
    if (!worker.parent.link.has_room(100)) continue;
    const auto sequence = worker.parent.call(std::string(100, 'x'));
    static_cast<void>(worker.parent.link.is_taken(sequence));
    worker.parent.link.arm(detail::bell::loop);
    worker.parent.link.ask_to_stop(sequence);
    if (round % 3 != 0) static_cast<void>(worker.parent.link.withdraw(sequence));
  }
}

// A worker rewrites the ring while the parent reads: right replies, and in the end a protocol_error; payloads lie
// within the ring.
TEST(hostile_link, rewriting_while_it_is_read) {
  for (unsigned round = 0; round < 100; ++round) {
    hostile_worker worker;
    constexpr std::size_t calls = 50;
    for (std::size_t i = 0; i < calls; ++i) {
      worker.parent.call("x");
      worker.write({.size = 8, .kind = reply_kind::value, .sequence = i + 1}, {}, i * 32);
    }
    worker.publish(calls * 32);
    EXPECT_EQ(worker.parent.answer().size(), 8u);
    std::atomic<bool> over{false};
    std::thread writer([&] {
      std::mt19937 random(round);
      for (std::size_t i = round; !over.load(std::memory_order_relaxed); ++i) {
        const std::size_t at = i % calls;
        const std::uint32_t sizes[] = {8, 8, 8, 9, static_cast<std::uint32_t>(random())};
        worker.write({.size = sizes[random() % 5],
                      .kind = static_cast<reply_kind>(random() % 8 == 0 ? random() % 5 : 2),
                      .in_block = static_cast<std::uint8_t>(random() % 16 == 0),
                      .sequence = at + 1},
                     {}, at * 32);
        if (random() % 64 == 0) worker.publish(random() % 2 == 0 ? (calls + 1) * 32 : random());
      }
    });
    const auto read_on = [&] {
      for (;;) {
        auto next = worker.parent.link.next_reply();
        if (!next) continue;
        ASSERT_LE(next->payload.size(), detail::inline_limit);
        unsigned sum = 0;
        for (const auto byte : next->payload) sum += std::to_integer<unsigned>(byte);
        EXPECT_LE(sum, 255u * detail::inline_limit);
        if (next->kind == reply_kind::need_block) worker.parent.link.refuse(next->sequence, ENOMEM);
        worker.parent.link.release(std::move(*next));
      }
    };
    EXPECT_THROW(read_on(), detail::protocol_error);
    over = true;
    writer.join();
  }
}

}  // namespace
}  // namespace plait
