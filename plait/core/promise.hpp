// promise<T>: the side of a future that a program completes itself.
#pragma once

#include <plait/core/errors.hpp>
#include <plait/core/future.hpp>

#include <exception>
#include <utility>

namespace plait::inline PLAIT_ABI {

namespace detail {

template <class T> class promise_state;

class PLAIT_API promise_state_base : public state {
 public:
  cancel_outcome cancel() noexcept final;
  [[nodiscard]] bool start();
  void claim_or_throw();
  void finish_with(std::exception_ptr error) {
    set_error(std::move(error));
    publish(call_status::finished);
  }
  void break_promise() noexcept;

 protected:
  promise_state_base() noexcept { begin_with_keeper(); }
};

template <class T> class promise_state final : public with_result<T, promise_state_base> {
 public:
  template <class... Value> void finish(Value&&... value) {
    this->claim_or_throw();
    try {
      this->value_.emplace(std::forward<Value>(value)...);
    } catch (...) {
      this->finish_with(caught_exception());  // the claim can't be given back
      return;
    }
    this->publish(call_status::finished);
  }
};

}  // namespace detail

/// Completes a future. One that is dropped without a value completes it with broken_promise.
/// Thread safety: set_value, set_exception and start may race with each other and with cancel() of the future: one
/// wins, and the others throw.
template <class T> class promise {
 public:
  promise() : state_(new detail::promise_state<T>) {}
  promise(promise&& other) noexcept = default;
  promise& operator=(promise&& other) noexcept {
    promise(std::move(other)).swap(*this);
    return *this;
  }
  ~promise() {
    if (state_) typed().break_promise();
  }
  void swap(promise& other) noexcept { std::swap(state_, other.state_); }

  /// A handle to the future; as many as wanted.
  [[nodiscard]] future<T> get_future() const {
    auto& state = checked();
    state.add_handle();
    return detail::future_access::make<T>(detail::state_handle(&state));
  }

  /// Marks the work as begun, so that cancel() can no longer drop it. False where it was cancelled before: then it
  /// needs no work. Throws invalid_state_error where it is done otherwise or was started.
  [[nodiscard]] bool set_running_or_notify_cancel() { return checked().start(); }

  /// Completes the future; its done callbacks run on this thread. Throws invalid_state_error where it is done
  /// already, by a value, an exception or a cancel. Where copying the value throws, that exception is the result.
  template <class... Value>
    requires std::constructible_from<detail::stored<T>, Value...>
  void set_value(Value&&... value) {
    checked().finish(std::forward<Value>(value)...);
  }
  /// The same with an exception. std::invalid_argument where it is null.
  void set_exception(std::exception_ptr error) {
    if (!error) detail::throw_invalid_argument("error", "null", "an exception");
    checked().claim_or_throw();
    typed().finish_with(std::move(error));
  }

 private:
  [[nodiscard]] detail::promise_state<T>& typed() const noexcept {
    return static_cast<detail::promise_state<T>&>(*state_.get());
  }
  [[nodiscard]] detail::promise_state<T>& checked() const {
    if (!state_) detail::throw_invalid_state("plait: this promise was moved from");
    return typed();
  }

  detail::state_keeper state_;
};

}  // namespace plait::inline PLAIT_ABI
