// A link to a real process: what it is for.
#include <plait/processes/internal/link.hpp>
#include <plait/processes/internal/worker_link.hpp>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <numeric>
#include <string>
#include <system_error>
#include <vector>

#include "link_pair_test.hpp"
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <tests/support/sanitized.hpp>

namespace plait {
namespace {

using detail::reply_kind;
using detail::request_kind;
using test_support::bytes_of;
using test_support::echo;
using test_support::link_end;

/// A forked worker, killed and reaped at the latest with this.
class worker_process {
 public:
  worker_process(link_end& parent, const std::function<void(detail::worker_link&)>& main) {
    const auto descriptors = parent.copies_for_worker();
    pid_ = ::fork();
    if (pid_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      {
        detail::worker_link link(descriptors);
        main(link);
      }
      ::_exit(0);
    }
    for (const int descriptor : descriptors) ::close(descriptor);
    parent.link.forget_worker_ends();
  }
  worker_process(const worker_process&) = delete;
  worker_process& operator=(const worker_process&) = delete;
  ~worker_process() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      wait();
    }
  }
  int wait() {
    int status = 0;
    ::waitpid(std::exchange(pid_, 0), &status, 0);
    return status;
  }
  [[nodiscard]] int pid() const { return pid_; }

 private:
  pid_t pid_ = 0;
};

std::size_t descriptors_open() {
  const std::filesystem::directory_iterator open("/proc/self/fd");
  return static_cast<std::size_t>(std::distance(begin(open), end(open)));
}

/// Mappings of plait's shared memory in a process. A worker that is forked, as here, has the parent's of the link
/// too.
std::size_t mappings(const std::string& process = "self") {
  std::ifstream maps("/proc/" + process + "/maps");
  std::size_t count = 0;
  for (std::string line; std::getline(maps, line);) count += line.find("memfd:plait:") != std::string::npos;
  return count;
}

TEST(link_process, thousands_of_calls) {
  link_end parent;
  worker_process worker(parent, echo);
  std::uint64_t sent = 0, got = 0;
  while (got < 200'000) {
    while (sent < 200'000 && parent.link.has_room(8)) {
      parent.link.send(request_kind::call, {}, std::as_bytes(std::span(&sent, 1)));
      ++sent;
    }
    if (parent.link.publish()) parent.link.wake();
    do {
      auto reply = parent.reply();
      std::uint64_t number = 0;
      std::memcpy(&number, reply.payload.data(), sizeof(number));
      ASSERT_EQ(number, got++);
      parent.link.release(std::move(reply));
    } while (parent.link.has_reply());
  }
  parent.send(request_kind::stop, {});
  EXPECT_EQ(worker.wait(), 0);
}

TEST(link_process, what_was_published_before_a_death_can_be_read) {
  link_end parent;
  for (int i = 0; i < 100; ++i) parent.call(std::to_string(i));
  worker_process worker(parent, [](detail::worker_link& link) {
    for (int i = 0; i < 60; ++i) {
      const auto request = link.next();
      link.reply(reply_kind::value, 0, request->payload);
    }
    static_cast<void>(link.next());  // begun, never answered
    ::raise(SIGKILL);
  });
  EXPECT_TRUE(WIFSIGNALED(worker.wait()));
  for (int i = 0; i < 60; ++i) EXPECT_EQ(parent.answer(), std::to_string(i));
  EXPECT_FALSE(parent.link.has_reply());
  EXPECT_FALSE(parent.link.next_reply());
  EXPECT_EQ(parent.link.front(), 61u);
  EXPECT_TRUE(parent.link.is_taken(61));                                            // the call that died
  for (std::uint64_t i = 62; i <= 100; ++i) EXPECT_FALSE(parent.link.is_taken(i));  // those that go elsewhere
  for (std::uint64_t i = 62; i <= 100; ++i) EXPECT_TRUE(parent.link.withdraw(i));
  // Whatever else is asked of the link of a dead worker comes back at once.
  parent.link.ask_to_stop(61);
  while (parent.link.has_room(100'000)) parent.call(std::string(100'000, 'x'));
}

