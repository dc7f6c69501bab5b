// queue<T>: items from tasks to tasks, first in, first out.
#pragma once

#include <plait/loop/sync/typed_queue.hpp>

#include <cstddef>
#include <deque>
#include <utility>

namespace plait::inline PLAIT_ABI {

namespace detail {

template <class T> class fifo_items {
 public:
  void put(T&& item) { items_.push_back(std::move(item)); }
  [[nodiscard]] T& next() noexcept { return items_.front(); }
  void pop() noexcept { items_.pop_front(); }
  void clear() noexcept { items_.clear(); }

 private:
  std::deque<T> items_;
};

}  // namespace detail

/// Items from tasks to tasks of one loop, first in, first out; asyncio.Queue.
///
///     co_await jobs.put(std::move(job));          job next = co_await jobs.get();     jobs.task_done();
///
/// Fair: putters and getters are served in the order in which they came. Waiting allocates nothing. T need only be
/// movable.
/// Thread safety: none. Used on another loop or thread while a task waits: invalid_state_error; from another thread
/// loop.call_soon_threadsafe([&] { jobs.put_nowait(x); }).
/// Cancellation of a put, get or join: at once. No item is lost by it: one that was promised to the task goes to the
/// next, in the queue's order.
/// Destroyed while tasks wait: they get invalid_state_error.
template <class T> class queue : public detail::typed_queue<T, detail::fifo_items<T>> {
 public:
  /// Without a bound.
  queue() : queue(0) {}
  /// At most `max_size` items at a time; 0: as many as there come.
  explicit queue(std::size_t max_size) : detail::typed_queue<T, detail::fifo_items<T>>(max_size) {}
};

}  // namespace plait::inline PLAIT_ABI
