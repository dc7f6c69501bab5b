// task_handle<T>: a task that runs on a loop by itself.
//
// Cancelling it. A request is counted, and arrives once: as cancelled_error at the await where the task is suspended,
// or at its next one. What the task makes of it is its own affair:
//
//    it lets cancelled_error out                    cancelled
//    it returns a value, or throws something else   that is how it ended: the cancel was swallowed
//    it has not begun                               its body never runs; cancelled
//    it is in its last step, and awaits no more     cancelled; what it returned is thrown away, what it threw stays
//
// Guarantees
// - A request that has not arrived is forgotten when uncancel() takes back the last of those that count.
// - Cancelling a task that awaits another task cancels that one, and waits for what it makes of it.
// - Chains of tasks that await one another are cancelled without recursion, at the end of a loop in linear time.
#pragma once

#include <plait/core/any_future.hpp>
#include <plait/core/errors.hpp>
#include <plait/core/future.hpp>
#include <plait/core/home.hpp>
#include <plait/core/task.hpp>

#include <atomic>
#include <chrono>
#include <coroutine>
#include <cstdint>
#include <functional>
#include <memory>
#include <source_location>
#include <string>
#include <string_view>
#include <utility>

namespace plait::inline PLAIT_ABI {

class any_task_handle;

namespace detail {

class loop_core;

/// A running task's state: of its future, of its coroutines, and its place among the loop's tasks.
class PLAIT_API task_state : public state, public task_context {
 public:
  /// Cancels from any thread: on the loop's at once, from another by a message.
  cancel_outcome cancel() noexcept final;
  /// As it was given, else "Task-<n>", made when somebody asks. Thread-safe.
  [[nodiscard]] std::string_view name() const noexcept final;

  /// Where create_task was called.
  [[nodiscard]] const std::source_location& origin() const noexcept { return origin_; }
  void set_origin(const std::source_location& where) noexcept { origin_ = where; }

  // On the loop's thread.
  void cancel_here() noexcept;
  [[nodiscard]] int cancelling() const noexcept { return cancel_requests_; }
  int uncancel() noexcept;
  /// It waits for tasks that wait for it, which are being cancelled: who cancels it is told that nothing can be done.
  void set_closes_circle(bool does) noexcept { closes_circle_ = does; }
  [[nodiscard]] state* own_state() noexcept final { return this; }
  void tell_needs(need_listener& to) noexcept final;
  [[nodiscard]] bool cancel_arrived() const noexcept final { return cancel_requests_ > 0; }
  [[nodiscard]] task_state* as_task() noexcept final { return this; }
  /// A request came while it was not done. For who has seen that it is done, on any thread.
  [[nodiscard]] bool cancel_reached() const noexcept { return cancel_reached_; }

 protected:
  task_state(loop_core& loop, std::string_view name);
  ~task_state() override;
  void set_coroutine(std::coroutine_handle<> coroutine) noexcept { coroutine_ = coroutine; }
  [[nodiscard]] std::coroutine_handle<> coroutine() const noexcept { return coroutine_; }
  /// What becomes of a value that the coroutine returned.
  enum class returned_value : std::uint8_t { kept, dropped };
  /// Moves the coroutine's end into the state: a value, or the exception; an empty outcome where it was cancelled, or
  /// its value was dropped.
  virtual outcome<void> take_end(returned_value value) noexcept = 0;

 private:
  friend class loop_core;
  void run() noexcept final;    // the first step
  void ended() noexcept final;  // after the last
  void finish(outcome<void> how) noexcept;
  void give_up() noexcept;  // no loop has it: cancelled
  void destroy() noexcept final;
  void tell_of_unread_error() noexcept;  // exception_handler.cpp
  /// Its home, as what it is. While it lives.
  [[nodiscard]] loop_core& loop() const noexcept;

  // A name that was given, or that somebody has asked for: the address of an owned string; whoever puts it there
  // (release) pairs with who reads it (acquire). Until then the number of the default name, times two and one.
  using name_or_number = std::uintptr_t;
  [[nodiscard]] static const std::string* as_name(name_or_number word) noexcept {
    return (word & 1) == 0 ? reinterpret_cast<const std::string*>(word) : nullptr;
  }

