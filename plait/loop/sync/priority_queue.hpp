// priority_queue<T>: items from tasks to tasks, the smallest first.
#pragma once

#include <plait/loop/sync/typed_queue.hpp>

#include <cstddef>
#include <functional>
#include <set>
#include <utility>

namespace plait::inline PLAIT_ABI {

namespace detail {

/// A tree, not a heap: it keeps equal items in the order in which they came, takes the smallest out without a
/// comparison, and an insertion that throws changes nothing.
template <class T, class Compare> class ordered_items {
 public:
  explicit ordered_items(Compare compare) : items_(by_value{std::move(compare)}) {}
  void put(T&& item) { items_.emplace(std::move(item)); }
  [[nodiscard]] T& next() noexcept { return items_.begin()->value; }
  void pop() noexcept { items_.erase(items_.begin()); }
  void clear() noexcept { items_.clear(); }

 private:
  struct cell {
    explicit cell(T&& item) : value(std::move(item)) {}
    mutable T value;  // the smallest is moved out of its place, and then removed
  };
  struct by_value {
    Compare compare;
    bool operator()(const cell& a, const cell& b) const {
      return compare(std::as_const(a.value), std::as_const(b.value));
    }
  };
  std::multiset<cell, by_value> items_;
};

}  // namespace detail

/// A queue<T> that gives the smallest item first, as Compare orders them when the getter runs, and equal ones in the
/// order in which they were put; asyncio.PriorityQueue. (std::priority_queue gives the largest first.) What Compare
/// throws comes out of put, and nothing is queued. All else as queue<T>.
template <class T, class Compare = std::less<T>>
class priority_queue : public detail::typed_queue<T, detail::ordered_items<T, Compare>> {
 public:
  /// Without a bound.
  priority_queue() : priority_queue(0) {}
  /// At most `max_size` items at a time; 0: as many as there come.
  explicit priority_queue(std::size_t max_size, Compare compare = Compare())
      : detail::typed_queue<T, detail::ordered_items<T, Compare>>(
            max_size, detail::ordered_items<T, Compare>(std::move(compare))) {}
};

}  // namespace plait::inline PLAIT_ABI
