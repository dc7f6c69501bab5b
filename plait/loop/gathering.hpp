// gathering<R>: what gather gives; and the state behind it, which is no template.
#pragma once

#include <plait/core/any_future.hpp>
#include <plait/core/future.hpp>
#include <plait/core/state.hpp>
#include <plait/core/time.hpp>

#include <chrono>
#include <concepts>
#include <coroutine>
#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

namespace plait::inline PLAIT_ABI {

namespace detail {

/// Waits for its children, and is done when they are.
class PLAIT_API gather_state : public state {
 public:
  /// `keeps_on`: what fails is a result.
  gather_state(std::vector<state_handle> children, bool keeps_on);
  ~gather_state() override;
  [[nodiscard]] std::string_view name() const noexcept final { return "gather"; }
  cancel_outcome cancel() noexcept final;
  void tell_needs(need_listener& to) noexcept final;
  void wanted_by_thread() noexcept final;
  /// Once, after it was made. It has a handle to itself from here until all children are done.
  void start() noexcept;

 protected:
  [[nodiscard]] std::size_t size() const noexcept;
  /// For assemble, each once.
  [[nodiscard]] state_handle take_child(std::size_t index) noexcept;
  /// Makes the value out of the children, which are done; throws what they threw.
  virtual void assemble() = 0;

 private:
  struct work;
  [[nodiscard]] bool enter() noexcept;
  void leave() noexcept;
  void one_done(state& child) noexcept;
  void destroy() noexcept final;
  void tell_wanted() noexcept;
  void publish_failure() noexcept;
  void finish() noexcept;
  void cancel_children() noexcept;

  const std::unique_ptr<work> work_;
};

/// Waits for a state that ends soon after it was cancelled. Cancelling the task that awaits cancels the state, and
/// goes on waiting for what becomes of that.
class PLAIT_API delegating_awaiter : public state_awaiter {
 public:
  explicit delegating_awaiter(state_handle state) noexcept : state_awaiter(std::move(state)) {}
  delegating_awaiter(delegating_awaiter&&) noexcept = default;
  [[nodiscard]] bool await_ready() const noexcept { return state_->done(); }
  template <class Promise> bool await_suspend(std::coroutine_handle<Promise> coroutine) {
    missed_ = false;
    const bool cancelled = this->begin_delegating(coroutine, "co_await of a gather");
    try {  // before the cancel goes on: in a circle it would go round for ever
      check_no_cycle(*state_.get());
    } catch (...) {
      if (cancelled) leave_cancel_to_next_await();
      throw;
    }
    if (cancelled) missed_ = state_->cancel() == cancel_outcome::too_late;
    return wait();
  }

 protected:
  ~delegating_awaiter() = default;
  /// After the wait; throws cancelled_error.
  void waited() const {
    resumed();
    if (missed_) throw cancelled_error();
  }

 private:
  [[nodiscard]] withdrawal withdraw() noexcept override;
  bool missed_ = false;  // a cancel came just when the state was completed
};

struct gathering_access;

}  // namespace detail

/// A gather under way: a shared handle, as future<R> is one. Thread safety: as future<R>.
template <class R> class gathering : public detail::future_base {
 public:
  using value_type = R;

  gathering() noexcept = default;

  /// The same result as a future. Cancelling that cancels the gather; a task that awaits it does not wait for the
  /// children's ends, as with every future.
  [[nodiscard]] plait::future<R> future() const noexcept { return detail::future_access::make<R>(state_); }
  operator plait::future<R>() const noexcept { return future(); }
  operator any_future() const noexcept { return future(); }

  /// Blocks until done. As future<R>::result.
  const R& result() const& {
    wait();
    state_->rethrow();
    return *detail::slot_of<R>(*state_.get());
  }
  R result() && { return detail::future_access::make<R>((static_cast<void>(checked()), std::move(state_))).result(); }
  template <class Rep, class Period> const R& result(std::chrono::duration<Rep, Period> timeout) const& {
    wait_for(detail::to_nanoseconds(timeout, "timeout"));
    return result();
  }

  /// As future<R>::add_done_callback.
  template <std::invocable<plait::future<R>> F> void add_done_callback(F&& f) const {
    future().add_done_callback(std::forward<F>(f));
  }

  /// Suspends until done. Cancelling the task that awaits cancels the gather, and the task waits until that is over.
  auto operator co_await() const& { return looking(checked_handle()); }
  auto operator co_await() && { return taking((static_cast<void>(checked()), std::move(state_))); }

 private:
  friend struct detail::gathering_access;
  explicit gathering(detail::state_handle state) noexcept : future_base(std::move(state)) {}

  struct looking final : detail::delegating_awaiter {
    using delegating_awaiter::delegating_awaiter;
    const R& await_resume() {
      this->waited();
      this->state_->rethrow();
      return *detail::slot_of<R>(*this->state_.get());
    }
  };
  struct taking final : detail::delegating_awaiter {
    using delegating_awaiter::delegating_awaiter;
    R await_resume() {
      this->waited();
      return detail::take_result<R>(*this->state_.get());
    }
  };
};

struct detail::gathering_access {
  template <class R> [[nodiscard]] static gathering<R> make(state_handle state) noexcept {
    return gathering<R>(std::move(state));
  }
};

}  // namespace plait::inline PLAIT_ABI
