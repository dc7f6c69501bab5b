// One user of the pools: submits calls by chance, has the ledger watch each, cancels some of them.
#pragma once

#include <plait/executor/call_options.hpp>

#include <functional>
#include <optional>
#include <vector>

#include "chooser.hpp"
#include "ledger.hpp"
#include "pools.hpp"

namespace stress {

/// Thread safety: as a variable.
class caller {
 public:
  caller(ledger& calls, chooser& choose) : calls_(calls), choose_(choose) {}

  /// One of any kind. Nothing: it was refused, as may be.
  std::optional<plait::future<int>> call_number(pool& where);
  void call_bytes(pool& where);
  void call_with_buffers(pool& where);
  /// Not on a loop's thread.
  void map_numbers(pool& where);

  void cancel_one();
  /// Blocks until it is done.
  void wait_for_one();

 private:
  struct promised {
    std::function<plait::cancel_outcome()> cancel;
    std::function<void()> wait;
    ledger::record* account;
  };

  [[nodiscard]] plait::call_options options_for(expectation& what);
  void set_deadline(plait::call_options& options, expectation& what);
  template <class Executor, class Right, class F, class... Args>
  auto hand_over(Executor& to, const plait::call_options& options, const expectation& what, Right right, F call,
                 Args... arguments);

  ledger& calls_;
  chooser& choose_;
  std::vector<promised> promised_;
};

}  // namespace stress
