// What queue, lifo_queue and priority_queue share: the skin of queue_core that knows what an item is.
#pragma once

#include <plait/core/temporaries.hpp>
#include <plait/loop/sync/queue_core.hpp>

#include <concepts>
#include <cstddef>
#include <exception>
#include <type_traits>
#include <utility>

namespace plait::inline PLAIT_ABI::detail {

/// How a queue keeps its items. put does nothing where it throws; next is what comes out next, of one that is not
/// empty, and pop removes it.
template <class Items, class T>
concept items_of = requires(Items& items, T&& item) {
  items.put(std::move(item));
  { items.next() } noexcept -> std::same_as<T&>;
  { items.pop() } noexcept;
  { items.clear() } noexcept;
};

/// Moves the next item out. Removes it when that has succeeded, and not where it throws.
template <class T, class Items> [[nodiscard]] T take_next(queue_core& core, Items& items) {
  struct taking {
    queue_core& core;
    Items& items;
    const int exceptions = std::uncaught_exceptions();
    ~taking() {
      if (std::uncaught_exceptions() > exceptions) {
        core.not_taken();
      } else {
        items.pop();
        core.taken();
      }
    }
  } const when_moved{core, items};
  return T(std::move(items.next()));
}

/// Moves `item` into the queue.
template <class T, class Items> void place(queue_core& core, Items& items, T& item) {
  try {
    items.put(std::move(item));
  } catch (...) {
    core.not_placed();
    throw;
  }
  core.placed();
}

/// co_await queue.put(item): owns the item until it is placed.
template <class T, class Items> class put_awaiter final : public queue_putter {
 public:
  put_awaiter(queue_core& core, Items& items, T&& item)
      : queue_putter(core), items_(&items), item_(std::move(item)) {}
  void await_resume() {
    finish();
    place(*core_, *items_, item_);
  }

 private:
  Items* items_;
  T item_;
};

/// co_await queue.get()
template <class T, class Items> class get_awaiter final : public queue_getter {
 public:
  get_awaiter(queue_core& core, Items& items) noexcept : queue_getter(core), items_(&items) {}
  [[nodiscard]] T await_resume() {
    finish();
    return take_next<T>(*core_, *items_);
  }

 private:
  Items* items_;
};

template <class T, items_of<T> Items> class typed_queue {
 public:
  static_assert(std::is_object_v<T> && std::same_as<T, std::remove_cv_t<T>>,
                "plait: a queue holds objects that it "
                "can move: no references, no const");
  static_assert(std::move_constructible<T>, "plait: what is put into a queue must be movable");
  using value_type = T;

  typed_queue(const typed_queue&) = delete;
  typed_queue& operator=(const typed_queue&) = delete;

  /// Awaited: waits until there is room, then puts `item` into the queue. Until then the awaiter owns it: of a put
  /// that is cancelled, or refused, nothing is queued, and the item is destroyed with the awaiter. queue_shut_down
  /// where the queue is or gets shut down. What moving or comparing it throws: nothing is queued.
  template <class U = T>
    requires std::convertible_to<U&&, T>
  [[nodiscard]] auto put(U&& item) {
    warn_about_temporaries<U>();
    return put_awaiter<T, Items>(core_, items_, static_cast<T>(std::forward<U>(item)));
  }
  /// Puts it in at once. queue_full where put would wait; queue_shut_down.
  template <class U = T>
    requires std::convertible_to<U&&, T>
  void put_nowait(U&& item) {
    core_.check_put_nowait();
    T made(std::forward<U>(item));
    place(core_, items_, made);
  }

  /// Awaited: waits until there is an item, and takes it out. Cancelled, it takes none. queue_shut_down where the
  /// queue is or gets shut down and is empty. What moving it throws: the item stays in the queue, as its move left
  /// it.
  [[nodiscard]] auto get() noexcept { return get_awaiter<T, Items>(core_, items_); }
  /// Takes one out at once. queue_empty where get would wait; queue_shut_down where it is shut down and empty.
  [[nodiscard]] T get_nowait() {
    core_.check_get_nowait();
    return take_next<T>(core_, items_);
  }

  /// How many could be got at once. (One that is promised to a task that waited for it counts no more.)
  [[nodiscard]] std::size_t size() const noexcept { return core_.size(); }
  /// get would wait.
  [[nodiscard]] bool empty() const noexcept { return core_.size() == 0; }
  /// put would wait. (Also where the last item is promised to a getter that has not run yet: then it is empty too.)
  [[nodiscard]] bool full() const noexcept { return core_.full(); }
  /// 0 for a queue without a bound.
  [[nodiscard]] std::size_t max_size() const noexcept { return core_.max_size(); }

  /// What was got is dealt with: called once for each item. invalid_state_error where it is called more often than
  /// items were put.
  void task_done() { core_.task_done(); }
  /// Awaited: waits until task_done was called for all that was put.
  [[nodiscard]] queue_joiner join() noexcept { return queue_joiner(core_); }

  /// No more items: put throws queue_shut_down from now on, also where it waits already; get does so when none is
  /// left. With `immediate` the items are dropped, and count as done for join. May be called again.
  void shutdown(queue_shutdown how = queue_shutdown::drain) {
    core_.check_loop("queue::shutdown");
    core_.shut_down();
    if (how == queue_shutdown::drain) return;
    core_.forget_items();
    items_.clear();  // when all is settled: their destructors may look at the queue
  }
  [[nodiscard]] bool is_shut_down() const noexcept { return core_.is_shut_down(); }

 protected:
  explicit typed_queue(std::size_t max_size, Items items = Items()) : core_(max_size), items_(std::move(items)) {}
  ~typed_queue() = default;

 private:
  queue_core core_;
  Items items_;
};

}  // namespace plait::inline PLAIT_ABI::detail