TEST(link_process, a_death_while_it_waits_for_room) {
  link_end parent;
  for (int i = 0; i < 40; ++i) parent.call("");
  worker_process worker(parent, [](detail::worker_link& link) {
    while (link.next()) link.reply(reply_kind::value, 0, bytes_of(std::string(detail::inline_limit, 'x')));
  });
  EXPECT_EQ(parent.answer().size(), detail::inline_limit);
  ::kill(worker.pid(), SIGKILL);
  worker.wait();
  std::size_t kept = 0;
  while (auto reply = parent.link.next_reply()) {
    EXPECT_EQ(reply->payload.size(), detail::inline_limit);
    parent.link.release(std::move(*reply));
    ++kept;
  }
  EXPECT_EQ(parent.link.in_flight(), 39 - kept);
}

TEST(link_process, the_end_of_the_parent_s_end_ends_the_worker) {
  auto parent = std::make_unique<link_end>();
  worker_process worker(*parent, echo);
  parent->call("x");
  EXPECT_EQ(parent->answer(), "x");
  parent.reset();
  EXPECT_EQ(worker.wait(), 0);
}

constexpr unsigned ping_pongs = test_support::sanitized ? 20'000 : 100'000;

// With pauses as in link_test.cpp.
TEST(link_process, ping_pong_loses_no_wake_up) {
  link_end parent;
  worker_process worker(parent, echo);
  for (unsigned i = 0; i < ping_pongs; ++i) {
    if (i % 64 == 0)
      for (const auto end = sync::now() + std::chrono::microseconds(i / 64 % 20); sync::now() < end;) sync::yield();
    parent.call("x");
    ASSERT_EQ(parent.answer(), "x");
  }
}

// ── Large payloads ──

std::string numbered(std::size_t bytes) {
  std::string text(bytes, '\0');
  for (std::size_t i = 0; i < bytes; ++i) text[i] = static_cast<char>(i * 2654435761u >> 13);
  return text;
}

TEST(link_process, payloads_of_every_edge) {
  link_end parent;
  worker_process worker(parent, echo);
  constexpr std::size_t limit = detail::inline_limit, kib = 1024, mib = kib * kib;
  for (const auto edge :
       {limit, 64 * kib, 72 * kib, 128 * kib, 144 * kib, mib, 4 * mib, 4 * mib + mib / 2, 16 * mib}) {
    for (const auto bytes : {edge - 1, edge, edge + 1}) {
      const auto text = numbered(bytes);
      parent.call(text);
      EXPECT_TRUE(parent.answer() == text) << bytes;
    }
  }
}

