// Coroutines that know nothing of plait, as other libraries have them.
#pragma once

#include <coroutine>
#include <exception>
#include <utility>

namespace test_support {

/// Runs at once, and frees itself at its end. An exception that leaves it ends the test program.
struct detached {
  struct promise_type {
    detached get_return_object() noexcept { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() noexcept {}
    void unhandled_exception() noexcept { std::terminate(); }
  };
};

/// Lazy, and resumes who awaits it by its own hands.
class foreign_task {
 public:
  struct promise_type {
    struct at_end {
      bool await_ready() noexcept { return false; }
      std::coroutine_handle<> await_suspend(std::coroutine_handle<promise_type> ended) noexcept {
        return ended.promise().parent;
      }
      void await_resume() noexcept {}
    };
    foreign_task get_return_object() noexcept {
      return foreign_task(std::coroutine_handle<promise_type>::from_promise(*this));
    }
    std::suspend_always initial_suspend() noexcept { return {}; }
    at_end final_suspend() noexcept { return {}; }
    void return_value(int n) noexcept { value = n; }
    void unhandled_exception() noexcept { error = std::current_exception(); }

    std::coroutine_handle<> parent;
    std::exception_ptr error;
    int value = 0;
  };

  foreign_task(foreign_task&& other) noexcept : coroutine_(std::exchange(other.coroutine_, nullptr)) {}
  ~foreign_task() {
    if (coroutine_) coroutine_.destroy();
  }
  bool await_ready() const noexcept { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> parent) noexcept {
    coroutine_.promise().parent = parent;
    return coroutine_;
  }
  int await_resume() {
    if (coroutine_.promise().error) std::rethrow_exception(coroutine_.promise().error);
    return coroutine_.promise().value;
  }

 private:
  explicit foreign_task(std::coroutine_handle<promise_type> coroutine) noexcept : coroutine_(coroutine) {}
  std::coroutine_handle<promise_type> coroutine_;
};

}  // namespace test_support
