// The limits' coroutines, for any of their runtimes.
#pragma once
#include <coroutine>
#include <cstdint>
#include <exception>

#include "benchmarks/limit_parts.hpp"

namespace bench::limit {

// A coroutine that starts at once and belongs to nobody; its runtime counts it.
template <class Runtime> struct detached_on {
  struct promise_type {
    template <class... Args> explicit promise_type(Runtime& rt, Args&&...) noexcept : rt_(rt) { rt_.enter(); }
    ~promise_type() { rt_.leave(); }
    detached_on get_return_object() noexcept { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() noexcept {}
    void unhandled_exception() noexcept { std::terminate(); }

   private:
    Runtime& rt_;
  };
};

// co_await offload_to(rt, n): what the runtime's workers make of n.
template <class Runtime> class offload_to : operation {
 public:
  offload_to(Runtime& rt, std::uint64_t n) noexcept : rt_(rt) { value = n; }
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> h) noexcept {
    waiter = h;
    rt_.submit(*this);
  }
  std::uint64_t await_resume() const noexcept { return value; }

 private:
  Runtime& rt_;
};

}  // namespace bench::limit
