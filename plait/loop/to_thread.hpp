// to_thread: a blocking call off the loop, in one word.
#pragma once

#include <plait/loop/event_loop.hpp>

#include <utility>

namespace plait::inline PLAIT_ABI {

/// Hands `f(args...)` to the running loop's default executor: `auto rows = co_await plait::to_thread(query, db,
/// sql)`. Starts at once, awaited or not. Throws no_running_loop_error where no loop runs on this thread, and what
/// submit throws.
template <class F, class... Args>
  requires callable_with<F, Args...>
future<call_result<F, Args...>> to_thread(F&& f, Args&&... args) {
  detail::warn_about_temporaries<F, Args...>();
  return get_running_loop().run_in_executor(std::forward<F>(f), std::forward<Args>(args)...);
}

}  // namespace plait::inline PLAIT_ABI
