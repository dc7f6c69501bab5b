// run: a program on coroutines, from main.
#pragma once

#include <plait/core/future.hpp>
#include <plait/core/task.hpp>
#include <plait/loop/event_loop.hpp>

#include <utility>

namespace plait::inline PLAIT_ABI {

/// Makes a loop, runs `main` on it, and cleans up: cancels the tasks that are left and waits for them; gives the
/// default executor and the default process pool 10 seconds to finish their calls (then those that run in threads are
/// asked to stop, those in processes killed); closes the loop. Gives what `main` returned or throws what it threw:
/// `int main() { return plait::run(async_main()); }`. Throws invalid_state_error where a loop runs on this thread
/// already.
template <class T> T run(task<T> main) {
  event_loop loop;
  struct leaving {
    event_loop& loop;
    ~leaving() { detail::leave_loop(loop); }  // what run does after the main task
  } const at_end{loop};
  return loop.run_until_complete(std::move(main));
}

}  // namespace plait::inline PLAIT_ABI
