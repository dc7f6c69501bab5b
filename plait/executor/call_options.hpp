// What a call may carry besides its callable and arguments.
#pragma once

#include <plait/core/sync.hpp>

#include <cstdint>
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

/// What cancelling a call does once it runs in a worker process.
enum class cancel_mode : std::uint8_t {
  ask,   ///< asks it to stop, where its callable takes a std::stop_token; else it is left to itself
  kill,  ///< asks it likewise, then ends its process: SIGTERM, then SIGKILL (process_pool_options says how soon)
};

/// Written in braces at the call: `pool.submit({.timeout = 2s, .name = "decode"}, decode, bytes)`.
/// Trivially destructible, so that it may stand in a co_await expression with every compiler.
struct call_options {
  /// From submit until the call must have ended. A call that has not started by then is dropped; one that runs is
  /// asked to stop, where its callable takes a std::stop_token, and then in a thread left to itself, in a process
  /// ended with its process; the future gets timeout_error at once.
  std::optional<nanoseconds> timeout = std::nullopt;
  /// Among the calls that wait, higher ones start first; equal ones in the order of submission.
  int priority = 0;
  /// How often it is run again after an exception that `retry_on` accepts. The arguments are copied for each attempt
  /// but the last. A call whose worker process has died three times is not run again, whatever is left of these.
  int retries = 0;
  /// Which exceptions are worth another attempt; null: none. A call that was asked to stop gets none.
  bool (*retry_on)(const std::exception_ptr&) noexcept = nullptr;
  /// For logs, reports and errors. Copied; at most 1,000 bytes are kept.
  std::string_view name = {};
  /// What cancelling it does where it runs in a process; nothing: what the executor's options say. A call that runs
  /// in a thread can only be asked.
  std::optional<cancel_mode> cancel = std::nullopt;
};

}  // namespace plait::inline PLAIT_ABI
