#include <plait/core/internal/spin.hpp>

#include <chrono>
#include <thread>

#include <gtest/gtest.h>

namespace plait::detail {
namespace {

/// Somebody else gets the core in it, for longer than a yield may take.
bool spin_late(spin_budget& budget, bool plenty_after) {
  bool asked = false;
  static_cast<void>(budget.spin_until(
      [&] {
        asked = true;
        std::this_thread::sleep_for(2 * spin_budget::late);
        return false;
      },
      [&] { return plenty_after; }));
  return asked;
}

/// Finds what it looks for at once.
bool spin_in_time(spin_budget& budget) {
  bool asked = false;
  const bool found = budget.spin_until([&] { return asked = true; }, [] { return false; });
  EXPECT_EQ(found, asked);
  return asked;
}

int left_out(spin_budget& budget) {
  int count = 0;
  while (!spin_in_time(budget)) ++count;
  return count;
}

void expect_left_out(spin_budget& budget, int count) {
  for (int i = 0; i < count; ++i) ASSERT_FALSE(spin_in_time(budget)) << i << " of " << count;
}

TEST(spin_budget, leaves_out_more_spins_each_time_that_a_stranger_gets_the_core) {
  spin_budget budget;
  for (int expected = spin_budget::fewest_left_out; expected < spin_budget::most_left_out; expected *= 2) {
    ASSERT_TRUE(spin_late(budget, false));
    expect_left_out(budget, expected);
  }
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(spin_late(budget, false));
    expect_left_out(budget, spin_budget::most_left_out);
  }
  EXPECT_TRUE(spin_in_time(budget));
}

TEST(spin_budget, leaves_out_half_as_many_after_each_spin_in_time) {
  spin_budget budget;
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(spin_late(budget, false));
    expect_left_out(budget, spin_budget::fewest_left_out << i);
  }
  EXPECT_TRUE(spin_in_time(budget));  // 8 times as many would be next, then 4 times
  ASSERT_TRUE(spin_late(budget, false));
  EXPECT_EQ(left_out(budget), 4 * spin_budget::fewest_left_out);
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(spin_in_time(budget));
  ASSERT_TRUE(spin_late(budget, false));
  EXPECT_EQ(left_out(budget), spin_budget::fewest_left_out);
}

TEST(spin_budget, takes_who_has_left_plenty_for_a_partner) {
  spin_budget budget;
  ASSERT_TRUE(spin_late(budget, true));
  EXPECT_EQ(left_out(budget), 0);
}

}  // namespace
}  // namespace plait::detail
