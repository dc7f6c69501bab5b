// What a call may carry besides its callable and arguments.
#pragma once

#include <plait/core/sync.hpp>

#include <exception>
#include <optional>
#include <string_view>

namespace plait::inline PLAIT_ABI {

/// True for exceptions of the types named: `{.retries = 2, .retry_on = plait::retry_on<std::system_error>}`.
template <class... Exceptions> bool retry_on(const std::exception_ptr& error) noexcept {
  const auto is = [&]<class E>(std::type_identity<E>) {
    try {
      std::rethrow_exception(error);
    } catch (const E&) {
      return true;
    } catch (...) {
      return false;
    }
  };
  return (is(std::type_identity<Exceptions>()) || ...);
}

/// Written in braces at the call: `pool.submit({.timeout = 2s, .name = "decode"}, decode, bytes)`.
/// Trivially destructible, so that it may stand in a co_await expression with every compiler.
struct call_options {
  /// From submit until the call must have ended. A call that has not started by then is dropped; one that runs is
  /// asked to stop, where its callable takes a std::stop_token, and left to itself; the future gets timeout_error.
  std::optional<nanoseconds> timeout = std::nullopt;
  /// Among the calls that wait, higher ones start first; equal ones in the order of submission.
  int priority = 0;
  /// How often it is run again after an exception that `retry_on` accepts. The arguments are copied for each attempt
  /// but the last.
  int retries = 0;
  /// Which exceptions are worth another attempt; null: none. A call that was asked to stop gets none.
  bool (*retry_on)(const std::exception_ptr&) noexcept = nullptr;
  /// For logs, reports and errors. Copied; at most 1,000 bytes are kept.
  std::string_view name = {};
};

}  // namespace plait::inline PLAIT_ABI
