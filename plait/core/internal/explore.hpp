// What a race test uses: runs a body with simulated threads under every schedule, so that a race is found or shown to
// be absent.
//
//   TEST(counter, loses_nothing) {
//     explore({}, [] {
//       sync::atomic<int> counter{0};
//       sync::thread other([&] { counter.fetch_add(1); });
//       counter.fetch_add(1);
//       other.join();
//       check(counter.load() == 2);            // throws; or EXPECT_EQ and .failed = [] { return HasFailure(); }
//     });
//   }
//
// Guarantees
// - explore() walks each schedule with at most `max_preemptions` switches away from a thread that could go on, and
//   walks none twice. Switches where a thread blocks, ends or yields are free.
// - A failure tells its schedule as a text; replay() with that text and the same body does the same steps again.
// - What is shared between the threads must be atomic, or handed over by atomics: between two scheduling points the
//   order of plain accesses is not explored. Build with ThreadSanitizer to have just that proved.
// - The body must be deterministic but for its schedule, and block in nothing but sync:: (a real mutex held across a
//   scheduling point hangs the test). It starts afresh every time, on a fresh thread with fresh thread_locals.
// - A failed schedule that could not end leaves its threads asleep for good, with all that they own.
#pragma once

#include <plait/core/internal/simulated.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace plait::inline PLAIT_ABI::simulated {

struct explore_options {
  /// Most real races need one or two. Any large number means: all schedules.
  int max_preemptions = 2;
  /// Stop, incomplete, after so many.
  std::size_t max_schedules = 200'000;
  /// A schedule with more steps is a failure: some thread spins for ever.
  std::size_t max_steps = 20'000;
  /// Whether a deadline may also pass while threads can run, at the price of one preemption: finds a timeout that
  /// races with the wake-up.
  bool early_timeouts = false;
  /// Asked after each schedule; true is a failure. For gtest: ::testing::Test::HasFailure.
  std::function<bool()> failed = {};
};

struct explore_result {
  std::size_t schedules;
  /// Whether no schedule is left.
  bool complete;
};

/// Why, the schedule to replay, the last steps, and where every thread stands.
struct PLAIT_API explore_failure : std::runtime_error {
  explore_failure(const std::string& text, std::string replayable, std::size_t how_many)
      : std::runtime_error(text), schedule(std::move(replayable)), schedules(how_many) {}
  /// What replay() takes.
  std::string schedule;
  /// How many schedules were run up to this one.
  std::size_t schedules;
};

/// Runs `body` under every schedule within the options.
/// @throws explore_failure at the first that fails: by an exception, a failed test, a deadlock or too many steps.
PLAIT_API explore_result explore(const explore_options& options, std::function<void()> body);

/// Runs `body` under random schedules, for what is too big to walk. From schedule to schedule they differ in how
/// often they switch: from every second step to every sixty-fourth. `max_preemptions` and `max_schedules` of the
/// options are not used.
PLAIT_API explore_result sample(std::uint64_t seed, std::size_t schedules, std::function<void()> body,
                                const explore_options& options = {});

/// Runs `body` under one schedule, from the text that a failure printed.
/// @throws std::invalid_argument where the text is no schedule.
PLAIT_API explore_result replay(std::string_view schedule, std::function<void()> body,
                                const explore_options& options = {});

/// A choice of the test itself: 0 … count-1, all of them explored. Outside of a simulation: 0.
PLAIT_API std::size_t choose(std::size_t count);

/// The name of the calling thread in the trace of a failure.
PLAIT_API void name_thread(std::string_view name);

/// The name of an atomic in the trace of a failure.
PLAIT_API void name_location(const void* where, std::string_view name);
template <class T> void name_atomic(const atomic<T>& which, std::string_view name) { name_location(&which, name); }

}  // namespace plait::inline PLAIT_ABI::simulated
