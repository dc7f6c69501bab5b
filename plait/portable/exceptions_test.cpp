#include <plait/core/context_var.hpp>
#include <plait/core/errors.hpp>
#include <plait/portable/internal/throw_trace.hpp>
#include <plait/portable/portable_exception.hpp>
#include <plait/portable/round_trip_test.hpp>

#include <any>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <future>
#include <ios>
#include <new>
#include <regex>
#include <stdexcept>
#include <string>
#include <system_error>
#include <variant>

#include <gtest/gtest.h>
#include <tests/support/expect_throw.hpp>

namespace errors {

struct unknown : std::out_of_range {
  using std::out_of_range::out_of_range;
};
struct of_the_system : std::system_error {
  using std::system_error::system_error;
};
struct not_even_an_exception {};
struct from_text : std::runtime_error {
  using std::runtime_error::runtime_error;
};
class with_members : public std::exception {
 public:
  with_members() = default;
  with_members(int code, std::string text) : code_(code), text_(std::move(text)) {}
  [[nodiscard]] const char* what() const noexcept override { return text_.c_str(); }
  [[nodiscard]] int code() const { return code_; }
  template <class Archive> void serialize(Archive& archive) { archive(code_, text_); }

 private:
  int code_ = 0;
  std::string text_;
};
struct plain_struct {
  int number = 0;
};
struct fails_to_be_saved : std::exception {
  template <class Archive> void save(Archive&) const { throw std::domain_error("can't be saved"); }
  template <class Archive> void load(Archive&) {}
};

}  // namespace errors

PLAIT_PORTABLE_EXCEPTION(errors::from_text);
PLAIT_PORTABLE_EXCEPTION(errors::with_members);
PLAIT_PORTABLE_EXCEPTION(errors::plain_struct);
PLAIT_PORTABLE_EXCEPTION(errors::fails_to_be_saved);

namespace {

using plait::detail::byte_reader;
using plait::detail::byte_writer;
using plait::detail::decode_exception;
using plait::detail::encode_exception;
using plait::detail::heap_storage;
using plait::detail::remote_exception_data;

remote_exception_data sent_and_arrived(const std::exception_ptr& error) {
  heap_storage memory;
  byte_writer to({}, memory);
  encode_exception(to, error);
  const auto bytes = portable_test::exactly(to.bytes());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    byte_reader prefix(std::span<const std::byte>(bytes).first(size));
    EXPECT_THROW((void)decode_exception(prefix), plait::decode_error) << size << " of " << bytes.size();
  }
  for (std::size_t at = 0; at < bytes.size() && at < 200; ++at) {
    auto damaged = bytes;
    damaged[at] ^= std::byte{0xFF};
    byte_reader from(damaged);
    try {
      (void)decode_exception(from);
    } catch (const std::exception&) {
    }
  }
  byte_reader from(bytes);
  auto came = decode_exception(from);
  EXPECT_EQ(from.remaining(), 0U);
  return came;
}

template <class E> std::exception_ptr arrived(E error) {
  return sent_and_arrived(std::make_exception_ptr(std::move(error))).error;
}

template <class E> void expect_same(const E& error) {
  try {
    std::rethrow_exception(arrived(error));
  } catch (const std::exception& e) {
    EXPECT_TRUE(typeid(e) == typeid(E)) << typeid(e).name() << " for " << typeid(E).name();
    EXPECT_STREQ(e.what(), error.what());
  }
}

template <class E, class F> E thrown_by(F&& f) {
  try {
    f();
  } catch (const E& e) {
    return e;
  }
  throw std::logic_error("nothing was thrown");
}

template <class E> class exceptions_with_a_text : public testing::Test {};
using with_a_text =
    testing::Types<std::logic_error, std::domain_error, std::invalid_argument, std::length_error, std::out_of_range,
                   std::runtime_error, std::range_error, std::overflow_error, std::underflow_error,
                   plait::timeout_error, plait::invalid_state_error, plait::no_running_loop_error,
                   plait::no_context_value_error, plait::cyclic_await_error, plait::interrupted_error,
                   plait::loop_closed_error, plait::broken_promise, plait::shut_down_error, plait::queue_full,
                   plait::not_portable, plait::decode_error, plait::broken_executor, errors::from_text>;
TYPED_TEST_SUITE(exceptions_with_a_text, with_a_text);

TYPED_TEST(exceptions_with_a_text, arrive_as_what_they_are) {
  expect_same(TypeParam("what happened"));
  expect_same(TypeParam(""));
}

