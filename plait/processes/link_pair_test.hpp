// For tests of a link: both of its ends, in one process or in two.
#pragma once

#include <plait/processes/internal/link.hpp>
#include <plait/processes/internal/worker_link.hpp>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace test_support {

namespace pd = plait::detail;

inline std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

inline std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// The parent's end, with bells and a cache of its own.
class link_end {
 public:
  explicit link_end(const pd::block_cache::options& blocks = {}) : cache(blocks) {}

  [[nodiscard]] std::vector<int> copies_for_worker() const {
    std::vector<int> copies;
    for (const int descriptor : link.descriptors_for_worker())
      copies.push_back(::fcntl(descriptor, F_DUPFD_CLOEXEC, 3));
    return copies;
  }

  std::uint64_t call(std::string_view payload) { return send(pd::request_kind::call, bytes_of(payload)); }
  std::uint64_t send(pd::request_kind kind, std::span<const std::byte> payload) {
    const auto sequence = link.send(kind, {}, payload);
    if (link.publish()) link.wake();
    return sequence;
  }

  /// The next reply, waited for as a loop does it: armed, looked again, asleep on the bell.
  pd::reply reply() {
    for (;;) {
      if (auto next = link.next_reply()) return std::move(*next);
      link.arm(pd::bell::loop);
      if (!link.has_reply()) {
        pollfd wait{loop_bell.get(), POLLIN, 0};
        ::poll(&wait, 1, -1);
        std::uint64_t rings = 0;
        static_cast<void>(!::read(loop_bell.get(), &rings, sizeof(rings)));
      }
      link.disarm();
    }
  }
  /// Its text, released; a block that the worker needs is granted on the way.
  std::string answer() {
    for (;;) {
      auto next = reply();
      if (next.kind == pd::reply_kind::need_block) {
        link.grant(next.sequence, cache.take(next.wanted, link.id()));
        link.release(std::move(next));
      } else {
        auto text = text_of(next.payload);
        link.release(std::move(next));
        return text;
      }
    }
  }

  plait::detail::unique_fd loop_bell{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  plait::detail::unique_fd helper_bell{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  pd::block_cache cache;
  pd::link link{cache, loop_bell.get(), helper_bell.get()};
};

/// A worker that gives back what it gets, until it is stopped.
inline void echo(pd::worker_link& parent) {
  while (const auto request = parent.next()) {
    if (request->kind == pd::request_kind::notice) continue;
    if (request->error != 0) {
      parent.reply(pd::reply_kind::error, 0, bytes_of(std::to_string(request->error)));
    } else {
      parent.reply(pd::reply_kind::value, request->target.flags, request->payload);
    }
  }
}

/// A parent, a worker in a thread that gives back what it gets, and what the one sent that the other has not
/// answered.
class conversation {
 public:
  conversation() = default;
  conversation(const conversation&) = delete;
  conversation& operator=(const conversation&) = delete;
  ~conversation() {
    parent.send(pd::request_kind::stop, {});
    thread_.join();
  }

  void was_sent(std::string payload) { sent_.push_back(std::move(payload)); }
  void expect_answer() {
    EXPECT_EQ(parent.answer(), sent_.front());
    sent_.pop_front();
  }
  void expect_all_answers() {
    while (parent.link.in_flight() > 0) expect_answer();
    EXPECT_TRUE(sent_.empty());
  }

  link_end parent;

 private:
  pd::worker_link worker_{parent.copies_for_worker()};
  std::deque<std::string> sent_;
  std::thread thread_{[this] { echo(worker_); }};
};

}  // namespace test_support
