// ensure_future: whatever can be awaited, as a future.
//
//    future<T>, task_handle<T>, gathering<T>    its own future
//    any_future                                 itself
//    task<T>                                    of a task that is started now, on the running loop
//    anything else that can be awaited          the same, of a task that awaits it
//
// It is how everything that takes a mix (gather, wait, as_completed, shield) takes it.
#pragma once

#include <plait/core/any_future.hpp>
#include <plait/core/future.hpp>
#include <plait/core/task.hpp>
#include <plait/loop/awaited.hpp>
#include <plait/loop/event_loop.hpp>
#include <plait/loop/task_handle.hpp>

#include <concepts>
#include <ranges>
#include <type_traits>
#include <utility>
#include <vector>

namespace plait::inline PLAIT_ABI {

namespace detail {

template <class T> future<T> future_in(const future<T>& f) { return f; }

template <class X>
concept holds_future = std::derived_from<X, future_base> && requires(const X& x) { future_in(x.future()); };

/// What ensure_future makes of an X.
template <class X> struct future_for {};
template <class T> struct future_for<future<T>> {
  using type = future<T>;
};
template <> struct future_for<any_future> {
  using type = any_future;
};
template <holds_future X> struct future_for<X> {
  using type = decltype(std::declval<const X&>().future());
};
template <class X>
  requires(!std::derived_from<X, future_base>) && requires { typename awaited_t<X>; }
struct future_for<X> {
  using type = future<awaited_t<X>>;
};
template <class X> using future_for_t = typename future_for<std::remove_cvref_t<X>>::type;

/// What such a future gives; void for any_future.
template <class F> struct value_in {
  using type = void;
};
template <class T> struct value_in<future<T>> {
  using type = T;
};
template <class X> using value_for = typename value_in<future_for_t<X>>::type;

template <class Awaitable> task<awaited_t<Awaitable>> await_it(Awaitable awaited) {
  co_return co_await std::move(awaited);
}

/// Started with `x`, not before.
template <class X> inline constexpr bool is_started_here = !std::derived_from<std::remove_cvref_t<X>, future_base>;

}  // namespace detail

/// Whatever can be awaited and handed over: a task or another move-only awaitable as a temporary or by std::move.
template <class X>
concept awaitable =
    std::constructible_from<std::remove_cvref_t<X>, X> && requires { typename detail::future_for_t<X>; };

/// `x` as a future: of a future or a handle its own; a task, and any other awaitable, is started on the running loop,
/// from its next turn on. Cancelling the future cancels what it stands for.
/// Throws no_running_loop_error where something is to be started and no loop runs on this thread;
/// invalid_state_error for a future that holds nothing or a task that was moved from.
/// Thread safety: as what `x` is. Does not block.
template <awaitable X> [[nodiscard]] detail::future_for_t<X> ensure_future(X&& x) {
  using type = std::remove_cvref_t<X>;
  if constexpr (detail::is_task<type>) {
    return get_running_loop().create_task(std::forward<X>(x)).future();
  } else if constexpr (detail::is_started_here<X>) {
    auto& loop = get_running_loop();
    return loop.create_task(detail::await_it<type>(std::forward<X>(x))).future();
  } else {
    static_cast<void>(x.status());  // throws where it holds nothing
    if constexpr (detail::holds_future<type>)
      return x.future();
    else
      return std::forward<X>(x);
  }
}

namespace detail {

/// The states of what is given to one function, each started where it has to be. Where one of them can't be, those
/// that were started are cancelled before they have begun.
class PLAIT_API starting {
 public:
  explicit starting(std::size_t expected) { states_.reserve(expected); }
  starting(const starting&) = delete;
  starting& operator=(const starting&) = delete;
  ~starting();

  template <awaitable X> void add(X&& x) {
    if constexpr (is_started_here<X>) started_.reserve(started_.size() + 1);
    states_.push_back(ensure_future(std::forward<X>(x)).handle());
    if constexpr (is_started_here<X>) started_.push_back(states_.back());
  }
  /// All of a range; out of a temporary container they are moved.
  template <class Range> void add_all(Range&& range) {
    for (auto&& x : range) add(static_cast<element<Range>&&>(x));
  }
  [[nodiscard]] std::vector<state_handle> take() noexcept {
    started_.clear();
    return std::move(states_);
  }

  /// How add_all passes an element on.
  template <class Range>
  using element =
      std::conditional_t<std::is_lvalue_reference_v<Range> || std::ranges::view<std::remove_cvref_t<Range>>,
                         std::ranges::range_reference_t<Range>, std::ranges::range_rvalue_reference_t<Range>>;

 private:
  std::vector<state_handle> states_;
  std::vector<state_handle> started_;
};

template <class Range> [[nodiscard]] std::size_t size_if_known(Range& range) {
  if constexpr (std::ranges::sized_range<Range>)
    return std::ranges::size(range);
  else
    return 0;
}

/// A future of the kind that is wanted, of a state that has such a result.
template <class Future> [[nodiscard]] Future future_of_state(state_handle state) {
  if constexpr (std::same_as<Future, any_future>)
    return future_access::make<void>(std::move(state));
  else
    return future_access::make<typename Future::value_type>(std::move(state));
}

template <class Future> [[nodiscard]] std::vector<Future> futures_of_states(std::vector<state_handle> states) {
  std::vector<Future> futures;
  futures.reserve(states.size());
  for (auto& state : states) futures.push_back(future_of_state<Future>(std::move(state)));
  return futures;
}

}  // namespace detail

/// A range of what can be awaited: of tasks, which have to come in a temporary (std::move(tasks)), of futures and
/// handles, of any_future for a mix.
template <class Range>
concept awaitable_range = std::ranges::input_range<Range> && awaitable<detail::starting::element<Range>>;

/// The futures of a mix, in one list: `co_await plait::wait(plait::any_futures(task(), handle, pool.submit(f)))`.
/// Tasks are started, as ensure_future does it, which also says what it throws.
template <awaitable... Xs> [[nodiscard]] std::vector<any_future> any_futures(Xs&&... xs) {
  detail::starting starting(sizeof...(xs));
  (starting.add(std::forward<Xs>(xs)), ...);
  return detail::futures_of_states<any_future>(starting.take());
}

}  // namespace plait::inline PLAIT_ABI
