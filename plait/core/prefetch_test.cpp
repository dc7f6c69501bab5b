#include <plait/core/future.hpp>
#include <plait/core/internal/prefetch.hpp>

#include <thread>

#include <gtest/gtest.h>

namespace plait::detail {
namespace {

struct entry {};

void leave_twenty() {
  entry entries[20];
  for (int i = 0; i < 20; ++i) EXPECT_EQ(trail<entry>::leave(&entries[i]), i < 8 ? nullptr : &entries[i - 8]) << i;
}

TEST(trail, tells_of_what_this_thread_handed_over_eight_times_ago) {
  std::thread(leave_twenty).join();
  std::thread(leave_twenty).join();
}

struct probe : state_awaiter {
  probe() : state_awaiter(state_handle()) {}
  [[nodiscard]] const char* behind_home() const { return reinterpret_cast<const char*>(&state_); }
};

// What a thread that completes a call touches of who waits lies where it is asked for.
TEST(prefetch, asks_for_all_that_completing_needs_of_an_awaiter) {
  const probe awaiter;
  const ready& in_inbox = awaiter;
  const auto* const link = reinterpret_cast<const char*>(&in_inbox.next);
  const auto* const fired = reinterpret_cast<const char*>((const waiter*)(&awaiter));  // a private base
  EXPECT_EQ(fired - link, static_cast<std::ptrdiff_t>(before_waiter));
  EXPECT_EQ(awaiter.behind_home() - link, static_cast<std::ptrdiff_t>(around_waiter));
}

TEST(prefetch, may_ask_for_what_is_not_there) {
  prefetch_to_write(nullptr, 128);
  prefetch_to_write(reinterpret_cast<const void*>(~std::uintptr_t{127}), 64);
}

}  // namespace
}  // namespace plait::detail
