// The contract of all executors, written once: the tests that include this run for each kind in `executor_kinds`. An
// executor that is new is one more line there. What the tests hand over are functions and values that may travel, so
// that they hold in a process of its own too; they wait for each other through a portable_gate.
#pragma once

#include <plait/executor/executor.hpp>
#include <plait/processes/process_pool_executor.hpp>
#include <plait/threads/thread_pool_executor.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <tests/support/expect_throw.hpp>
#include <tests/support/portable_gate.hpp>

namespace executor_contract {

/// What every kind can be told.
struct settings {
  int max_workers = 2;
  std::optional<plait::nanoseconds> idle_timeout = std::nullopt;
  std::optional<std::size_t> max_pending = std::nullopt;
};

struct executor_kind {
  std::string name;
  std::function<std::unique_ptr<plait::executor>(const settings&)> make;
  /// How many workers it has now.
  std::function<int(const plait::executor&)> workers;
  /// How many calls wait in it now.
  std::function<std::size_t(const plait::executor&)> pending;
  friend void PrintTo(const executor_kind& kind, std::ostream* out) { *out << kind.name; }
};

inline executor_kind threads() {
  return {
      "threads",
      [](const settings& s) {
        plait::thread_pool_options options;
        options.max_workers = s.max_workers;
        options.idle_timeout = s.idle_timeout;
        options.max_pending = s.max_pending;
        return std::make_unique<plait::thread_pool_executor>(options);
      },
      [](const plait::executor& pool) { return static_cast<const plait::thread_pool_executor&>(pool).workers(); },
      [](const plait::executor& pool) { return static_cast<const plait::thread_pool_executor&>(pool).pending(); }};
}

inline executor_kind processes() {
  return {
      "processes",
      [](const settings& s) {
        plait::process_pool_options options;
        options.max_workers = s.max_workers;
        options.idle_timeout = s.idle_timeout;
        options.max_pending = s.max_pending;
        return std::make_unique<plait::process_pool_executor>(options);
      },
      [](const plait::executor& pool) { return static_cast<const plait::process_pool_executor&>(pool).workers(); },
      [](const plait::executor& pool) { return static_cast<const plait::process_pool_executor&>(pool).pending(); }};
}

inline auto executor_kinds() { return testing::Values(threads(), processes()); }

class contract : public testing::TestWithParam<executor_kind> {
 protected:
  [[nodiscard]] static std::unique_ptr<plait::executor> make(const settings& s = {}) { return GetParam().make(s); }
  [[nodiscard]] static int workers(const plait::executor& pool) { return GetParam().workers(pool); }
  [[nodiscard]] static std::size_t pending(const plait::executor& pool) { return GetParam().pending(pool); }
};

// ── calls that may travel ──

inline int square(int n) { return n * n; }
inline std::vector<int> squares(int count) {
  std::vector<int> expected;
  for (int i = 0; i < count; ++i) expected.push_back(i * i);
  return expected;
}
inline void nothing() {}
inline int fails(int n) { throw std::out_of_range("no such item: " + std::to_string(n)); }
inline int through_gate(const std::string& path, int n) {
  test_support::pass_gate(path);
  return n;
}

}  // namespace executor_contract

/// The tests of `suite`, a class derived from contract, for each kind.
#define PLAIT_FOR_EACH_EXECUTOR(suite)                                     \
  INSTANTIATE_TEST_SUITE_P(on, suite, executor_contract::executor_kinds(), \
                           [](const auto& info) { return info.param.name; })
