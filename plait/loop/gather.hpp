// gather: the results of several at once.
//
//    gather(a, b, c) ──► ensure_future each ──► a gather_state stands in each one's list of waiters
//                                                    │ completing threads: count down; keep the first failure
//                                                    ▼ the last (or the first failure)
//    co_await, result(), done callbacks ◄── the gather's own future: std::tuple or std::vector of what they gave
//
// Guarantees
// - What is given is started at the call, not where the gather is awaited.
// - The gather lives until all that it waits for is done, also where no handle to it is left.
// - Cancelling it cancels what it waits for, and it is over when that is: what was asked to stop is waited for, what
//   can't be stopped (cancel_outcome::abandoned) is not.
// - It costs linear time, a few allocations whatever the number, and no stack that grows with its depth (relay.hpp).
#pragma once

#include <plait/core/future.hpp>
#include <plait/core/state.hpp>
#include <plait/loop/ensure_future.hpp>
#include <plait/loop/gathering.hpp>
#include <plait/loop/settled.hpp>

#include <cstddef>
#include <memory>
#include <ranges>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace plait::inline PLAIT_ABI {

namespace detail {

/// The value of a child, moved where its handle is the last; an outcome where failures are results.
template <class T> [[nodiscard]] stored<T> take_gathered(std::type_identity<T>, const state_handle& child) {
  if constexpr (std::is_void_v<T>) {
    child->rethrow();
    return {};
  } else {
    return take_result<T>(*child.get());
  }
}
template <class T> [[nodiscard]] outcome<T> take_gathered(std::type_identity<outcome<T>>, const state_handle& child) {
  return outcome_of_state<T>(*child.get());
}

template <class... Ts> class tuple_gather final : public with_result<std::tuple<stored<Ts>...>, gather_state> {
 public:
  using with_result<std::tuple<stored<Ts>...>, gather_state>::with_result;

 private:
  void assemble() override { assemble(std::index_sequence_for<Ts...>()); }
  template <std::size_t... I> void assemble(std::index_sequence<I...>) {
    // In braces they are taken from the first to the last.
    this->value_.emplace(std::tuple<stored<Ts>...>{take_gathered(std::type_identity<Ts>(), this->take_child(I))...});
  }
};

template <class T> class vector_gather final : public with_result<std::vector<stored<T>>, gather_state> {
 public:
  using with_result<std::vector<stored<T>>, gather_state>::with_result;

 private:
  void assemble() override {
    auto& results = this->value_.emplace();
    results.reserve(this->size());
    for (std::size_t i = 0; i < this->size(); ++i)
      results.push_back(take_gathered(std::type_identity<T>(), this->take_child(i)));
  }
};

/// Takes only `true`, when it is compiled: the type of what comes out depends on it.
class always_true {
 public:
  consteval always_true(bool value) {
    if (!value) throw "without return_exceptions, leave the options of gather out";
  }
};

template <class Result, class State> [[nodiscard]] gathering<Result> start_gather(starting& children, bool keeps_on) {
  auto* const state = new State(children.take(), keeps_on);
  state_handle handle(state);
  state->start();
  return gathering_access::make<Result>(std::move(handle));
}

}  // namespace detail

/// Written in braces at the call: `gather({.return_exceptions = true}, a, b)`.
struct gather_options {
  /// What fails or is cancelled is a result as well: each is an outcome<T>. `false` does not compile: leave the
  /// options out.
  detail::always_true return_exceptions = true;
};

/// All of them at once; their results in the order of the arguments, as a tuple: `auto [a, b] = co_await
/// plait::gather(first(), pool.submit(f))`. Each may be a task (it is started, now), a task_handle, a future of any
/// executor, another gather, any awaitable; `void` and any_future give a std::monostate. A result is moved out where
/// the gather has the only handle to it, and copied otherwise; one that can only be moved is then
/// invalid_state_error. The same one may be given twice. Nothing gives an empty tuple.
///
/// The first that fails ends the gather at once: it throws that exception, and the others run on; how they end is
/// nobody's concern then. One that is cancelled (by itself) counts as failed, with cancelled_error.
/// Cancellation of the gather, or of a task that awaits it: all are cancelled, and when those that could be have
/// ended, in whatever way, it ends with cancelled_error. Throws what ensure_future throws; then nothing was started.
/// Thread safety: off a loop it can be called on any thread, where nothing has to be started. Where the last is
/// completed by another thread, values are moved or copied there. Does not block.
template <awaitable... Xs> [[nodiscard]] auto gather(Xs&&... xs) {
  detail::starting children(sizeof...(xs));
  (children.add(std::forward<Xs>(xs)), ...);
  using result = std::tuple<detail::stored<detail::value_for<Xs>>...>;
  return detail::start_gather<result, detail::tuple_gather<detail::value_for<Xs>...>>(children, false);
}
/// The same, and what fails is a result: each is an outcome<T>. Throws nothing that they throw.
template <awaitable... Xs> [[nodiscard]] auto gather(const gather_options&, Xs&&... xs) {
  detail::starting children(sizeof...(xs));
  (children.add(std::forward<Xs>(xs)), ...);
  using result = std::tuple<outcome<detail::value_for<Xs>>...>;
  return detail::start_gather<result, detail::tuple_gather<outcome<detail::value_for<Xs>>...>>(children, true);
}

/// The same for a range: a std::vector of the results; of std::monostate where they are void. An empty range gives an
/// empty vector. Tasks come in a temporary: `gather(std::move(tasks))`.
template <awaitable_range Range> [[nodiscard]] auto gather(Range&& range) {
  using value = detail::value_for<std::ranges::range_value_t<Range>>;
  detail::starting children(detail::size_if_known(range));
  children.add_all(std::forward<Range>(range));
  return detail::start_gather<std::vector<detail::stored<value>>, detail::vector_gather<value>>(children, false);
}
template <awaitable_range Range> [[nodiscard]] auto gather(const gather_options&, Range&& range) {
  using value = outcome<detail::value_for<std::ranges::range_value_t<Range>>>;
  detail::starting children(detail::size_if_known(range));
  children.add_all(std::forward<Range>(range));
  return detail::start_gather<std::vector<value>, detail::vector_gather<value>>(children, true);
}

}  // namespace plait::inline PLAIT_ABI
