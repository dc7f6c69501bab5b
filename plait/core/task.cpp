#include <plait/core/task.hpp>

#include <atomic>

namespace plait::inline PLAIT_ABI::detail {
namespace {

std::atomic<dropped_task_function> who_hears{nullptr};

}  // namespace

void set_dropped_task_function(dropped_task_function function) noexcept { who_hears = function; }

void task_dropped(const void* frame) noexcept {
  if (const auto tell = who_hears.load(std::memory_order_acquire)) tell(frame);
}

}  // namespace plait::inline PLAIT_ABI::detail
