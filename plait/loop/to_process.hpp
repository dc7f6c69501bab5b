// to_process: a blocking call in a worker process, in one word.
#pragma once

#include <plait/loop/event_loop.hpp>
#include <plait/processes/process_pool_executor.hpp>

#include <utility>

namespace plait::inline PLAIT_ABI {

/// Hands `f(args...)` to the running loop's default process pool: `auto image = co_await plait::to_process(decode,
/// bytes)`. Starts at once, awaited or not. What can't travel to another process is refused when it compiles. Throws
/// no_running_loop_error where no loop runs on this thread, and what submit and making the pool throw.
template <class F, class... Args>
  requires callable_with<F, Args...>
future<call_result<F, Args...>> to_process(F&& f, Args&&... args) {
  detail::warn_about_temporaries<F, Args...>();
  return get_running_loop().default_process_pool().submit(std::forward<F>(f), std::forward<Args>(args)...);
}

}  // namespace plait::inline PLAIT_ABI
