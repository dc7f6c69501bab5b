// as_completed: futures one by one, in the order in which they are done.
#pragma once

#include <plait/core/home.hpp>
#include <plait/core/state.hpp>
#include <plait/core/task.hpp>
#include <plait/core/time.hpp>
#include <plait/executor/completions.hpp>
#include <plait/loop/ensure_future.hpp>

#include <cstddef>
#include <iterator>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace plait::inline PLAIT_ABI {

/// Written in braces at the call: `as_completed(fs, {.timeout = 1s})`.
struct as_completed_options {
  /// For all of them together, from the call. Nothing: as long as it takes.
  std::optional<nanoseconds> timeout = std::nullopt;
};

namespace detail {

/// What is done, in that order. In memory of its own, where a next() that is suspended finds it.
class PLAIT_API completion_order {
 public:
  completion_order(std::vector<state_handle> states, const as_completed_options& options);

  [[nodiscard]] bool empty() const noexcept { return rest_.empty(); }
  [[nodiscard]] deadline_awaiter ready() { return rest_.ready_by(deadline_); }
  /// Blocks; throws invalid_state_error on a loop's thread, timeout_error.
  void wait();
  [[nodiscard]] state_handle take(bool in_time);

  /// One at a time: throws invalid_state_error.
  class turn {
   public:
    explicit turn(completion_order& of);
    turn(const turn&) = delete;
    turn& operator=(const turn&) = delete;
    ~turn() { of_.taken_ = false; }

   private:
    completion_order& of_;
  };

 private:
  completions rest_;
  time_point deadline_;
  std::size_t total_;
  bool taken_ = false;  // a next() waits
  bool told_ = false;   // the calls, that a thread wants them
};

PLAIT_API void check_as_completed_options(const as_completed_options& options);

}  // namespace detail

/// What as_completed gives: an input range, and next(). Move-only. Thread safety: none. Destroying it leaves the
/// futures alone.
template <class Future> class [[nodiscard]] completed_futures {
 public:
  class iterator;

  explicit completed_futures(std::shared_ptr<detail::completion_order> order) noexcept : order_(std::move(order)) {}
  completed_futures(completed_futures&&) noexcept = default;
  completed_futures& operator=(completed_futures&&) noexcept = default;

  /// The next that is done, or nothing when all have come: `while (auto f = co_await it.next())`. Throws
  /// timeout_error
  /// ("2 (of 4) futures unfinished"), never what a future ended with. Cancelling the task that awaits cancels no
  /// future and loses none: a later next() gives it.
  [[nodiscard]] task<std::optional<Future>> next() { return next_of(order_); }

  /// For `for (auto f : plait::as_completed(fs))` off a loop: each step blocks until the next is done. Throws
  /// timeout_error; on the thread of a running loop invalid_state_error: there, use next().
  [[nodiscard]] iterator begin() { return iterator(*order_); }
  [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }

 private:
  static task<std::optional<Future>> next_of(std::shared_ptr<detail::completion_order> order) {
    if (order->empty()) co_return std::nullopt;
    const detail::completion_order::turn mine(*order);
    const bool in_time = co_await order->ready();
    std::optional<Future> taken(detail::future_of_state<Future>(order->take(in_time)));
    co_return taken;
  }

  std::shared_ptr<detail::completion_order> order_;  // shared with a next() that is under way
};

template <class Future> class completed_futures<Future>::iterator {
 public:
  using value_type = Future;
  using difference_type = std::ptrdiff_t;
  using iterator_concept = std::input_iterator_tag;

  iterator() noexcept = default;
  explicit iterator(detail::completion_order& order) : order_(&order) { ++*this; }

  const Future& operator*() const noexcept { return current_; }
  iterator& operator++() {
    current_ = {};
    if (order_->empty()) {
      order_ = nullptr;
    } else {
      order_->wait();
      current_ = detail::future_of_state<Future>(order_->take(true));
    }
    return *this;
  }
  void operator++(int) { ++*this; }
  friend bool operator==(const iterator& at, std::default_sentinel_t) noexcept { return !at.order_; }

 private:
  detail::completion_order* order_ = nullptr;
  Future current_;
};

/// The futures of a range one by one, each once, in the order in which they are done; those that are done already
/// come first, in the order of the range. Takes what gather takes; tasks are started at the call. Gives future<T>,
/// for a mix (a range of any_future, see any_futures) any_future. A cancelled one is done. None are cancelled,
/// whatever happens. An empty range gives nothing. Costs linear time. Throws what ensure_future throws;
/// std::invalid_argument for a timeout that is negative.
template <awaitable_range Range>
[[nodiscard]] auto as_completed(Range&& range, const as_completed_options& options = {}) {
  detail::check_as_completed_options(options);  // before anything is started
  using future_type = detail::future_for_t<std::ranges::range_value_t<Range>>;
  detail::starting starting(detail::size_if_known(range));
  starting.add_all(std::forward<Range>(range));
  return completed_futures<future_type>(std::make_shared<detail::completion_order>(starting.take(), options));
}

}  // namespace plait::inline PLAIT_ABI
