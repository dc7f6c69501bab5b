#include <plait/core/internal/mutex.hpp>
#include <plait/core/report.hpp>
#include <plait/loop/run.hpp>
#include <plait/processes/process_pool_executor.hpp>

#include <cstdio>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace plait::inline PLAIT_ABI::detail {
namespace {

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
    report(severity::warning, std::string("run: the default ") + which + ": " + describe(caught_exception()));
    return false;
  }
}

void warn_of(const char* which, nanoseconds time_to_finish, const char* what_happens) {
  char seconds[32];
  std::snprintf(seconds, sizeof seconds, "%g s", std::chrono::duration<double>(time_to_finish).count());
  report(severity::warning, std::string("run: calls in the default ") + which + " are still running after " +
                                seconds + "; they " + what_happens);
}

constexpr const char* are_killed = "are killed";

// Its destructor would wait: its threads live until they or the program end.
void leave_behind(std::shared_ptr<executor> stuck) {
  struct executors {
    mutex lock;  // guards what follows
    std::vector<std::shared_ptr<executor>> all;
  };
  static auto& left = *new executors;  // never destroyed, and found by who looks for leaks
  stuck->shutdown(shutdown_mode::kill, nanoseconds::zero());
  const std::lock_guard locked(left.lock);
  left.all.push_back(std::move(stuck));
}

void give_up(std::shared_ptr<executor> stuck, nanoseconds time_to_finish) {
  if (dynamic_cast<const process_pool_executor*>(stuck.get())) {
    warn_of("executor", time_to_finish, are_killed);
    stuck->shutdown(shutdown_mode::kill);
  } else {
    warn_of("executor", time_to_finish, "were asked to stop, and are left behind");
    leave_behind(std::move(stuck));
  }
}

}  // namespace

void leave_loop(event_loop& loop, nanoseconds time_to_finish) noexcept {
  try {
    loop.end_tasks();
    // All have the same time.
    auto executors = loop.release_executors();
    std::vector<future<bool>> ended;
    ended.reserve(executors.size());
    for (const auto& each : executors) ended.push_back(each->async_shutdown(shutdown_mode::drain, time_to_finish));
    const auto processes_ended = loop.shutdown_default_process_pool(time_to_finish);
    for (std::size_t i = 0; i < executors.size(); ++i)
      if (!wait_for_end(loop, ended[i], "executor")) give_up(std::move(executors[i]), time_to_finish);
    if (!wait_for_end(loop, processes_ended, "process pool")) {
      warn_of("process pool", time_to_finish, are_killed);
      loop.kill_default_process_pool();
    }
  } catch (...) {
    report(severity::warning, "run: the default executors: " + describe(caught_exception()));
  }
  try {
    loop.close();
  } catch (...) {
    report(severity::error, "run: closing the loop: " + describe(caught_exception()));
  }
}

}  // namespace plait::inline PLAIT_ABI::detail