  // First, where the base leaves room: a loop may have a million tasks.
  bool started_ = false;
  bool cancel_reached_ = false;
  bool closes_circle_ = false;
  bool told_to_end_ = false;  // by its loop, which ends
  std::source_location origin_{};
  std::coroutine_handle<> coroutine_;
  task_state* next_task_ = nullptr;  // the loop's tasks
  task_state* prev_task_ = nullptr;
  mutable sync::atomic<name_or_number> name_;
  // Cancel requests on their way: cancel (release) pairs with the first step (acquire).
  sync::atomic<int> messages_{0};
  int cancel_requests_ = 0;
  // Requests that the loop delivers when the one under way is. Tasks with such are linked by ready::next, which the
  // first step needs no more.
  int undelivered_ = 0;
};

/// An exception as an outcome: cancelled_error as cancelled.
[[nodiscard]] PLAIT_API outcome<void> outcome_of(const std::exception_ptr& error) noexcept;

template <class T> class typed_task final : public with_result<T, task_state> {
 public:
  typed_task(loop_core& loop, task<T>& started, std::string_view name) : with_result<T, task_state>(loop, name) {
    const auto coroutine = started.release();
    coroutine.promise().set_context(*this);
    this->set_coroutine(coroutine);
  }

 private:
  outcome<void> take_end(task_state::returned_value value) noexcept override {
    auto&& end = std::coroutine_handle<task_promise<T>>::from_address(this->coroutine().address()).promise().ended();
    if (!end.has_value()) return outcome_of(end.exception());
    if (value == task_state::returned_value::dropped) return {};
    try {
      if constexpr (std::is_void_v<T>)
        this->value_.emplace();
      else
        this->value_.emplace(std::move(end).value());
      return std::monostate();
    } catch (...) {
      return caught_exception();
    }
  }
};

/// Waits for a task. Cancelling the task that awaits cancels that one, and goes on waiting for what it makes of it. A
/// request for a task of another loop is a message: if it comes too late, cancelled_error comes out here.
class PLAIT_API task_awaiter : public state_awaiter {
 public:
  [[nodiscard]] bool await_ready() const noexcept { return state_->done(); }
  template <class Promise> bool await_suspend(std::coroutine_handle<Promise> coroutine) {
    return start(this->begin_delegating(coroutine, "co_await of a task_handle"));
  }

 protected:
  explicit task_awaiter(state_handle task) noexcept : state_awaiter(std::move(task)) {}
  task_awaiter(task_awaiter&&) noexcept = default;
  ~task_awaiter() = default;
  /// After the wait; throws cancelled_error.
  void waited() const;

 private:
  bool start(bool cancelled);
  [[nodiscard]] cancel_outcome cancel_task() noexcept;
  [[nodiscard]] withdrawal withdraw() noexcept override;
  [[nodiscard]] task_state& awaited() const noexcept;
  bool sent_away_ = false;  // a request, to another loop
};

}  // namespace detail

/// A task that a loop runs: a shared handle, as future<T> is one. The loop keeps the task alive until it is done,
/// also where no handle is left. Thread safety: as future<T>, but cancelling() and uncancel() belong to the loop's
/// thread.
template <class T> class task_handle : public detail::future_base {
 public:
  using value_type = T;

  task_handle() noexcept = default;

  /// The same result as a future. Cancelling that cancels the task.
  [[nodiscard]] plait::future<T> future() const noexcept { return detail::future_access::make<T>(state_); }
  operator plait::future<T>() const noexcept { return future(); }
  operator any_future() const noexcept { return future(); }

  /// What the task returned, or throws what it threw; cancelled_error where it was cancelled. As future<T>::result.
  decltype(auto) result() const& {
    wait();
    state_->rethrow();
    if constexpr (!std::is_void_v<T>) return std::as_const(*detail::slot_of<T>(*state_.get()));
  }
  T result() && { return future_of_last().result(); }
  /// The same, at most `timeout` long, from another thread than the loop's: then timeout_error.
  template <class Rep, class Period> decltype(auto) result(std::chrono::duration<Rep, Period> timeout) const& {
    wait_for(detail::to_nanoseconds(timeout, "timeout"));
    return result();
  }

  /// How many cancel requests there are that nobody took back.
  [[nodiscard]] int cancelling() const { return task().cancelling(); }
  /// Takes one back; where it was the last and has not arrived yet, the task is not cancelled. How many are left.
  int uncancel() const { return task().uncancel(); }

  /// As future<T>::add_done_callback; runs on the loop's thread.
  template <std::invocable<plait::future<T>> F> void add_done_callback(F&& f) const {
    future().add_done_callback(std::forward<F>(f));
  }

  /// Suspends until the task is done. Cancelling the task that awaits cancels this one, and goes on waiting for what
  /// it makes of that.
  auto operator co_await() const& { return looking((static_cast<void>(checked()), state_)); }
  auto operator co_await() && { return taking((static_cast<void>(checked()), std::move(state_))); }

 private:
  friend class event_loop;
  friend class any_task_handle;
  explicit task_handle(detail::state_handle state) noexcept : future_base(std::move(state)) {}
  [[nodiscard]] detail::task_state& task() const { return static_cast<detail::task_state&>(checked()); }
  [[nodiscard]] plait::future<T> future_of_last() {
    return detail::future_access::make<T>((static_cast<void>(checked()), std::move(state_)));
  }

  struct awaiter : detail::task_awaiter {
    explicit awaiter(detail::state_handle task) noexcept : task_awaiter(std::move(task)) {}
  };
  struct looking final : awaiter {
    using awaiter::awaiter;
    decltype(auto) await_resume() {
      this->waited();
      this->state_->rethrow();
      if constexpr (!std::is_void_v<T>) return std::as_const(*detail::slot_of<T>(*this->state_.get()));
    }
  };
  struct taking final : awaiter {
    using awaiter::awaiter;
    T await_resume() {
      this->waited();
      return detail::take_result<T>(*this->state_.get());
    }
  };
};

}  // namespace plait::inline PLAIT_ABI
