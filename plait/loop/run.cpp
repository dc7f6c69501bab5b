#include <plait/core/report.hpp>
#include <plait/loop/run.hpp>
#include <plait/loop/sleep.hpp>

namespace plait::inline PLAIT_ABI::detail {
namespace {

constexpr std::chrono::seconds time_for_default_executor{10};  // arbitrary: long for a program that wants to leave

}  // namespace

void leave_loop(event_loop& loop) noexcept {
  try {
    loop.end_tasks();
    const auto ended = loop.shutdown_default_executor(time_for_default_executor);
    if (!(ended.done() ? ended.result() : loop.run_until_complete(ended))) {
      report(severity::warning, "run: calls in the default executor are still running after " +
                                    std::to_string(time_for_default_executor.count()) +
                                    " s; they were asked to stop, and are left behind");
      loop.give_up_default_executor();
    }
  } catch (...) {
    report(severity::warning, "run: the default executor: " + describe(std::current_exception()));
  }
  try {
    loop.close();
  } catch (...) {
    report(severity::error, "run: closing the loop: " + describe(std::current_exception()));
  }
}

}  // namespace plait::inline PLAIT_ABI::detail
