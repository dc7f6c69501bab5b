// What an exception says, for tests of messages.
#pragma once

#include <exception>
#include <string>
#include <utility>

#include <gtest/gtest.h>

namespace test_support {

/// what() of the E that `f()` throws; another text, which no message equals, where it throws nothing or something
/// else.
template <class E, class F> std::string message_of(F&& f) {
  try {
    static_cast<void>(std::forward<F>(f)());
  } catch (const E& e) {
    return e.what();
  } catch (const std::exception& e) {
    return std::string("(an exception of another type: ") + e.what() + ")";
  } catch (...) {
    return "(an exception of another type)";
  }
  return "(no exception)";
}

/// The message of an exception that was kept.
template <class E> std::string message_in(const std::exception_ptr& error) {
  if (!error) return "(no exception)";
  return message_of<E>([&] { std::rethrow_exception(error); });
}

}  // namespace test_support
