// plait's signatures, as far as the rows use them, for a tree that has no <plait/plait.hpp> yet.
#pragma once

#include <plait/core/temporaries.hpp>

#include <chrono>
#include <coroutine>
#include <cstdlib>
#include <exception>
#include <functional>
#include <optional>
#include <string_view>
#include <tuple>
#include <utility>

namespace plait::inline PLAIT_ABI {

template <class T> class future {
 public:
  explicit future(T value) : value_(std::move(value)) {}
  bool await_ready() const { return false; }
  void await_suspend(std::coroutine_handle<> waiting) const { waiting.resume(); }
  T await_resume() const { return value_; }

 private:
  T value_;
};

template <class T> class task;

struct promise_base {
  std::coroutine_handle<> waiting = std::noop_coroutine();

  struct resume_waiting {
    bool await_ready() noexcept { return false; }
    template <class Promise> std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> done) noexcept {
      return done.promise().waiting;
    }
    void await_resume() noexcept {}
  };
  std::suspend_always initial_suspend() { return {}; }
  resume_waiting final_suspend() noexcept { return {}; }
  void unhandled_exception() { std::terminate(); }
};

template <class T> struct promise : promise_base {
  std::optional<T> value;
  task<T> get_return_object();
  void return_value(T result) { value.emplace(std::move(result)); }
  T result() { return std::move(*value); }
};

template <> struct promise<void> : promise_base {
  task<void> get_return_object();
  void return_void() {}
  void result() {}
};

template <class T> class task {
 public:
  using promise_type = promise<T>;
  explicit task(promise<T>& p) : handle_(std::coroutine_handle<promise_type>::from_promise(p)) {}
  task(task&& other) noexcept : handle_(std::exchange(other.handle_, {})) {}
  ~task() {
    if (handle_) handle_.destroy();
  }
  bool await_ready() { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> waiting) {
    handle_.promise().waiting = waiting;
    return handle_;
  }
  T await_resume() { return handle_.promise().result(); }
  void run() {
    handle_.resume();
    if (!handle_.done()) std::abort();
  }

 private:
  std::coroutine_handle<promise_type> handle_;
};

template <class T> task<T> promise<T>::get_return_object() { return task<T>(*this); }
inline task<void> promise<void>::get_return_object() { return task<void>(*this); }

struct submit_options {
  std::chrono::nanoseconds timeout{};
  std::string_view name;
};

template <class F, class... Args>
using call_result = std::decay_t<std::invoke_result_t<std::decay_t<F>, std::decay_t<Args>...>>;

class executor {
 public:
  template <class F, class... Args>
    requires std::invocable<std::decay_t<F>, std::decay_t<Args>...>
  future<call_result<F, Args...>> submit(F&& f, Args&&... args) {
    detail::warn_about_temporaries<F, Args...>();
    std::tuple<std::decay_t<F>, std::decay_t<Args>...> call(std::forward<F>(f), std::forward<Args>(args)...);
    auto invoke = [](auto& function, auto&... values) {
      return std::invoke(std::move(function), std::move(values)...);
    };
    return future<call_result<F, Args...>>(std::apply(invoke, call));
  }
  template <class F, class... Args>
  future<call_result<F, Args...>> submit(const submit_options&, F&& f, Args&&... args) {
    return submit(std::forward<F>(f), std::forward<Args>(args)...);
  }
};

struct thread_pool_options {
  int max_workers = 0;
};
class thread_pool_executor : public executor {
 public:
  explicit thread_pool_executor(thread_pool_options) {}
};

class event_loop {
 public:
  void run_until_complete(task<void> main) { main.run(); }
};

}  // namespace plait::inline PLAIT_ABI