template <class E> class exceptions_without_a_text : public testing::Test {};
using without_a_text =
    testing::Types<std::exception, std::bad_alloc, std::bad_array_new_length, std::bad_cast, std::bad_typeid,
                   std::bad_function_call, std::bad_optional_access, std::bad_variant_access, std::bad_any_cast,
                   std::bad_weak_ptr, std::bad_exception>;
TYPED_TEST_SUITE(exceptions_without_a_text, without_a_text);

TYPED_TEST(exceptions_without_a_text, arrive_as_what_they_are) { expect_same(TypeParam()); }

TEST(exceptions, with_codes_keep_them) {
  expect_same(std::system_error(ENOENT, std::system_category(), "open"));
  expect_same(std::system_error(ENOENT, std::generic_category()));
  expect_same(std::system_error(ENOENT, std::generic_category(), ""));
  expect_same(std::ios_base::failure("stream"));
  expect_same(std::filesystem::filesystem_error("copy", "/a", "/b", std::make_error_code(std::errc::io_error)));
  expect_same(std::filesystem::filesystem_error("stat", "/a", std::make_error_code(std::errc::io_error)));
  expect_same(std::future_error(std::future_errc::broken_promise));
  expect_same(thrown_by<std::regex_error>([] { const std::regex bad("[a"); }));
  try {
    std::rethrow_exception(arrived(std::system_error(ENOENT, std::system_category(), "open")));
  } catch (const std::system_error& e) {
    EXPECT_EQ(e.code(), std::error_code(ENOENT, std::system_category()));
  }
}

TEST(exceptions, of_a_category_that_is_not_known_keep_its_name) {
  class category final : public std::error_category {
    [[nodiscard]] const char* name() const noexcept override { return "ours"; }
    [[nodiscard]] std::string message(int) const override { return "our message"; }
  };
  static const category ours;
  try {
    std::rethrow_exception(arrived(std::system_error(7, ours, "failed")));
  } catch (const std::system_error& e) {
    EXPECT_EQ(e.code().value(), 7);
    EXPECT_STREQ(e.code().category().name(), "ours");
  }
}

TEST(exceptions, of_a_wrong_variant_say_what_they_said) {
  std::variant<int, std::string> either = 1;
  expect_same(thrown_by<std::bad_variant_access>([&] { (void)std::get<1>(either); }));
}

TEST(exceptions, registered_arrive_with_their_members) {
  try {
    std::rethrow_exception(arrived(errors::with_members(7, "seven")));
  } catch (const errors::with_members& e) {
    EXPECT_EQ(e.code(), 7);
    EXPECT_STREQ(e.what(), "seven");
  }
  try {
    std::rethrow_exception(arrived(errors::plain_struct{8}));
  } catch (const errors::plain_struct& e) {
    EXPECT_EQ(e.number, 8);
  }
}

TEST(exceptions, not_registered_arrive_as_their_nearest_base_and_remote_error) {
  const auto error = arrived(errors::unknown("index 7"));
  EXPECT_EQ(test_support::message_in<std::out_of_range>(error), "index 7");
  try {
    std::rethrow_exception(error);
  } catch (const plait::remote_error& e) {
    EXPECT_EQ(e.type_name(), "errors::unknown");
    EXPECT_EQ(dynamic_cast<const errors::unknown*>(&e), nullptr);
  }
  try {
    std::rethrow_exception(arrived(errors::of_the_system(ENOENT, std::system_category(), "open")));
  } catch (const std::system_error& e) {
    EXPECT_EQ(e.code().value(), ENOENT);
    EXPECT_NE(dynamic_cast<const plait::remote_error*>(&e), nullptr);
  }
}

TEST(exceptions, not_registered_keep_their_name_over_two_processes) {
  const auto twice = sent_and_arrived(arrived(errors::unknown("index 7"))).error;
  EXPECT_EQ(test_support::message_in<std::out_of_range>(twice), "index 7");
  try {
    std::rethrow_exception(twice);
  } catch (const plait::remote_error& e) {
    EXPECT_EQ(e.type_name(), "errors::unknown");
  }
}

TEST(exceptions, that_are_none_arrive_too) {
  EXPECT_THROW(std::rethrow_exception(arrived(plait::cancelled_error())), plait::cancelled_error);
  try {
    std::rethrow_exception(arrived(7));
  } catch (int number) {
    EXPECT_EQ(number, 7);
  }
  try {
    std::rethrow_exception(arrived("text"));
  } catch (const char* text) {
    EXPECT_STREQ(text, "text");
  }
  try {
    std::rethrow_exception(arrived(std::string("a\0b", 3)));
  } catch (const std::string& text) {
    EXPECT_EQ(text, std::string("a\0b", 3));
  }
  try {
    std::rethrow_exception(arrived(errors::not_even_an_exception()));
  } catch (const plait::remote_error& e) {
    EXPECT_EQ(e.type_name(), "errors::not_even_an_exception");
    EXPECT_STREQ(dynamic_cast<const std::exception&>(e).what(),
                 "an exception that is no std::exception, of type errors::not_even_an_exception");
  }
  EXPECT_EQ(sent_and_arrived(nullptr).error, nullptr);
}

