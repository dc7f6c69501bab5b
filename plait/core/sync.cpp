#include <plait/core/sync.hpp>

#if !defined(PLAIT_SIMULATED)

#include <cerrno>

#include <linux/futex.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace plait::inline PLAIT_ABI::sync {

void yield() noexcept { sched_yield(); }

bool futex_wait(const atomic<std::uint32_t>& word, std::uint32_t expected, time_point deadline) noexcept {
  timespec until{};
  const bool bounded = deadline != forever;
  if (bounded) {
    const auto since_boot = deadline.time_since_epoch().count();
    if (since_boot <= 0) return false;
    until.tv_sec = since_boot / 1'000'000'000;
    until.tv_nsec = since_boot % 1'000'000'000;
  }
  // FUTEX_WAIT_BITSET takes an absolute time of CLOCK_MONOTONIC, which is what steady_clock is on Linux.
  const long result = syscall(SYS_futex, &word, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, expected,
                              bounded ? &until : nullptr, nullptr, FUTEX_BITSET_MATCH_ANY);
  return !(result == -1 && errno == ETIMEDOUT);
}

void futex_wake(const atomic<std::uint32_t>& word, int count) noexcept {
  syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, count, nullptr, nullptr, 0);
}

}  // namespace plait::inline PLAIT_ABI::sync

#endif
