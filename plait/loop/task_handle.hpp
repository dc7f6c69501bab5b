// task_handle<T>: a task that runs on a loop by itself.
#pragma once

#include <plait/core/any_future.hpp>
#include <plait/core/future.hpp>
#include <plait/core/home.hpp>
#include <plait/core/task.hpp>

#include <chrono>
#include <coroutine>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace plait::inline PLAIT_ABI {

namespace detail {

class loop_core;

/// A running task's state: of its future, of its coroutines, and its place among the loop's tasks.
class PLAIT_API task_state : public state, public task_context, public ready {
 public:
  /// Cancels from any thread: on the loop's at once, from another by a message.
  cancel_outcome cancel() noexcept final;
  [[nodiscard]] std::string_view name() const noexcept final { return name_ ? std::string_view(*name_) : ""; }

  // On the loop's thread.
  void cancel_here() noexcept;
  [[nodiscard]] int cancelling() const noexcept { return cancel_requests_; }
  int uncancel() noexcept;
  [[nodiscard]] bool cancel_arrived() const noexcept final { return cancel_requests_ > 0; }

 protected:
  task_state(loop_core& loop, std::string_view name);
  void set_coroutine(std::coroutine_handle<> coroutine) noexcept { coroutine_ = coroutine; }
  /// Moves the coroutine's end into the state: null, or the exception; an empty outcome where it was cancelled.
  virtual outcome<void> take_end() noexcept = 0;

 private:
  friend class loop_core;
  void run() noexcept final;    // the first step
  void ended() noexcept final;  // after the last
  void finish(outcome<void> how) noexcept;

  loop_core* loop_;
  std::coroutine_handle<> coroutine_;
  task_state* next_task_ = nullptr;  // the loop's tasks
  task_state* prev_task_ = nullptr;
  std::unique_ptr<const std::string> name_;
  // Cancel requests on their way: cancel (release) pairs with the first step (acquire).
  sync::atomic<int> messages_{0};
  int cancel_requests_ = 0;
  bool started_ = false;
};

/// An exception as an outcome: cancelled_error as cancelled.
[[nodiscard]] PLAIT_API outcome<void> outcome_of(const std::exception_ptr& error) noexcept;

template <class T> class typed_task final : public with_result<T, task_state> {
 public:
  typed_task(loop_core& loop, task<T>& started, std::string_view name)
      : with_result<T, task_state>(loop, name), coroutine_(started.release()) {
    coroutine_.promise().set_context(*this);
    this->set_coroutine(coroutine_);
  }

 private:
  outcome<void> take_end() noexcept override {
    auto& end = coroutine_.promise().ended();
    if (!end.has_value()) return outcome_of(end.exception());
    try {
      if constexpr (std::is_void_v<T>)
        this->value_.emplace();
      else
        this->value_.emplace(std::move(end).value());
      return std::monostate();
    } catch (...) {
      return std::current_exception();
    }
  }
  std::coroutine_handle<task_promise<T>> coroutine_;
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
  explicit task_handle(detail::state_handle state) noexcept : future_base(std::move(state)) {}
  [[nodiscard]] detail::task_state& task() const { return static_cast<detail::task_state&>(checked()); }
  [[nodiscard]] plait::future<T> future_of_last() {
    return detail::future_access::make<T>((static_cast<void>(checked()), std::move(state_)));
  }

  class awaiter : public detail::state_awaiter {
   public:
    explicit awaiter(detail::state_handle state) noexcept : state_awaiter(std::move(state)) {}
    awaiter(awaiter&&) noexcept = default;
    [[nodiscard]] bool await_ready() const noexcept { return state_->done(); }
    template <class Promise> bool await_suspend(std::coroutine_handle<Promise> coroutine) {
      if (this->begin_delegating(coroutine, "co_await of a task_handle")) state_->cancel();
      return this->wait();
    }

   private:
    [[nodiscard]] detail::withdrawal withdraw() noexcept override {
      return state_->cancel() == cancel_outcome::too_late ? detail::withdrawal::under_way
                                                          : detail::withdrawal::delegated;
    }
  };
  struct looking final : awaiter {
    using awaiter::awaiter;
    decltype(auto) await_resume() {
      this->resumed();
      this->state_->rethrow();
      if constexpr (!std::is_void_v<T>) return std::as_const(*detail::slot_of<T>(*this->state_.get()));
    }
  };
  struct taking final : awaiter {
    using awaiter::awaiter;
    T await_resume() {
      this->resumed();
      return detail::take_result<T>(*this->state_.get());
    }
  };
};

}  // namespace plait::inline PLAIT_ABI
