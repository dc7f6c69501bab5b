// Several exceptions as one: what it says, what can be found in it, how it is parted.
#include <plait/core/errors.hpp>
#include <plait/core/exception_group.hpp>

#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <tests/support/expect_throw.hpp>

namespace plait {
namespace {

using test_support::message_in;
using test_support::message_of;

template <class E> std::exception_ptr an(const E& error) { return std::make_exception_ptr(error); }

exception_group tree() {
  return exception_group(
      {an(std::runtime_error("a")), an(exception_group({an(std::out_of_range("b")), an(42)}, "inner")),
       an(std::runtime_error("c"))},
      "outer");
}

TEST(exception_group, says_how_many_there_are_and_what_each_says) {
  const exception_group group({an(std::runtime_error("a")), an(std::logic_error("b"))});
  EXPECT_STREQ(group.what(), "2 exceptions: std::runtime_error: a; std::logic_error: b");
}

TEST(exception_group, shows_groups_inside_of_it_in_parentheses) {
  EXPECT_STREQ(tree().what(),
               "outer: std::runtime_error: a; (inner: std::out_of_range: b; an exception that is no std::exception); "
               "std::runtime_error: c");
}

TEST(exception_group, keeps_the_exceptions_in_order_and_nested) {
  const auto group = tree();
  ASSERT_EQ(group.exceptions().size(), 3U);
  EXPECT_EQ(message_in<std::runtime_error>(group.exceptions()[0]), "a");
  EXPECT_THROW(std::rethrow_exception(group.exceptions()[1]), exception_group);
}

TEST(exception_group, finds_a_type_at_whatever_depth_by_its_bases_too) {
  const auto group = tree();
  ASSERT_EQ(group.find<std::runtime_error>().size(), 2U);
  EXPECT_STREQ(group.find<std::runtime_error>()[1]->what(), "c");
  ASSERT_EQ(group.find<std::logic_error>().size(), 1U);
  EXPECT_STREQ(group.find<std::logic_error>()[0]->what(), "b");
  ASSERT_EQ(group.find<int>().size(), 1U);
  EXPECT_EQ(*group.find<int>()[0], 42);
  EXPECT_EQ(group.find<std::exception>().size(), 3U);  // leaves, not the groups
  EXPECT_TRUE(group.contains<std::out_of_range>());
  EXPECT_FALSE(group.contains<std::bad_alloc>());
}

TEST(exception_group, what_is_found_outlives_the_group_with_a_copy_of_it) {
  std::optional<exception_group> group = tree();
  const auto found = group->find<std::out_of_range>();
  const auto copy = *group;
  group.reset();
  EXPECT_STREQ(found.at(0)->what(), "b");
}

TEST(exception_group, is_split_into_what_is_handled_and_what_goes_on) {
  const auto [mine, rest] = tree().split<std::runtime_error>();
  ASSERT_TRUE(mine);
  EXPECT_STREQ(mine->what(), "2 exceptions: std::runtime_error: a; std::runtime_error: c");
  ASSERT_TRUE(rest);
  EXPECT_STREQ(rest->what(), "1 exception: (inner: std::out_of_range: b; an exception that is no std::exception)");
}

TEST(exception_group, is_split_inside_of_groups) {
  const auto [mine, rest] = tree().split<int>();
  ASSERT_TRUE(mine);
  EXPECT_STREQ(mine->what(), "1 exception: (1 exception: an exception that is no std::exception)");
  ASSERT_TRUE(rest);
  EXPECT_EQ(rest->find<std::exception>().size(), 3U);
  EXPECT_FALSE(rest->contains<int>());
}

TEST(exception_group, is_split_into_all_and_nothing) {
  const auto [none, rest] = tree().split<std::bad_alloc>();
  EXPECT_FALSE(none);
  ASSERT_TRUE(rest);
  EXPECT_STREQ(rest->what(), tree().what());
}

TEST(exception_group, of_nothing_is_refused) {
  EXPECT_EQ(message_of<std::invalid_argument>([] { throw exception_group({}); }),
            "plait: exceptions is empty; expected at least one exception");
  EXPECT_EQ(message_of<std::invalid_argument>([] { throw exception_group({nullptr}); }),
            "plait: exceptions is a list with a null in it; expected exceptions");
}

TEST(exception_group, is_a_std_exception) {
  try {
    throw tree();
  } catch (const std::exception& error) {
    EXPECT_STREQ(error.what(), tree().what());
  }
}

}  // namespace
}  // namespace plait
