// Exceptions from somebody who wants the reader's memory, its stack, or its end.
#include <plait/portable/internal/standard_exceptions.hpp>
#include <plait/portable/portable_exception.hpp>
#include <plait/portable/round_trip_test.hpp>

#include <algorithm>
#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>
#include <tests/support/expect_throw.hpp>

namespace hostile_errors {

struct holds_another {
  std::exception_ptr inner;
  template <class Archive> void serialize(Archive& archive) { archive(inner); }
};
struct link_of_a_chain {
  std::unique_ptr<link_of_a_chain> next;
  std::exception_ptr last;
  template <class Archive> void serialize(Archive& archive) { archive(next, last); }
};
/// shared_ptr, since exceptions must be copied.
struct holds_a_chain {
  std::shared_ptr<link_of_a_chain> chain;
  template <class Archive> void serialize(Archive& archive) { archive(chain); }
};

}  // namespace hostile_errors

PLAIT_PORTABLE_EXCEPTION(hostile_errors::holds_another);
PLAIT_PORTABLE_EXCEPTION(hostile_errors::holds_a_chain);

namespace {

using hostile_errors::holds_a_chain;
using hostile_errors::holds_another;
using hostile_errors::link_of_a_chain;
using plait::detail::byte_reader;
using plait::detail::byte_writer;
using plait::detail::decode_exception;
using plait::detail::heap_storage;

std::vector<std::byte> bytes_of(const std::exception_ptr& error) {
  heap_storage memory;
  byte_writer to({}, memory);
  plait::detail::encode_exception(to, error);
  return portable_test::exactly(to.bytes());
}

std::string refusal_of(const std::vector<std::byte>& bytes) {
  byte_reader from(bytes);
  return test_support::message_of<plait::decode_error>([&] { return decode_exception(from).error; });
}

/// What stands before `inner` in what holds it: so many times, one in the other.
std::vector<std::byte> endless(const std::exception_ptr& holder, std::ptrdiff_t behind, std::size_t levels) {
  const auto whole = bytes_of(holder);
  std::vector<std::byte> bytes;
  for (std::size_t i = 0; i < levels; ++i) bytes.insert(bytes.end(), whole.begin(), whole.end() - behind);
  return bytes;
}

// Behind an exception's bytes stands its trace: none, so a length of 0. Null is one byte, and its trace.
constexpr std::ptrdiff_t behind_null = 1 + 8 + 8;

int levels_of(std::exception_ptr error) {
  for (int levels = 0;; ++levels) {
    try {
      if (!error) return levels;
      std::rethrow_exception(error);
    } catch (const holds_another& holder) {
      error = holder.inner;
    }
  }
}

TEST(hostile_exceptions, that_hold_exceptions_without_end_do_not_end_the_stack) {
  const auto holder = std::make_exception_ptr(holds_another{});
  EXPECT_EQ(refusal_of(endless(holder, behind_null, 100'000)),
            "plait: a message from another process is damaged: exceptions are nested too deeply");
}

TEST(hostile_exceptions, with_chains_that_hold_exceptions_without_end_do_not_end_the_stack) {
  constexpr int links = 900;  // of two levels each: one chain is allowed
  auto chain = std::make_shared<link_of_a_chain>();
  for (int i = 1; i < links; ++i) {
    auto longer = std::make_shared<link_of_a_chain>();
    longer->next = std::make_unique<link_of_a_chain>(std::move(*chain));
    chain = std::move(longer);
  }
  // The innermost link's exception is read first: the bytes up to its null begin what is repeated. Behind it come the
  // others' nulls, each with its trace.
  const auto holder = std::make_exception_ptr(holds_a_chain{chain});
  EXPECT_EQ(refusal_of(endless(holder, links * 9 + 8, 60)),
            "plait: values are nested deeper than 2000 levels (a long chain of pointers?); pass a container of the "
            "elements instead");
}

TEST(hostile_exceptions, that_hold_exceptions_arrive_and_are_cut_where_nested_ones_are) {
  std::exception_ptr error;
  for (const int levels : {1, 10, 64, 200}) {
    error = nullptr;
    for (int i = 0; i < levels; ++i) error = std::make_exception_ptr(holds_another{error});
    const auto bytes = bytes_of(error);
    byte_reader from(bytes);
    EXPECT_EQ(levels_of(decode_exception(from).error), std::min(levels, 65));
    EXPECT_EQ(from.remaining(), 0U);
  }
  // And the next one begins at the top again.
  EXPECT_EQ(plait::detail::depth_here().exceptions, 0);
  EXPECT_EQ(plait::detail::depth_here().values, 0);
}

// A future would hold neither a value nor an exception.
TEST(hostile_exceptions, that_are_none_were_not_thrown) {
  const auto bytes = bytes_of(nullptr);
  byte_reader from(bytes);
  EXPECT_EQ(test_support::message_of<plait::decode_error>([&] { return plait::detail::decode_thrown(from).error; }),
            "plait: a message from another process is damaged: what was thrown is no exception");
  const auto outcome = portable_test::encoded(plait::outcome<int>(std::exception_ptr()));
  byte_reader again(outcome);
  EXPECT_EQ(test_support::message_of<plait::decode_error>(
                [&] { return plait::detail::decode<plait::outcome<int>>(again).has_value(); }),
            "plait: a message from another process is damaged: what was thrown is no exception");
}

// What can't be freed is not kept where it is large.
TEST(hostile_exceptions, keep_no_large_text_for_good) {
  EXPECT_STREQ(plait::detail::kept_for_good(std::string(1024, 'x')), std::string(1024, 'x').c_str());
  EXPECT_EQ(plait::detail::kept_for_good(std::string(1025, 'x')), nullptr);

  heap_storage memory;
  byte_writer to({}, memory);
  plait::detail::write_text(to, std::string(1025, 'x'));
  to.put(std::int32_t{1});
  byte_reader from(to.bytes());
  EXPECT_EQ(test_support::message_of<plait::decode_error>([&] { return plait::detail::read_code(from); }),
            "plait: a message from another process is damaged: a category of errors has too long a name");
}

const char* text_in(const std::vector<std::byte>& bytes) {
  byte_reader from(bytes);
  try {
    std::rethrow_exception(decode_exception(from).error);
  } catch (const char* text) {
    return text;
  }
}

// A thrown char* ends at the first zero: what stands behind it takes no second place among those that are kept.
TEST(hostile_exceptions, that_are_texts_with_a_zero_are_kept_as_what_can_be_read_of_them) {
  auto bytes = bytes_of(std::make_exception_ptr(static_cast<const char*>("far.away")));
  *std::ranges::find(bytes, std::byte{'.'}) = std::byte{0};
  const char* const text = text_in(bytes);
  EXPECT_STREQ(text, "far");
  const char* const same = text_in(bytes_of(std::make_exception_ptr(text)));
  EXPECT_EQ(static_cast<const void*>(same), static_cast<const void*>(text));
}

// A category's name ends at the first zero, for who asks it; so does what it says of its codes.
TEST(hostile_exceptions, with_a_category_whose_name_holds_a_zero_stay_as_they_are) {
  heap_storage memory;
  byte_writer to({}, memory);
  plait::detail::write_text(to, std::string_view("far\0away", 8));
  to.put(std::int32_t{5});
  byte_reader from(to.bytes());
  const auto code = plait::detail::read_code(from);
  EXPECT_STREQ(code.category().name(), "far");
  EXPECT_EQ(code.message(), "error 5 of category far");
}

}  // namespace
