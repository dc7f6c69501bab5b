// Pictures of all loops of the program, for threads on which none runs now.
#pragma once

#include <plait/core/time.hpp>
#include <plait/loop/internal/task_snapshot.hpp>

#include <functional>
#include <vector>

namespace plait::inline PLAIT_ABI::detail {

/// Asks every loop that runs, or that another loop polls, on a thread where none runs now; looks itself at those that
/// this thread polls. Where one has not answered by the deadline, or once `give_up` says so (looked at now and then),
/// it says what that loop is at.
[[nodiscard]] std::vector<loop_snapshot> pictures_of_all(time_point deadline, const std::function<bool()>& give_up);

/// As allow_inspection; what it throws is reported.
void allow_inspection_where_environment_says() noexcept;

/// From now on loops note what they are at, so that it can be said; or no longer.
void set_loops_inspected(bool on) noexcept;

}  // namespace plait::inline PLAIT_ABI::detail
