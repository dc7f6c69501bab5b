// lifo_queue<T>: items from tasks to tasks, the newest first.
#pragma once

#include <plait/loop/sync/typed_queue.hpp>

#include <cstddef>
#include <deque>
#include <utility>

namespace plait::inline PLAIT_ABI {

namespace detail {

template <class T> class lifo_items {
 public:
  void put(T&& item) { items_.push_back(std::move(item)); }
  [[nodiscard]] T& next() noexcept { return items_.back(); }
  void pop() noexcept { items_.pop_back(); }
  void clear() noexcept { items_.clear(); }

 private:
  std::deque<T> items_;  // no vector: growing would move all items, and one of those moves might throw
};

}  // namespace detail

/// A queue<T> that gives the newest item first, as seen when the getter runs; asyncio.LifoQueue. All else as
/// queue<T>.
template <class T> class lifo_queue : public detail::typed_queue<T, detail::lifo_items<T>> {
 public:
  /// Without a bound.
  lifo_queue() : lifo_queue(0) {}
  /// At most `max_size` items at a time; 0: as many as there come.
  explicit lifo_queue(std::size_t max_size) : detail::typed_queue<T, detail::lifo_items<T>>(max_size) {}
};

}  // namespace plait::inline PLAIT_ABI
