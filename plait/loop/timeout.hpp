// with_timeout, with_timeout_at: a coroutine that is cancelled when its time is over.
//
//    the awaiting task                            the loop
//    with_timeout ── body(scope, args…) ─► …      timer ──► cancels the task, as by cancel()
//          │  ◄── cancelled_error ──────────────────┘
//          ▼
//    takes its cancel back; throws timeout_error where it was the only one
//
// Guarantees
// - The time being over cancels the task that awaits, once. It arrives as any cancel does: what the body awaits is
//   cancelled, what it does not await goes on.
// - cancelled_error becomes timeout_error in the scope whose time was over, and in no other: of nested ones the right
//   one tells. A cancel from outside stays one, also where the time is over at the same moment.
// - A body that swallows the cancel and returns a value, or throws something else, has done so: that comes out.
// - The timer never outlives the scope.
#pragma once

#include <plait/core/errors.hpp>
#include <plait/core/temporaries.hpp>
#include <plait/core/time.hpp>
#include <plait/loop/body.hpp>
#include <plait/loop/task_handle.hpp>

#include <chrono>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

namespace plait::inline PLAIT_ABI {

namespace detail {
class timeout_core;
}

/// The time that a body has; with_timeout makes it, and nobody else can. It must not be used when the body is over.
/// Thread safety: on its loop's thread only.
class PLAIT_API timeout_scope {
 public:
  timeout_scope(const timeout_scope&) = delete;
  timeout_scope& operator=(const timeout_scope&) = delete;

  /// When the time is over; nothing: never.
  [[nodiscard]] std::optional<time_point> when() const noexcept;
  /// The time is over, and the task was cancelled. True also where the body made a value of that.
  [[nodiscard]] bool expired() const noexcept { return expired_; }
  /// Another time instead; nothing: never. One that has passed is over at once. Throws invalid_state_error where the
  /// time is over already, or the body is, and on another thread; std::bad_alloc.
  void reschedule(std::optional<time_point> when);
  /// The same, from now. std::invalid_argument where it is negative or NaN.
  template <class Rep, class Period> void reschedule(std::chrono::duration<Rep, Period> from_now) {
    reschedule(detail::from_now(detail::to_nanoseconds(from_now, "from_now")));
  }

 private:
  friend class detail::timeout_core;
  struct PLAIT_API alarm final : detail::timed {
    explicit alarm(timeout_scope& whose) noexcept : owner(whose) {}
    void run() noexcept override { owner.expire(); }
    timeout_scope& owner;
  };

  timeout_scope();
  ~timeout_scope();
  void start(time_point when);
  void expire() noexcept;

  detail::task_state& task_;
  alarm alarm_{*this};
  time_point when_ = sync::forever;
  const int cancels_before_;  // that arrived before it began
  bool expired_ = false;
  bool over_ = false;
};

namespace detail {

/// What with_timeout gives a body: so long from when it begins, or until then.
struct time_limit {
  nanoseconds delay = nanoseconds::max();
  time_point when = sync::forever;
};

/// The scope as with_timeout and wait_for run it.
class PLAIT_API timeout_core final : public timeout_scope {
 public:
  /// Throws invalid_state_error outside of a task.
  explicit timeout_core(const time_limit& limit);
  ~timeout_core() = default;

  /// The exception that left the body.
  void threw(std::exception_ptr error) noexcept { error_ = std::move(error); }
  /// True where what came out is the timeout: cancelled, by this scope alone. Ends the scope.
  [[nodiscard]] bool leave() noexcept;
  [[noreturn]] void throw_timeout() const;
  /// Throws the body's exception, where there is one.
  void rethrow() const {
    if (error_) std::rethrow_exception(error_);
  }

 private:
  nanoseconds delay_;
  std::exception_ptr error_;
};

template <class T, class Body, class... Args> task<T> run_with_timeout(time_limit limit, Body body, Args... args) {
  timeout_core scope(limit);
  outcome<T> ended;
  try {
    auto running = call_body<Body, timeout_scope>(body, scope, args...);
    if constexpr (std::is_void_v<T>) {
      static_cast<void>(co_await std::move(running));
      ended.emplace();
    } else {
      ended.emplace(co_await std::move(running));
    }
  } catch (...) {
    scope.threw(caught_exception());
  }
  if (scope.leave()) scope.throw_timeout();
  scope.rethrow();
  co_return std::move(ended).value();
}

/// A body of with_timeout: a coroutine.
template <class Body, class... Args>
concept timed_body = body_of<Body, timeout_scope, Args...> && awaitable<called_body_t<Body, timeout_scope, Args...>>;

template <class Body, class... Args> auto with_time_limit(const time_limit& limit, Body&& body, Args&&... args) {
  using result = body_result_t<std::decay_t<Body>, timeout_scope, std::decay_t<Args>...>;
  return run_with_timeout<result, std::decay_t<Body>, std::decay_t<Args>...>(limit, std::forward<Body>(body),
                                                                             std::forward<Args>(args)...);
}

}  // namespace detail

/// Runs the coroutine `body(scope, args...)` in the awaiting task, at most `timeout` long from when it begins:
///
///     co_await plait::with_timeout(500ms, [](plait::timeout_scope&, std::string url) -> plait::task<void> {
///       co_await fetch(url);
///     }, url);
///
/// Gives what the body returns. When the time is over, the awaiting task is cancelled; where that comes out of the
/// body as cancelled_error, it becomes timeout_error. The body may ask for more time, or less:
/// timeout_scope::reschedule. A time that is over at the begin cancels at the first await. nanoseconds::max() is for
/// ever. It and its arguments are copied or moved, and live until the body is over; arguments come to it as rvalues,
/// or as references where it takes them so. Cancellation: of the body, as it takes it. Throws std::invalid_argument
/// where the timeout is negative or NaN, at once; invalid_state_error where it is awaited by a coroutine that belongs
/// to no task; start it by create_task.
template <class Rep, class Period, class Body, class... Args>
  requires detail::timed_body<std::decay_t<Body>, std::decay_t<Args>...>
auto with_timeout(std::chrono::duration<Rep, Period> timeout, Body&& body, Args&&... args) {
  detail::warn_about_temporaries<Body, Args...>();
  return detail::with_time_limit({.delay = detail::to_nanoseconds(timeout, "timeout")}, std::forward<Body>(body),
                                 std::forward<Args>(args)...);
}

/// The same, until `when` on the loop's clock; nothing: never.
template <class Body, class... Args>
  requires detail::timed_body<std::decay_t<Body>, std::decay_t<Args>...>
auto with_timeout_at(std::optional<time_point> when, Body&& body, Args&&... args) {
  detail::warn_about_temporaries<Body, Args...>();
  return detail::with_time_limit({.when = when.value_or(sync::forever)}, std::forward<Body>(body),
                                 std::forward<Args>(args)...);
}

}  // namespace plait::inline PLAIT_ABI