TEST(link_process, large_payloads_in_flight_and_out_of_the_ring) {
  link_end parent;
  worker_process worker(parent, echo);
  std::vector<std::string> sent;
  std::size_t at = 0;
  for (std::size_t i = 0; i < 300; ++i) {
    sent.push_back(numbered(1 + i * 7919 % 200'000));
    while (!parent.link.has_room(sent.back().size())) EXPECT_TRUE(parent.answer() == sent[at++]);
    parent.call(sent.back());
  }
  while (parent.link.in_flight() > 0) EXPECT_TRUE(parent.answer() == sent[at++]);
  EXPECT_EQ(at, sent.size());
}

TEST(link_process, blocks_are_used_again) {
  link_end parent;
  worker_process worker(parent, echo);
  const auto text = numbered(std::size_t{64} << 20);
  for (int i = 0; i < 5; ++i) {
    parent.call(text);
    ASSERT_TRUE(parent.answer() == text);
  }
  EXPECT_EQ(parent.cache.look().made, 2u);  // one for each direction
  EXPECT_EQ(parent.cache.look().reused, 8u);
  EXPECT_EQ(mappings(), 3u);  // the link's, and the blocks'
  EXPECT_EQ(mappings(std::to_string(worker.pid())), 4u);
}

TEST(link_process, a_small_block_stays_with_its_worker) {
  link_end parent;
  worker_process worker(parent, echo);
  const auto text = numbered(100'000);
  int asked = 0;
  for (int i = 0; i < 10; ++i) {
    parent.call(text);
    auto reply = parent.reply();
    if (reply.kind == reply_kind::need_block) {
      ++asked;
      parent.link.grant(reply.sequence, parent.cache.take(reply.wanted, parent.link.id()));
      parent.link.release(std::move(reply));
      reply = parent.reply();
    }
    EXPECT_TRUE(test_support::text_of(reply.payload) == text);
    parent.link.release(std::move(reply));
  }
  EXPECT_EQ(asked, 1);
}

TEST(link_process, blocks_over_the_limit_are_freed_on_both_sides) {
  link_end parent({.idle_limit = std::size_t{1} << 20});
  worker_process worker(parent, echo);
  for (int i = 0; i < 20; ++i) {
    const auto text = numbered((std::size_t{5} << 20) + static_cast<std::size_t>(i));
    parent.call(text);
    ASSERT_TRUE(parent.answer() == text);
  }
  EXPECT_EQ(parent.cache.look().idle, 0u);
  EXPECT_EQ(mappings(), 1u);                                         // the link's own
  while (mappings(std::to_string(worker.pid())) > 2) sync::yield();  // the worker hears of it before it sleeps
}

TEST(link_process, a_refused_block_is_an_error_of_that_call) {
  link_end parent;
  worker_process worker(parent, [](detail::worker_link& link) {
    while (const auto request = link.next()) {
      try {
        link.reply(reply_kind::value, 0, std::vector<std::byte>(100'000));
      } catch (const std::system_error& failed) {
        link.reply(reply_kind::error, static_cast<std::uint32_t>(failed.code().value()), bytes_of(failed.what()));
      }
    }
  });
  for (int i = 0; i < 3; ++i) {
    parent.call("");
    auto asks = parent.reply();
    ASSERT_EQ(asks.kind, reply_kind::need_block);
    EXPECT_EQ(asks.wanted, 100'000u);
    parent.link.refuse(asks.sequence, ENOMEM);
    parent.link.release(std::move(asks));
    auto answer = parent.reply();
    EXPECT_EQ(answer.kind, reply_kind::error);
    EXPECT_EQ(answer.flags, static_cast<std::uint32_t>(ENOMEM));
    EXPECT_EQ(test_support::text_of(answer.payload),
              "plait: memory for a result of 100000 bytes: Cannot allocate memory");
    parent.link.release(std::move(answer));
  }
}

// What the worker cannot map is that request's error; the ones around it are answered.
TEST(link_process, arguments_that_the_worker_cannot_map) {
  link_end parent;
  worker_process worker(parent, [](detail::worker_link& link) {
    rlimit none{};
    ::getrlimit(RLIMIT_NOFILE, &none);
    none.rlim_cur = 3;  // a descriptor that is sent is lost
    ::setrlimit(RLIMIT_NOFILE, &none);
    echo(link);
  });
  parent.call("before");
  parent.call(numbered(100'000));
  parent.call("after");
  EXPECT_EQ(parent.answer(), "before");
  EXPECT_EQ(parent.answer(), std::to_string(EMFILE));
  EXPECT_EQ(parent.answer(), "after");
}

TEST(link_process, a_worker_cannot_write_to_arguments) {
  link_end parent;
  worker_process worker(parent, [](detail::worker_link& link) {
    const auto request = link.next();
    ::signal(SIGSEGV, SIG_DFL);  // a sanitizer would report it
    const_cast<std::byte&>(request->payload[0]) = std::byte{1};
  });
  parent.call(numbered(100'000));
  const int status = worker.wait();
  EXPECT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(WTERMSIG(status), SIGSEGV);
  EXPECT_TRUE(parent.link.is_taken(1));
}

TEST(link_process, nothing_is_left) {
  {
    link_end warm;
  }
  const auto descriptors_before = descriptors_open();
  const auto mappings_before = mappings();
  for (int i = 0; i < 10; ++i) {
    link_end parent;
    worker_process worker(parent, echo);
    for (const std::size_t bytes : {std::size_t{10}, std::size_t{100'000}, std::size_t{10} << 20}) {
      parent.call(numbered(bytes));
      if (i % 2 == 0) {
        EXPECT_EQ(parent.answer().size(), bytes);
      }
    }
  }
  EXPECT_EQ(descriptors_open(), descriptors_before);
  EXPECT_EQ(mappings(), mappings_before);
}

}  // namespace
}  // namespace plait
