// run: a program on coroutines, from main.
#pragma once

#include <plait/core/errors.hpp>
#include <plait/core/future.hpp>
#include <plait/core/task.hpp>
#include <plait/loop/event_loop.hpp>
#include <plait/loop/interrupts.hpp>

#include <chrono>
#include <source_location>
#include <utility>

namespace plait::inline PLAIT_ABI {

namespace detail {
/// What calls of the default executors get when run leaves. Arbitrary: long for a program that wants to leave.
inline constexpr std::chrono::seconds time_for_last_calls{10};
}  // namespace detail

/// Makes a loop, runs `main` on it, and cleans up: cancels the tasks that are left and waits for them; gives the
/// default executor, those that were it before, and the default process pool 10 seconds to finish their calls (then
/// those that run in threads are asked to stop, those in processes killed); closes the loop. A default executor that
/// somebody else owns too is left alone. Gives what `main` returned or throws what it threw:
/// `int main() { return plait::run(async_main()); }`. Throws invalid_state_error where a loop runs on this thread
/// already.
///
/// Ctrl-C, where run runs on the program's first thread and SIGINT has its default action: the first SIGINT cancels
/// the main task; if that ends by it, run cleans up and throws interrupted_error (what it makes of the cancel
/// otherwise, a value or an exception, is what run gives or throws). The second one, and one that comes while run
/// cleans up, has its default action: the program dies of it at once, also where a coroutine blocks the loop. A main
/// that leaves with 130 after interrupted_error looks to a shell as if SIGINT had ended it. Where a coroutine
/// handles SIGINT itself (next_signal, add_signal_handler) none of this applies.
template <class T> T run(task<T> main, const std::source_location& from = std::source_location::current()) {
  detail::interrupts ctrl_c;
  event_loop loop;
  struct leaving {
    event_loop& loop;
    ~leaving() { detail::leave_loop(loop, detail::time_for_last_calls); }  // what run does after the main task
  } const at_end{loop};
  detail::loop_access::check_can_run(loop);  // else the task would be started all the same, later
  auto main_task = loop.create_task(std::move(main), {}, from);
  ctrl_c.begin(loop, main_task.handle());
  struct done {
    detail::interrupts& ctrl_c;
    ~done() { ctrl_c.main_is_done(); }
  } const when_done{ctrl_c};
  try {
    return loop.run_until_complete(std::move(main_task));
  } catch (const cancelled_error&) {
    if (!ctrl_c.ended_main()) throw;
  }
  throw interrupted_error("plait: run was interrupted by SIGINT");
}

}  // namespace plait::inline PLAIT_ABI
