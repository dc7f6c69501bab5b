// A picture of a loop's tasks at one moment: words and numbers, nothing that lives.
#pragma once

#include <plait/core/config.hpp>

#include <cstddef>
#include <string>
#include <vector>

namespace plait::inline PLAIT_ABI::detail {

class loop_core;

/// What a task waits for.
struct wait_row {
  std::string text;            ///< `call "decode" on thread decoders_0`
  const void* task = nullptr;  ///< the row of the same picture where it is a task of the same loop: its `id`
};

struct task_row {
  const void* id = nullptr;  ///< to compare with; not to look at
  std::string name;
  std::string status;  ///< pending, running, ready, waits
  std::string created_at;
  std::vector<wait_row> waits;
};

struct loop_snapshot {
  unsigned number = 0;  ///< of the loops of the program, from 1
  std::string thread;
  std::vector<task_row> tasks;  ///< in the order of their creation
  std::size_t left_out = 0;     ///< so many more there are
  /// In the place of the tasks: why there are none to be seen.
  std::string instead;
};

/// On the loop's thread.
[[nodiscard]] loop_snapshot picture_of(loop_core& loop);

/// A line a task. What names say is escaped.
[[nodiscard]] std::string as_table(const std::vector<loop_snapshot>& loops);
/// Who waits for whom, from the tasks that nobody waits for downwards.
[[nodiscard]] std::string as_tree(const std::vector<loop_snapshot>& loops);

}  // namespace plait::inline PLAIT_ABI::detail
