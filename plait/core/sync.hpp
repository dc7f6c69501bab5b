// The one door to atomics, threads, futexes and the clock. All of plait goes through these names and through no
// others, so that a test can put a simulated machine in their place: built with PLAIT_SIMULATED, every access to an
// atomic is a point at which the test chooses which thread goes on, and time passes only when all threads wait for
// it.
//
// Guarantees
// - In a normal build the names are those of the standard library and of the kernel; they cost nothing.
// - futex_wait returns at once where the word has changed, so a wake-up between look and sleep is never lost.
#pragma once

#include <plait/core/config.hpp>

#include <chrono>
#include <cstdint>

#if defined(PLAIT_SIMULATED)
#include <plait/core/internal/simulated.hpp>
#else
#include <atomic>
#include <thread>
#endif

namespace plait::inline PLAIT_ABI {

/// The clock of every timeout, delay and deadline: monotonic, in nanoseconds.
using clock = std::chrono::steady_clock;
using time_point = std::chrono::time_point<clock, std::chrono::nanoseconds>;
using nanoseconds = std::chrono::nanoseconds;

namespace sync {

/// As a deadline: never.
inline constexpr time_point forever = time_point::max();

#if defined(PLAIT_SIMULATED)
using simulated::atomic;
using simulated::futex_wait;
using simulated::futex_wake;
using simulated::now;
using simulated::thread;
using simulated::yield;
#else
using std::atomic;
using std::thread;

[[nodiscard]] inline time_point now() noexcept { return clock::now(); }

/// Lets another thread have the core.
PLAIT_API void yield() noexcept;

/// Sleeps while `word` holds `expected`, until a wake or the deadline. Returns false where the deadline passed.
/// May also return for no reason: the caller looks again.
PLAIT_API bool futex_wait(const atomic<std::uint32_t>& word, std::uint32_t expected,
                          time_point deadline = forever) noexcept;

/// Wakes up to `count` threads that sleep on `word`. The word itself may be gone by then.
PLAIT_API void futex_wake(const atomic<std::uint32_t>& word, int count) noexcept;
#endif

inline constexpr int everybody = 0x7fffffff;

}  // namespace sync
}  // namespace plait::inline PLAIT_ABI
