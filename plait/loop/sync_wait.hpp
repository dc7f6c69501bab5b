// sync_wait: from plain code, wait for what a coroutine would await.
#pragma once

#include <plait/core/future.hpp>
#include <plait/core/task.hpp>
#include <plait/loop/awaited.hpp>
#include <plait/loop/event_loop.hpp>

#include <source_location>
#include <utility>

namespace plait::inline PLAIT_ABI {

/// Blocks until the future is done: as std::move(f).result().
template <class T> T sync_wait(future<T> awaited) { return std::move(awaited).result(); }

/// Runs the task to its end on an event loop of its own on this thread, and gives what it returned or throws what it
/// threw. Tasks that it started and left are cancelled. Throws invalid_state_error where a loop runs on this thread:
/// co_await it there.
template <class T> T sync_wait(task<T> awaited, const std::source_location& from = std::source_location::current()) {
  event_loop loop;
  return loop.run_until_complete(std::move(awaited), from);
}

/// The same for anything else that can be awaited, as sleep(1s) or wait(fs).
template <class Awaitable> detail::awaited_t<Awaitable> sync_wait(Awaitable awaited) {
  return sync_wait([](Awaitable inner) -> task<detail::awaited_t<Awaitable>> {
    co_return co_await std::move(inner);
  }(std::move(awaited)));
}

}  // namespace plait::inline PLAIT_ABI