TEST(exceptions, nested_in_others_arrive_with_them) {
  std::exception_ptr outer;
  try {
    try {
      try {
        throw errors::from_text("innermost");
      } catch (...) {
        std::throw_with_nested(errors::unknown("in between"));
      }
    } catch (...) {
      std::throw_with_nested(std::runtime_error("outermost"));
    }
  } catch (...) {
    outer = std::current_exception();
  }
  std::vector<std::string> told;
  const std::function<void(const std::exception_ptr&)> tell = [&](const std::exception_ptr& error) {
    try {
      std::rethrow_exception(error);
    } catch (const std::exception& e) {
      told.emplace_back(e.what());
      try {
        std::rethrow_if_nested(e);
      } catch (...) {
        tell(std::current_exception());
      }
    }
  };
  const auto same = sent_and_arrived(outer).error;
  tell(same);
  EXPECT_EQ(told, (std::vector<std::string>{"outermost", "in between", "innermost"}));
  EXPECT_THROW(std::rethrow_exception(same), std::runtime_error);
}

TEST(exceptions, with_a_cause_arrive_with_it) {
  try {
    std::rethrow_exception(
        arrived(plait::broken_executor("broken", std::make_exception_ptr(std::domain_error("cause")))));
  } catch (const plait::broken_executor& e) {
    EXPECT_EQ(test_support::message_in<std::domain_error>(e.cause()), "cause");
  }
}

TEST(exceptions, with_long_texts_arrive_whole) {
  const std::string large(1'000'000, 'x');
  heap_storage memory;
  byte_writer to({}, memory);
  encode_exception(to, std::make_exception_ptr(std::runtime_error(large)));
  byte_reader from(to.bytes());
  EXPECT_EQ(test_support::message_in<std::runtime_error>(decode_exception(from).error), large);
}

TEST(exceptions, that_fail_to_be_written_leave_nothing_behind) {
  heap_storage memory;
  byte_writer to({}, memory);
  to.put(1);
  const auto before = to.size();
  EXPECT_THROW(encode_exception(to, std::make_exception_ptr(errors::fails_to_be_saved())), std::domain_error);
  EXPECT_EQ(to.size(), before);
}

[[gnu::noinline]] void a_function_that_throws() { throw std::length_error("long"); }

TEST(exceptions, say_where_they_were_thrown_if_that_was_wanted) {
  const auto trace_of_a_throw = [] {
    try {
      a_function_that_throws();
    } catch (...) {
      return sent_and_arrived(std::current_exception()).trace;
    }
    return std::string();
  };
  EXPECT_EQ(trace_of_a_throw(), "");
  plait::detail::capture_throws(true);
  const std::string trace = trace_of_a_throw();
  plait::detail::capture_throws(false);
  EXPECT_EQ(trace_of_a_throw(), "");
#if !defined(__GLIBCXX__)
  if (trace.empty()) GTEST_SKIP() << "this program's C++ runtime can't be asked";
#endif
  EXPECT_TRUE(trace.starts_with("program+0x")) << trace;
  const auto readable = plait::detail::readable_trace(trace);
  const auto first_line = readable.substr(0, readable.find('\n'));
  EXPECT_NE(first_line.find("a_function_that_throws"), std::string::npos) << readable;
}

TEST(exceptions, that_were_not_thrown_have_no_trace) {
  plait::detail::capture_throws(true);
  const auto came = sent_and_arrived(std::make_exception_ptr(std::length_error("long")));
  plait::detail::capture_throws(false);
  EXPECT_EQ(came.trace, "");
}

TEST(trace, of_an_address_that_lies_in_nothing_says_where_it_is) {
  void* const nowhere[] = {reinterpret_cast<void*>(std::uintptr_t{0x12})};
  EXPECT_EQ(plait::detail::describe_trace(nowhere), "?+0x11\n");  // the byte before is what called
}

TEST(readable_trace, opens_no_files_but_those_that_are_loaded) {
  EXPECT_EQ(plait::detail::readable_trace("/etc/passwd+0x10\nnonsense\n?+0x7\n"),
            "/etc/passwd+0x10\nnonsense\n?+0x7\n");
}

}  // namespace
