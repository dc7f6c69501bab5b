// shield: awaits something without passing a cancel on to it.
#pragma once

#include <plait/core/future.hpp>
#include <plait/core/state.hpp>
#include <plait/loop/ensure_future.hpp>

#include <coroutine>
#include <type_traits>
#include <utility>

namespace plait::inline PLAIT_ABI {

namespace detail {

class PLAIT_API shield_awaiter : public state_awaiter {
 public:
  explicit shield_awaiter(state_handle state) noexcept : state_awaiter(std::move(state)) {}
  shield_awaiter(shield_awaiter&&) noexcept = default;
  [[nodiscard]] bool await_ready() const noexcept { return state_->done(); }
  template <class Promise> bool await_suspend(std::coroutine_handle<Promise> coroutine) {
    if (this->begin(coroutine, "co_await shield")) {
      watch();
      return false;
    }
    check_no_cycle(*state_.get());
    return wait();
  }

 protected:
  ~shield_awaiter() = default;
  /// After the wait; throws cancelled_error.
  void waited();

 private:
  [[nodiscard]] withdrawal withdraw() noexcept override;
  /// Has its failure told where nobody can see it.
  void watch() noexcept;
};

template <class T> struct shield_looking final : shield_awaiter {
  using shield_awaiter::shield_awaiter;
  decltype(auto) await_resume() {
    this->waited();
    this->state_->rethrow();
    if constexpr (!std::is_void_v<T>) return std::as_const(*slot_of<T>(*this->state_.get()));
  }
};

template <class T> struct shield_taking final : shield_awaiter {
  using shield_awaiter::shield_awaiter;
  T await_resume() {
    this->waited();
    return take_result<T>(*this->state_.get());
  }
};

}  // namespace detail

/// `co_await plait::shield(x)` gives what `co_await x` gives, but a task that is cancelled there does not pass that
/// on: it gets cancelled_error at once, and x runs on. Cancelling x itself is cancelled_error too. x may be a task
/// (it is started at the call), a handle, a future of any executor, any awaitable. From a named future or handle the
/// value comes by reference, from a temporary it is moved or copied, as they do it. Where x fails after that and
/// nobody has a handle by which its exception could be seen, the failure is reported, once, however many had awaited
/// it. Throws what ensure_future throws; cyclic_await_error. Hold on to a handle of what you shield: the loop ends
/// all tasks when it is closed, shielded ones too.
template <awaitable X> [[nodiscard]] auto shield(X&& x) {
  using value = detail::value_for<X>;
  auto handle = ensure_future(std::forward<X>(x)).handle();
  if constexpr (std::is_lvalue_reference_v<X> && !detail::is_started_here<X>)
    return detail::shield_looking<value>(std::move(handle));
  else
    return detail::shield_taking<value>(std::move(handle));
}

}  // namespace plait::inline PLAIT_ABI
