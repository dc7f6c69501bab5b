// For race tests on the simulated machine (plait/core/internal/explore.hpp): how far to walk, and a check for a body.
#pragma once

#include <plait/core/internal/explore.hpp>

#include <cstddef>
#include <cstdio>
#include <functional>
#include <stdexcept>
#include <string>
#include <utility>

#include <gtest/gtest.h>

namespace test_support {

// Under a sanitizer each simulated thread is a new real one, which makes a schedule ten to thirty times slower: then
// a walk may be cut off. Whether it is complete is for the builds without one to say.
#if defined(__SANITIZE_THREAD__)
inline constexpr bool walks_are_cut = true;
inline constexpr std::size_t longest_walk = 2'000;
#elif defined(__SANITIZE_ADDRESS__)
inline constexpr bool walks_are_cut = true;
inline constexpr std::size_t longest_walk = 3'000;
#else
inline constexpr bool walks_are_cut = false;
inline constexpr std::size_t longest_walk = 100'000;
#endif

/// For the body of a schedule: fails it, with its trace.
inline void must(bool right, const char* what) {
  if (!right) throw std::runtime_error(what);
}

namespace detail {
inline void tell(const plait::simulated::explore_result& result) {
  ::testing::Test::RecordProperty("schedules", std::to_string(result.schedules));
  std::printf("%zu schedules%s\n", result.schedules, result.complete ? "" : ", and more were left");
}
}  // namespace detail

/// Every schedule of `body` within the options, none left out. False where the walk was cut off.
inline bool walk(plait::simulated::explore_options options, std::function<void()> body) {
  options.max_schedules = longest_walk;
  const auto result = plait::simulated::explore(options, std::move(body));
  detail::tell(result);
  EXPECT_TRUE(result.complete || walks_are_cut);
  return result.complete;
}

/// Random schedules of what is too large to walk.
inline void wander(std::size_t schedules, std::function<void()> body,
                   const plait::simulated::explore_options& options = {}) {
  const auto result =
      plait::simulated::sample(1, schedules < longest_walk ? schedules : longest_walk, std::move(body), options);
  detail::tell(result);
}

}  // namespace test_support
