#include <plait/core/errors.hpp>

#include <cstdlib>
#include <memory>
#include <typeinfo>

#include <cxxabi.h>

namespace plait::inline PLAIT_ABI {

// Destructors stand here so that each type has one home for its type information, also across shared libraries.
cancelled_error::~cancelled_error() = default;
const char* cancelled_error::what() const noexcept { return "cancelled"; }
timeout_error::~timeout_error() = default;
invalid_state_error::~invalid_state_error() = default;
no_running_loop_error::~no_running_loop_error() = default;
loop_closed_error::~loop_closed_error() = default;
cyclic_await_error::~cyclic_await_error() = default;
interrupted_error::~interrupted_error() = default;
broken_promise::~broken_promise() = default;
shut_down_error::~shut_down_error() = default;
queue_full::~queue_full() = default;
broken_executor::broken_executor(const std::string& what, std::exception_ptr cause)
    : std::runtime_error(what), cause_(std::move(cause)) {}
broken_executor::~broken_executor() = default;

namespace detail {

void throw_invalid_argument(std::string_view argument, std::string_view value, std::string_view expected) {
  std::string what = "plait: ";
  what.append(argument).append(" is ").append(value).append("; expected ").append(expected);
  throw std::invalid_argument(what);
}

void throw_invalid_state(const char* what) { throw invalid_state_error(what); }

void throw_no_running_loop(std::string_view what) {
  std::string text = "plait: ";
  text.append(what).append(
      " needs an event loop that runs on this thread; from plain code use plait::run(task) or "
      "plait::sync_wait(awaitable)");
  throw no_running_loop_error(text);
}

std::exception_ptr caught_exception() noexcept {
  if (auto caught = std::current_exception()) return caught;
  return std::make_exception_ptr(std::bad_exception());
}

std::string describe(const std::exception_ptr& error) noexcept {
  try {
    if (!error) return "no exception";
    try {
      std::rethrow_exception(error);
    } catch (const std::exception& e) {
      int status = 0;
      const std::unique_ptr<char, void (*)(void*)> name(
          abi::__cxa_demangle(typeid(e).name(), nullptr, nullptr, &status), std::free);
      return std::string(name ? name.get() : typeid(e).name()) + ": " + e.what();
    } catch (const cancelled_error&) {
      return "cancelled";
    } catch (...) {
      return "an exception that is no std::exception";
    }
  } catch (...) {
    return "an exception (no memory to describe it)";
  }
}

}  // namespace detail
}  // namespace plait::inline PLAIT_ABI
