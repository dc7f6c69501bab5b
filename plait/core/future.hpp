// future<T>: a shared handle to a result that is there or will be.
#pragma once

#include <plait/core/copyable.hpp>
#include <plait/core/errors.hpp>
#include <plait/core/home.hpp>
#include <plait/core/outcome.hpp>
#include <plait/core/report.hpp>
#include <plait/core/state.hpp>
#include <plait/core/time.hpp>

#include <chrono>
#include <coroutine>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>

namespace plait::inline PLAIT_ABI {

template <class T> class future;

namespace detail {

/// What all futures can do, whatever they hold.
class PLAIT_API future_base {
 public:
  future_base() noexcept = default;

  /// False for a default-constructed or moved-from future; all else throws invalid_state_error on such a one.
  [[nodiscard]] bool valid() const noexcept { return static_cast<bool>(state_); }
  [[nodiscard]] call_status status() const { return checked().status(); }
  [[nodiscard]] bool done() const { return checked().done(); }
  [[nodiscard]] bool running() const { return status() == call_status::running; }
  [[nodiscard]] bool cancelled() const { return done() && status() == call_status::cancelled; }
  /// What the call or the task was named; may be empty. Lives as long as a future of it.
  [[nodiscard]] std::string_view name() const { return checked().name(); }

  /// Cancels as far as that can be done, and says how far (see cancel_outcome). Never blocks; done callbacks and a
  /// callable's stop callbacks may run on this thread, before it returns.
  cancel_outcome cancel() const { return checked().cancel(); }

  /// Blocks until done and gives the exception it ended with, null where it has a value.
  /// Throws cancelled_error where it was cancelled, invalid_state_error on a running loop's own thread while not
  /// done.
  [[nodiscard]] std::exception_ptr exception() const;
  /// The same, at most `timeout` long: then timeout_error. std::invalid_argument where it is negative or NaN.
  template <class Rep, class Period>
  [[nodiscard]] std::exception_ptr exception(std::chrono::duration<Rep, Period> timeout) const {
    wait_for(to_nanoseconds(timeout, "timeout"));
    return exception();
  }

  /// Two handles to the same result are equal.
  friend bool operator==(const future_base&, const future_base&) noexcept = default;

  /// Of a call in another process that threw: the stack of where it was thrown, a frame a line, innermost first,
  /// with functions' names and source lines where the program's files have them (which are read for it:
  /// milliseconds). Empty where the future has no exception, or where it was thrown in this process, or where no
  /// stack could be had.
  [[nodiscard]] std::string remote_trace() const {
    const auto& asked = checked();
    return asked.done() ? asked.remote_trace() : std::string();
  }

  [[nodiscard]] const state_handle& handle() const noexcept { return state_; }

 protected:
  explicit future_base(state_handle state) noexcept : state_(std::move(state)) {}

  [[nodiscard]] state& checked() const {
    if (!state_) throw_invalid_state("plait: this future holds nothing: it was moved from or never given a call");
    return *state_.get();
  }
  [[nodiscard]] const state_handle& checked_handle() const { return static_cast<void>(checked()), state_; }
  void wait_for(nanoseconds timeout) const;
  void wait() const { checked().wait_until(sync::forever); }

  state_handle state_;
};

/// A done callback, waiting: it owns a handle, and itself.
template <class Future, class F> struct done_callback final : waiter, recycled {
  done_callback(Future future, F f) : waiter(&fired), future(std::move(future)), function(std::move(f)) {}
  static void fired(waiter& w) noexcept {
    const std::unique_ptr<done_callback> self(&static_cast<done_callback&>(w));
    self->call();
  }
  void call() noexcept {
    const context_scope inside(std::move(variables));
    try {
      std::invoke(std::move(function), std::move(future));
    } catch (...) {
      report_callback_error(caught_exception());
    }
  }
  static void report_callback_error(const std::exception_ptr& error) noexcept;

  Future future;
  F function;
  context_copy variables = copy_context();  // of who added it
};

PLAIT_API void report_done_callback_error(const std::exception_ptr& error) noexcept;

template <class Future, class F>
void done_callback<Future, F>::report_callback_error(const std::exception_ptr& error) noexcept {
  report_done_callback_error(error);
}

/// Runs `f(future)` when done; in the order added; at once, here, where it is done already.
template <class Future, class F> void call_when_done(const Future& future, F&& f) {
  auto callback = std::make_unique<done_callback<Future, std::decay_t<F>>>(future, std::forward<F>(f));
  if (future.handle()->add(*callback))
    static_cast<void>(callback.release());  // fired() takes it over
  else
    callback->call();
}

/// Waits for one state in a coroutine; what comes out is for who derives from it.
class PLAIT_API state_awaiter : public suspension, private waiter {
 public:
  void prefetch() const noexcept final;
  template <class Promise> bool await_suspend(std::coroutine_handle<Promise> coroutine) {
    if (this->begin(coroutine, "co_await of a future")) {
      state_->cancel();
      return false;
    }
    if (state_->has_needs()) check_no_cycle(*state_.get());
    return wait();
  }

 protected:
  explicit state_awaiter(state_handle state) noexcept : waiter(&fired), state_(std::move(state)) {}
  state_awaiter(state_awaiter&& other) noexcept : suspension(), waiter(&fired), state_(std::move(other.state_)) {}
  ~state_awaiter() = default;

