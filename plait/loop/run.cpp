#include <plait/core/report.hpp>
#include <plait/loop/run.hpp>
#include <plait/loop/sleep.hpp>

namespace plait::inline PLAIT_ABI::detail {
namespace {

constexpr std::chrono::seconds time_to_finish{10};  // arbitrary: long for a program that wants to leave

// Whatever callbacks are left over may stop the loop meanwhile: it runs on. False also where the end failed.
[[nodiscard]] bool wait_for_end(event_loop& loop, const future<bool>& ended, const char* which) {
  while (!ended.done()) {
    try {
      static_cast<void>(loop.run_until_complete(ended));
    } catch (const invalid_state_error&) {  // stopped
    } catch (...) {                         // what it ended with: below
    }
  }
  try {
    return ended.result();
  } catch (...) {
    report(severity::warning, std::string("run: the default ") + which + ": " + describe(std::current_exception()));
    return false;
  }
}

void warn_of(const char* which, const char* what_happens) {
  report(severity::warning, std::string("run: calls in the default ") + which + " are still running after " +
                                std::to_string(time_to_finish.count()) + " s; they " + what_happens);
}

}  // namespace

void leave_loop(event_loop& loop) noexcept {
  try {
    loop.end_tasks();
    // Both have the same seconds.
    const auto threads_ended = loop.shutdown_default_executor(time_to_finish);
    const auto processes_ended = loop.shutdown_default_process_pool(time_to_finish);
    if (!wait_for_end(loop, threads_ended, "executor")) {
      warn_of("executor", "were asked to stop, and are left behind");
      loop.give_up_default_executor();
    }
    if (!wait_for_end(loop, processes_ended, "process pool")) {
      warn_of("process pool", "are killed");
      loop.kill_default_process_pool();
    }
  } catch (...) {
    report(severity::warning, "run: the default executors: " + describe(std::current_exception()));
  }
  try {
    loop.close();
  } catch (...) {
    report(severity::error, "run: closing the loop: " + describe(std::current_exception()));
  }
}

}  // namespace plait::inline PLAIT_ABI::detail
