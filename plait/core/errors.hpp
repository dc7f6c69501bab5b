// What plait throws. Each message names the argument or the object, the value, and what was expected.
#pragma once

#include <plait/core/config.hpp>

#include <exception>
#include <stdexcept>
#include <string>
#include <string_view>

namespace plait::inline PLAIT_ABI {

/// A call or a task was cancelled. Not a std::exception, so that `catch (const std::exception&)` in a retry loop does
/// not swallow a cancellation.
class PLAIT_API cancelled_error {
 public:
  cancelled_error() noexcept = default;
  virtual ~cancelled_error();
  [[nodiscard]] virtual const char* what() const noexcept;
};

/// Something was not done in the time that the caller gave it.
class PLAIT_API timeout_error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
  ~timeout_error() override;
};

/// The object is not in a state in which this can be asked of it.
class PLAIT_API invalid_state_error : public std::logic_error {
 public:
  using std::logic_error::logic_error;
  ~invalid_state_error() override;
};

/// Something that needs a running event loop was done on a thread that has none.
class PLAIT_API no_running_loop_error : public invalid_state_error {
 public:
  using invalid_state_error::invalid_state_error;
  ~no_running_loop_error() override;
};

/// The event loop was closed.
class PLAIT_API loop_closed_error : public invalid_state_error {
 public:
  using invalid_state_error::invalid_state_error;
  ~loop_closed_error() override;
};

/// A task awaits what can't be done before the task itself is: itself, or a task that waits for it. Thrown at the
/// await that closes the cycle; what() names the tasks in it.
class PLAIT_API cyclic_await_error : public invalid_state_error {
 public:
  using invalid_state_error::invalid_state_error;
  ~cyclic_await_error() override;
};

/// plait::run was interrupted by Ctrl-C (SIGINT), and its main task has ended by that. What main() does with it:
/// `catch (const plait::interrupted_error&) { return 130; }`, as shells call a program that SIGINT ended.
class PLAIT_API interrupted_error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
  ~interrupted_error() override;
};

/// A promise was dropped before it had a value.
class PLAIT_API broken_promise : public std::logic_error {
 public:
  using std::logic_error::logic_error;
  ~broken_promise() override;
};

/// The executor takes no more calls: it was shut down, or the program is leaving.
class PLAIT_API shut_down_error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
  ~shut_down_error() override;
};

/// The executor can run nothing any more: its initializer threw, or this is a forked child of its owner.
class PLAIT_API broken_executor : public std::runtime_error {
 public:
  explicit broken_executor(const std::string& what, std::exception_ptr cause = nullptr);
  ~broken_executor() override;
  /// What broke it; null where it was no exception.
  [[nodiscard]] const std::exception_ptr& cause() const noexcept { return cause_; }

 private:
  std::exception_ptr cause_;
};

/// A bounded executor has no room, and the caller must not be made to wait for it.
class PLAIT_API queue_full : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
  ~queue_full() override;
};

namespace detail {

/// "plait: max_workers is 0; expected 1 or more"
[[noreturn]] PLAIT_API void throw_invalid_argument(std::string_view argument, std::string_view value,
                                                   std::string_view expected);
[[noreturn]] PLAIT_API void throw_invalid_state(const char* what);
[[noreturn]] PLAIT_API void throw_no_running_loop(std::string_view what);

/// In a handler: the exception that is handled. std::bad_exception where it is none of C++ (another language's), of
/// which std::current_exception() gives null.
[[nodiscard]] PLAIT_API std::exception_ptr caught_exception() noexcept;

/// what() of any exception, for reports.
[[nodiscard]] PLAIT_API std::string describe(const std::exception_ptr& error) noexcept;

}  // namespace detail
}  // namespace plait::inline PLAIT_ABI
