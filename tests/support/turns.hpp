// Driving a loop turn by turn.
#pragma once

#include <plait/loop/event_loop.hpp>

namespace test_support {

/// Runs what is ready now; what that adds waits for the next pass.
inline void pass(plait::event_loop& loop, int turns = 1) {
  for (; turns > 0; --turns) {
    loop.stop();
    loop.run_forever();
  }
}

/// Calls `f` on the loop, behind what is ready already.
template <class F> void in_next_turn(plait::event_loop& loop, F f) {
  loop.call_soon(f);
  pass(loop);
}

/// Cancels the task from inside the loop, and runs it to its end.
template <class Handle> void cancel_and_finish(plait::event_loop& loop, const Handle& handle) {
  in_next_turn(loop, [&] { handle.cancel(); });
  while (!handle.done()) pass(loop);
}

}  // namespace test_support
