// wait: for all of several futures, or for the first.
#pragma once

#include <plait/core/home.hpp>
#include <plait/core/state.hpp>
#include <plait/core/time.hpp>
#include <plait/loop/ensure_future.hpp>

#include <coroutine>
#include <memory>
#include <optional>
#include <ranges>
#include <type_traits>
#include <utility>
#include <vector>

namespace plait::inline PLAIT_ABI {

/// When wait returns.
enum class return_when : std::uint8_t {
  all_completed,    ///< when all are done
  first_completed,  ///< when one is done
  first_exception,  ///< when one has ended with an exception (a cancelled one does not count), or all are done
};
inline constexpr auto all_completed = return_when::all_completed;
inline constexpr auto first_completed = return_when::first_completed;
inline constexpr auto first_exception = return_when::first_exception;

/// Written in braces at the call: `wait(fs, {.timeout = 1s, .return_when = plait::first_completed})`.
struct wait_options {
  /// Nothing: as long as it takes.
  std::optional<nanoseconds> timeout = std::nullopt;
  plait::return_when return_when = all_completed;
};

/// What wait gives: each future once, in the order of the input.
template <class Future> struct wait_result {
  std::vector<Future> done;
  std::vector<Future> pending;
};

/// A handle that wait takes: future<T>, any_future, task_handle<T>.
template <class F>
concept waitable = std::copyable<F> && requires(const F& f) {
  { f.handle() } -> std::convertible_to<const detail::state_handle&>;
};

namespace detail {

class wait_block;

/// Waits for a set of states. Not a template: wait_awaiter only sorts what comes out.
class PLAIT_API set_awaiter : public suspension {
 public:
  [[nodiscard]] bool await_ready() const noexcept;
  template <class Promise> bool await_suspend(std::coroutine_handle<Promise> coroutine) {
    if (this->begin(coroutine, "co_await wait")) return false;
    return start();
  }

 protected:
  set_awaiter(const std::vector<state_handle>& states, const wait_options& options);
  set_awaiter(set_awaiter&& other) noexcept;
  ~set_awaiter();

  void describe_wait(wait_listener& to) const override;
  void tell_needs(need_listener& to) const noexcept override;
  /// After the wait; throws cancelled_error.
  void finish();

 private:
  friend class wait_block;
  struct alarm final : timed {
    explicit alarm(set_awaiter& whose) noexcept : owner(&whose) {}
    void run() noexcept override { owner->ring(); }
    set_awaiter* owner;
  };
  bool start();
  void ring() noexcept;
  [[nodiscard]] withdrawal withdraw() noexcept override;

  wait_block* block_;
  std::optional<nanoseconds> timeout_;
  alarm alarm_;
  bool taken_ = false;  // what it gave
};

/// The states of `fs`, in order. Throws std::invalid_argument where there is none, invalid_state_error for an empty
/// one.
[[nodiscard]] PLAIT_API const state_handle& checked_state(const state_handle& state);
[[noreturn]] PLAIT_API void throw_nothing_to_wait_for();
PLAIT_API void check_wait_options(const wait_options& options);
/// Marks which of the handles stand for the first time in the list.
[[nodiscard]] PLAIT_API std::vector<bool> first_of_its_kind(const std::vector<state_handle>& states);

template <class Future> class wait_awaiter final : public set_awaiter {
 public:
  wait_awaiter(std::vector<Future> futures, const wait_options& options)
      : set_awaiter(states_of(futures), options), futures_(std::move(futures)) {}
  wait_awaiter(wait_awaiter&&) noexcept = default;

  [[nodiscard]] wait_result<Future> await_resume() {
    finish();
    wait_result<Future> result;
    for (auto& f : futures_) (f.handle()->done() ? result.done : result.pending).push_back(std::move(f));
    return result;
  }

 private:
  static std::vector<state_handle> states_of(std::vector<Future>& futures) {
    std::vector<state_handle> states;
    states.reserve(futures.size());
    for (const auto& f : futures) states.push_back(checked_state(f.handle()));
    if (states.empty()) throw_nothing_to_wait_for();
    const auto wanted = first_of_its_kind(states);
    std::size_t at = 0;
    std::erase_if(futures, [&](const Future&) { return !wanted[at++]; });
    at = 0;
    std::erase_if(states, [&](const state_handle&) { return !wanted[at++]; });
    return states;
  }

  std::vector<Future> futures_;
};

}  // namespace detail

/// Suspends until the futures are done as `return_when` says, or until the timeout; gives those that are done and
/// those that are not, each once, in the order of the input: `auto [done, pending] = co_await plait::wait(fs)`. Never
/// throws what a future ended with, nor on a timeout; cancels nothing, also where the waiting task is cancelled.
/// cyclic_await_error where it has no timeout and can't end, since one that it needs waits for this task.
/// std::invalid_argument for an empty range or a timeout that is negative; invalid_state_error for a future that
/// holds nothing, and where what it gave is awaited a second time. Costs linear time.
template <std::ranges::input_range Futures>
  requires waitable<std::ranges::range_value_t<Futures>>
[[nodiscard]] auto wait(Futures&& futures, const wait_options& options = {}) {
  using future_type = std::ranges::range_value_t<Futures>;
  std::vector<future_type> all;
  if constexpr (std::ranges::sized_range<Futures>) all.reserve(std::ranges::size(futures));
  for (const auto& f : futures) all.push_back(f);
  return detail::wait_awaiter<future_type>(std::move(all), options);
}

/// The same for tasks, in a temporary range (`wait(std::move(tasks))`), and for other awaitables: they are started at
/// the call, as ensure_future does it, and what comes out are their futures. For a mix see any_futures.
template <awaitable_range Awaitables>
  requires(!waitable<std::ranges::range_value_t<Awaitables>>)
[[nodiscard]] auto wait(Awaitables&& awaitables, const wait_options& options = {}) {
  detail::check_wait_options(options);  // before anything is started
  using future_type = detail::future_for_t<std::ranges::range_value_t<Awaitables>>;
  detail::starting starting(detail::size_if_known(awaitables));
  starting.add_all(std::forward<Awaitables>(awaitables));
  return detail::wait_awaiter<future_type>(detail::futures_of_states<future_type>(starting.take()), options);
}

}  // namespace plait::inline PLAIT_ABI
