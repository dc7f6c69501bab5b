#include <plait/core/outcome.hpp>

#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>

#include <gtest/gtest.h>
#include <tests/support/index_error.hpp>

namespace {

using plait::outcome;
using test_support::index_error;

TEST(outcome, is_cancelled_unless_it_is_told_otherwise) {
  const outcome<int> o;
  EXPECT_TRUE(o.cancelled());
  EXPECT_FALSE(o.has_value());
  EXPECT_FALSE(static_cast<bool>(o));
  EXPECT_EQ(o.exception(), nullptr);
  EXPECT_THROW(o.value(), plait::cancelled_error);
}

TEST(outcome, holds_a_value) {
  outcome<std::string> o("text");
  EXPECT_TRUE(o.has_value());
  EXPECT_TRUE(static_cast<bool>(o));
  EXPECT_FALSE(o.cancelled());
  EXPECT_EQ(o.exception(), nullptr);
  o.value() += "s";
  const auto& looked_at = o;
  static_assert(std::is_same_v<decltype(looked_at.value()), const std::string&>);
  EXPECT_EQ(looked_at.value(), "texts");
}

TEST(outcome, holds_an_exception) {
  const outcome<int> o(index_error());
  EXPECT_FALSE(o.has_value());
  EXPECT_FALSE(o.cancelled());
  EXPECT_THROW(std::rethrow_exception(o.exception()), std::out_of_range);
  EXPECT_THROW(o.value(), std::out_of_range);
}

TEST(outcome, gives_away_a_value_that_can_only_be_moved) {
  outcome<std::unique_ptr<int>> o(std::make_unique<int>(3));
  const std::unique_ptr<int> taken = std::move(o).value();
  EXPECT_EQ(*taken, 3);
}

TEST(outcome, of_nothing) {
  const outcome<void> good = std::monostate(), failed = index_error(), cancelled;
  good.value();
  EXPECT_TRUE(good.has_value());
  EXPECT_THROW(failed.value(), std::out_of_range);
  EXPECT_THROW(cancelled.value(), plait::cancelled_error);
  EXPECT_THROW(outcome<void>(cancelled).value(), plait::cancelled_error);
}

}  // namespace
