// How each of several items ended: values alone while all have one, and what happens with the first that has none.
#include <plait/executor/outcomes.hpp>

#include <memory>
#include <stdexcept>
#include <string>

#include <gtest/gtest.h>

namespace {

using plait::outcome;
using plait::detail::outcomes;

std::exception_ptr bad(const char* what) { return std::make_exception_ptr(std::runtime_error(what)); }

std::string message(const outcomes<std::string>& all, std::size_t i) {
  try {
    return all.value(i);
  } catch (const std::runtime_error& error) {
    return std::string("threw ") + error.what();
  } catch (const plait::cancelled_error&) {
    return "cancelled";
  }
}

TEST(outcomes, of_values_are_these) {
  outcomes<std::string> all;
  all.add_value("a");
  all.add_value(3, 'b');
  all.add(std::string("c"));
  ASSERT_EQ(all.size(), 3U);
  EXPECT_TRUE(all.all_values());
  EXPECT_EQ(message(all, 0), "a");
  EXPECT_EQ(message(all, 1), "bbb");
  EXPECT_EQ(message(all, 2), "c");
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_TRUE(all.has_value(i));
    EXPECT_FALSE(all.cancelled(i));
    EXPECT_EQ(all.exception(i), nullptr);
  }
}

TEST(outcomes, keep_their_order_where_some_failed) {
  outcomes<std::string> all;
  all.add_value("before");
  all.add_failure(bad("one"));
  all.add_value("between");
  all.add_cancelled();
  all.add(std::string("behind"));
  ASSERT_EQ(all.size(), 5U);
  EXPECT_FALSE(all.all_values());
  EXPECT_EQ(message(all, 0), "before");
  EXPECT_EQ(message(all, 1), "threw one");
  EXPECT_EQ(message(all, 2), "between");
  EXPECT_EQ(message(all, 3), "cancelled");
  EXPECT_EQ(message(all, 4), "behind");
  EXPECT_FALSE(all.has_value(1));
  EXPECT_FALSE(all.cancelled(1));
  EXPECT_NE(all.exception(1), nullptr);
  EXPECT_TRUE(all.cancelled(3));
  EXPECT_EQ(all.exception(3), nullptr);
}

TEST(outcomes, may_be_changed) {
  outcomes<std::string> all;
  all.add_value("a");
  all.value(0) += "!";
  EXPECT_EQ(message(all, 0), "a!");
  all.add_cancelled();
  all.value(0) += "!";
  EXPECT_EQ(message(all, 0), "a!!");
}

TEST(outcomes, shrink_and_grow) {
  outcomes<std::string> all;
  for (const auto* each : {"a", "b", "c"}) all.add_value(each);
  all.resize(2);
  EXPECT_TRUE(all.all_values());
  EXPECT_EQ(all.size(), 2U);
  all.resize(3);
  EXPECT_EQ(message(all, 1), "b");
  EXPECT_EQ(message(all, 2), "cancelled");
  all.resize(1);
  EXPECT_EQ(all.size(), 1U);
  EXPECT_EQ(message(all, 0), "a");
}

TEST(outcomes, are_values_again_once_cleared) {
  outcomes<std::string> all;
  all.add_cancelled();
  all.clear();
  EXPECT_EQ(all.size(), 0U);
  all.add_value("a");
  EXPECT_TRUE(all.all_values());
  EXPECT_EQ(message(all, 0), "a");
}

TEST(outcomes, of_what_can_only_be_moved) {
  outcomes<std::unique_ptr<int>> all;
  all.add_value(std::make_unique<int>(1));
  all.add_failure(bad("two"));
  all.add_value(std::make_unique<int>(3));
  EXPECT_EQ(*all.value(0), 1);
  EXPECT_EQ(*all.value(2), 3);
}

TEST(outcomes, of_nothing) {
  outcomes<void> all;
  all.add_value();
  all.add(outcome<void>(std::monostate()));
  EXPECT_NO_THROW(static_cast<void>(all.value(1)));
  all.add_failure(bad("third"));
  EXPECT_NO_THROW(static_cast<void>(all.value(0)));
  EXPECT_THROW(static_cast<void>(all.value(2)), std::runtime_error);
}

/// A std::vector<bool> has no bool that could be referred to.
TEST(outcomes, of_bool_have_places) {
  outcomes<bool> all;
  all.add_value(true);
  bool& first = all.value(0);
  first = false;
  EXPECT_FALSE(all.value(0));
}

TEST(outcomes, of_exceptions_as_values) {
  outcomes<std::exception_ptr> all;
  all.add_value(bad("a value"));
  EXPECT_TRUE(all.has_value(0));
  all.add_failure(bad("a failure"));
  EXPECT_TRUE(all.has_value(0));
  EXPECT_FALSE(all.has_value(1));
}

TEST(outcomes, lie_side_by_side) {
  outcomes<int> all;
  auto* const places = all.add_values(2);
  places[0].value = 1;
  places[1].value = 2;
  all.add_value(3);
  EXPECT_EQ(all.values() + 2, reinterpret_cast<const outcomes<int>::place*>(&all.value(2)));
  EXPECT_EQ(all.value(0) + all.value(1) + all.value(2), 6);
}

/// Where the values can't be moved to make place for a failure, all is as it was.
struct hard_to_move {
  explicit hard_to_move(int number) : number(number) {}
  hard_to_move(hard_to_move&& other) : number(other.number) { refuse(); }
  hard_to_move(const hard_to_move& other) : number(other.number) { refuse(); }
  static void refuse() {
    if (refuses) throw std::runtime_error("moved");
  }
  static inline bool refuses = false;
  int number;
};
TEST(outcomes, stay_as_they_are_where_no_failure_can_be_added) {
  outcomes<hard_to_move> all;
  all.reserve(2);
  all.add_value(1);
  all.add_value(2);
  hard_to_move::refuses = true;
  EXPECT_THROW(all.add_cancelled(), std::runtime_error);
  hard_to_move::refuses = false;
  EXPECT_EQ(all.size(), 2U);
  EXPECT_TRUE(all.all_values());
  EXPECT_EQ(all.value(0).number + all.value(1).number, 3);
}

/// Nothing is added where the value can't be made.
struct hard_to_make {
  explicit hard_to_make(bool fails) {
    if (fails) throw std::runtime_error("hard");
  }
};
TEST(outcomes, are_no_more_where_a_value_could_not_be_made) {
  outcomes<hard_to_make> all;
  EXPECT_THROW(all.add_value(true), std::runtime_error);
  EXPECT_EQ(all.size(), 0U);
  all.add_cancelled();
  EXPECT_THROW(all.add_value(true), std::runtime_error);
  EXPECT_EQ(all.size(), 1U);
}

}  // namespace