  void describe_wait(wait_listener& to) const override { to.waits_for(*state_.get()); }
  /// What cancelling the waiting task does to what it waits for.
  [[nodiscard]] withdrawal withdraw() noexcept override;
  void tell_needs(need_listener& to) const noexcept override { to.needs(*state_.get()); }
  /// False where it need not suspend: it is done.
  bool wait() noexcept;
  [[nodiscard]] bool stop_waiting() noexcept { return state_->remove(*this); }

 private:
  // For whoever completes the state, on whatever core: so it needs no other memory than this, beside the links.
  home* where_to_ = nullptr;

 protected:
  state_handle state_;

 private:
  static void fired(waiter& w) noexcept;
};

template <class T> [[nodiscard]] std::optional<stored<T>>& slot_of(state& s) noexcept {
  return *static_cast<std::optional<stored<T>>*>(s.slot());
}

/// The value moved out where this handle is the last, copied otherwise.
template <class T> [[nodiscard]] T take_result(state& s) {
  s.rethrow();
  if constexpr (!std::is_void_v<T>) {
    auto& value = *slot_of<T>(s);
    if (s.has_one_handle()) return std::move(value);
    if constexpr (copyable<T>)
      return std::as_const(value);
    else
      throw_invalid_state(
          "plait: this result can only be moved, and other futures of it are alive: take it by reference from a "
          "named "
          "future, or drop the others first");
  }
}

template <class T> class taking_awaiter final : public state_awaiter {
 public:
  explicit taking_awaiter(state_handle state) noexcept : state_awaiter(std::move(state)) {}
  taking_awaiter(taking_awaiter&&) noexcept = default;
  [[nodiscard]] bool await_ready() const noexcept { return state_->done(); }
  T await_resume() {
    resumed();
    return take_result<T>(*state_.get());
  }
};

template <class T> class looking_awaiter final : public state_awaiter {
 public:
  explicit looking_awaiter(state_handle state) noexcept : state_awaiter(std::move(state)) {}
  looking_awaiter(looking_awaiter&&) noexcept = default;
  [[nodiscard]] bool await_ready() const noexcept { return state_->done(); }
  decltype(auto) await_resume() {
    resumed();
    state_->rethrow();
    if constexpr (!std::is_void_v<T>) return std::as_const(*slot_of<T>(*state_.get()));
  }
};

/// Makes futures from states; for those who produce.
struct future_access {
  template <class T> [[nodiscard]] static future<T> make(state_handle state) noexcept {
    return future<T>(std::move(state));
  }
};

}  // namespace detail

/// A result that is there or will be: of a call handed to an executor, of a promise, of a task. A shared handle:
/// copies stand for the same result, which lives as long as one of them does.
///
/// Ordering: what the call did is seen by whoever reads its result; what happened before submit is seen by the call.
/// Thread safety: distinct handles may be used on any threads at once, also of the same result; one handle needs a
/// lock where somebody assigns to it. The same result may be awaited from several loops on several threads.
/// Dropping the last handle does not cancel: the call runs, and its result is thrown away.
template <class T> class future : public detail::future_base {
 public:
  using value_type = T;

  future() noexcept = default;

  /// Blocks until done. The value by reference into the future, good for as long as one handle lives.
  /// Throws what the call threw; cancelled_error where it was cancelled; invalid_state_error on a running loop's own
  /// thread while not done (co_await it there).
  decltype(auto) result() const& {
    wait();
    state_->rethrow();
    if constexpr (!std::is_void_v<T>) return std::as_const(*detail::slot_of<T>(*state_.get()));
  }
  /// The same from a temporary or std::move(f): moves the value out where this is the last handle, else copies it;
  /// a value that can only be moved is then invalid_state_error.
  T result() && {
    wait();
    const auto last = std::move(state_);
    return detail::take_result<T>(*last.get());
  }
  /// The same, at most `timeout` long: then timeout_error; the call goes on, and the future may be asked again.
  /// std::invalid_argument where it is negative or NaN.
  template <class Rep, class Period> decltype(auto) result(std::chrono::duration<Rep, Period> timeout) const& {
    wait_for(detail::to_nanoseconds(timeout, "timeout"));
    return result();
  }
  template <class Rep, class Period> T result(std::chrono::duration<Rep, Period> timeout) && {
    wait_for(detail::to_nanoseconds(timeout, "timeout"));
    return std::move(*this).result();
  }

  /// Calls `f(future<T>)` once, when done: on the thread that completes it (a worker, whoever cancels, the
  /// executor's thread for deadlines), in the order added; at once, on this thread, where it is done already. It must
  /// not block. What it throws is reported, and the others still run.
  template <std::invocable<future<T>> F> void add_done_callback(F&& f) const {
    detail::call_when_done((static_cast<void>(checked()), *this), std::forward<F>(f));
  }

  /// Suspends the coroutine until done; it resumes on the loop on which it awaits. From a named future the value
  /// comes by reference into it, from a temporary as result() && gives it. Throws as result() does, and
  /// no_running_loop_error where no loop runs on this thread.
  /// Cancellation: cancelling the task that awaits cancels the call as far as that can be done, and the task does not
  /// wait for it.
  /// Awaiting what is done does not suspend: a loop over finished futures lets nothing else run (sleep(0s) does).
  /// A coroutine type of another library may await it too; a loop can't cancel such a coroutine, so it must have
  /// ended before its loop is closed.
  auto operator co_await() const& { return detail::looking_awaiter<T>(checked_handle()); }
  auto operator co_await() && { return detail::taking_awaiter<T>((static_cast<void>(checked()), std::move(state_))); }

 private:
  friend struct detail::future_access;
  explicit future(detail::state_handle state) noexcept : future_base(std::move(state)) {}
};

}  // namespace plait::inline PLAIT_ABI
