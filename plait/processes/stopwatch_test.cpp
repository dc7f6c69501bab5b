// When the clock is asked how long calls take, and what is told of them.
#include <plait/processes/internal/stopwatch.hpp>

#include <cstdint>
#include <functional>

#include <gtest/gtest.h>

namespace plait {
namespace {

using namespace std::chrono_literals;

class stopwatch : public testing::Test {
 protected:
  /// A call of that length; `further`: with another one behind it.
  std::uint32_t call(nanoseconds length, bool further = true) {
    time += length;
    asked = 0;
    return watch.lap(further);
  }

  time_point time{};
  int asked = 0;  // how often, for the last call
  detail::stopwatch<std::function<time_point()>> watch{[this] {
    ++asked;
    return time;
  }};
};

TEST_F(stopwatch, is_asked_for_each_call_that_is_not_short) {
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(call(2us), 2000u);
    EXPECT_EQ(asked, 1);
  }
}

TEST_F(stopwatch, is_asked_for_eight_short_calls_once_and_tells_their_average) {
  EXPECT_EQ(call(100ns), 100u);  // that they are short is known from now on
  for (int round = 0; round < 3; ++round) {
    for (int i = 1; i < 8; ++i) {
      EXPECT_EQ(call(200ns), 0u);
      EXPECT_EQ(asked, 0);
    }
    EXPECT_EQ(call(600ns), (7 * 200u + 600u) / 8);
    EXPECT_EQ(asked, 1);
  }
}

TEST_F(stopwatch, tells_of_a_long_call_among_short_ones_and_then_of_each) {
  EXPECT_EQ(call(100ns), 100u);
  for (int i = 1; i < 8; ++i) EXPECT_EQ(call(i == 3 ? 10ms : 0ms), 0u);
  EXPECT_EQ(call(0ns), 10'000'000u / 8);
  EXPECT_EQ(call(100ns), 100u);
}

TEST_F(stopwatch, is_asked_at_the_last_call_that_is_there) {
  EXPECT_EQ(call(100ns), 100u);
  EXPECT_EQ(call(100ns), 0u);
  EXPECT_EQ(call(300ns, false), 200u);
}

TEST_F(stopwatch, does_not_count_the_time_before_a_call_that_was_waited_for) {
  EXPECT_EQ(call(100ns), 100u);
  EXPECT_EQ(call(100ns), 0u);
  time += 1h;
  watch.restart();
  EXPECT_EQ(call(100ns, false), 100u);
}

TEST_F(stopwatch, never_says_of_a_measured_call_that_it_took_no_time_or_more_than_can_be_told) {
  EXPECT_EQ(call(0ns), 1u);
  EXPECT_EQ(call(1h, false), UINT32_MAX);
}

}  // namespace
}  // namespace plait
