#include <plait/loop/any_task_handle.hpp>
#include <plait/loop/internal/loop_core.hpp>
#include <plait/loop/internal/this_task.hpp>

#include <string>

namespace plait::inline PLAIT_ABI {

namespace detail {
namespace {

task_state* task_that_runs() noexcept {
  auto* const context = task_context::current();
  return context ? context->as_task() : nullptr;
}

}  // namespace

task_state& this_task(std::string_view what) {
  if (auto* const task = task_that_runs()) return *task;
  throw invalid_state_error("plait: " + std::string(what) +
                            " in a coroutine that belongs to no task; start it with event_loop::create_task");
}

}  // namespace detail

any_task_handle current_task() noexcept {
  auto* const task = detail::task_that_runs();
  return task ? any_task_handle(*task) : any_task_handle();
}

std::vector<any_task_handle> all_tasks() {
  const auto* const loop = detail::loop_core::running_core();
  if (!loop) detail::throw_no_running_loop("all_tasks()");
  std::vector<any_task_handle> all;
  for (auto* const task : loop->tasks()) all.push_back(any_task_handle(*task));
  return all;
}

}  // namespace plait::inline PLAIT_ABI
