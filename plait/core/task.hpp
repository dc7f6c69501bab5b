// task<T>: a lazy coroutine.
//
// A task runs only while somebody awaits it, or after create_task gave it to a loop. Awaiting one makes no state and
// takes no lock: parent and child hand over to each other through their task's driver (see home.hpp).
#pragma once

#include <plait/core/errors.hpp>
#include <plait/core/home.hpp>
#include <plait/core/outcome.hpp>

#include <coroutine>
#include <exception>
#include <type_traits>
#include <utility>

namespace plait::inline PLAIT_ABI {

template <class T> class task;

namespace detail {

template <class X> inline constexpr bool is_task = false;
template <class T> inline constexpr bool is_task<task<T>> = true;

/// A task is dropped that never ran; told to whom set_dropped_task_function named.
PLAIT_API void task_dropped(const void* frame) noexcept;
using dropped_task_function = void (*)(const void* frame) noexcept;
/// For debug mode: from now on `function` hears of them; null: nobody.
PLAIT_API void set_dropped_task_function(dropped_task_function function) noexcept;

/// A task's promise: who waits for it, and how it ended.
class task_promise_base : public promise_base {
 public:
  struct at_end {
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    template <class Promise> void await_suspend(std::coroutine_handle<Promise> ended) const noexcept {
      auto& promise = ended.promise();
      auto& context = *promise.context();
      if (promise.parent_)
        context.hand_over(promise.parent_);
      else
        context.hand_back();
    }
    void await_resume() const noexcept {}
  };

  [[nodiscard]] std::suspend_always initial_suspend() const noexcept { return {}; }
  [[nodiscard]] at_end final_suspend() const noexcept { return {}; }
  void set_parent(std::coroutine_handle<> parent) noexcept { parent_ = parent; }

 private:
  std::coroutine_handle<> parent_;
};

template <class T> class task_promise final : public task_promise_base {
 public:
  task<T> get_return_object() noexcept;
  template <class U>
    requires std::convertible_to<U&&, T>
  void return_value(U&& value) {
    ended_.emplace(std::forward<U>(value));
  }
  void unhandled_exception() noexcept { ended_.fail(caught_exception()); }
  [[nodiscard]] outcome<T>& ended() noexcept { return ended_; }

 private:
  outcome<T> ended_;
};

template <> class task_promise<void> final : public task_promise_base {
 public:
  task<void> get_return_object() noexcept;
  void return_void() noexcept {}
  void unhandled_exception() noexcept { thrown_ = caught_exception(); }
  /// Once.
  [[nodiscard]] outcome<void> ended() noexcept {
    if (thrown_) return std::move(thrown_);
    return std::monostate();
  }

 private:
  std::exception_ptr thrown_;  // all there is to know at the end; an outcome is twice as large, in every frame
};

}  // namespace detail

/// A coroutine that returns a T. Lazy: nothing runs until it is awaited, once, or given to event_loop::create_task,
/// run or sync_wait. Dropping one that never ran runs nothing; its arguments are destroyed.
/// Thread safety: none; a task is used on one thread, and its frame lives and dies on the loop that runs it.
/// Arguments taken by reference must outlive it, as in every coroutine: prefer values.
template <class T> class [[nodiscard]] task {
 public:
  static_assert(!std::is_reference_v<T>, "plait::task<T&>: return a value, a pointer or a std::reference_wrapper");
  using value_type = T;
  using promise_type = detail::task_promise<T>;

  task() noexcept = default;
  task(task&& other) noexcept : coroutine_(std::exchange(other.coroutine_, nullptr)) {}
  task& operator=(task&& other) noexcept {
    task(std::move(other)).swap(*this);
    return *this;
  }
  ~task() {
    if (!coroutine_) return;
    if (!coroutine_.promise().context()) [[unlikely]]
      detail::task_dropped(coroutine_.address());
    coroutine_.destroy();
  }
  void swap(task& other) noexcept { std::swap(coroutine_, other.coroutine_); }

  /// False after it was moved from, awaited or given to a loop.
  [[nodiscard]] bool valid() const noexcept { return static_cast<bool>(coroutine_); }

  /// Runs it on the awaiting coroutine's loop and gives what it returned, or throws what it threw.
  /// Cancelling the task that awaits arrives inside, at the await where it is suspended.
  auto operator co_await() && noexcept { return awaiter(std::move(*this)); }

  /// For who runs it: gives the coroutine away.
  [[nodiscard]] std::coroutine_handle<promise_type> release() noexcept { return std::exchange(coroutine_, nullptr); }

 private:
  friend promise_type;
  explicit task(std::coroutine_handle<promise_type> coroutine) noexcept : coroutine_(coroutine) {}

  class awaiter {
   public:
    explicit awaiter(task&& awaited) noexcept : awaited_(std::move(awaited)) {}
    awaiter(awaiter&&) noexcept = default;
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    template <class Promise> void await_suspend(std::coroutine_handle<Promise> parent) {
      if (!awaited_.coroutine_)
        detail::throw_invalid_state("plait: co_await of a task that was moved from, awaited or run before");
      auto& context = detail::context_of(parent, "co_await of a task");
      auto child = awaited_.coroutine_;
      child.promise().set_context(context);
      child.promise().set_parent(parent);
      context.hand_over(child);
    }
    T await_resume() { return std::move(awaited_.coroutine_.promise().ended()).value(); }

   private:
    task awaited_;
  };

  std::coroutine_handle<promise_type> coroutine_;
};

namespace detail {

template <class T> task<T> task_promise<T>::get_return_object() noexcept {
  return task<T>(std::coroutine_handle<task_promise>::from_promise(*this));
}
inline task<void> task_promise<void>::get_return_object() noexcept {
  return task<void>(std::coroutine_handle<task_promise>::from_promise(*this));
}

}  // namespace detail
}  // namespace plait::inline PLAIT_ABI
