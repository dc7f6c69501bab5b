// Says what keeps a call from leaving its process: to the compiler's user, or to the program's.
#pragma once

#include <plait/portable/callable.hpp>
#include <plait/portable/inspect.hpp>
#include <plait/portable/refusal.hpp>

#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace plait::inline PLAIT_ABI::detail {

/// R of a call may come back: void, or what may travel.
template <class R> consteval verdict verdict_of_result() {
  if constexpr (std::is_void_v<R>)
    return {};
  else
    return verdict_of<std::decay_t<R>>;
}

// These stand in the compiler's note below the sentence: their names and template arguments tell what is meant.
// Positions count from 1.
#define PLAIT_REFUSE_ARGUMENT(name, text) \
  static_assert(why != refusal::name, "plait: this argument can't travel to another process: " text);
template <int Position, class Type> struct argument_of_a_call_to_another_process {
  static constexpr refusal why = verdict_of<std::decay_t<Type>>.why;
  PLAIT_REFUSALS(PLAIT_REFUSE_ARGUMENT)
};
#undef PLAIT_REFUSE_ARGUMENT

#define PLAIT_REFUSE_RESULT(name, text)                                          \
  static_assert(why != refusal::name,                                            \
                "plait: the result of this call can't travel back from another " \
                "process: " text);
template <class Type> struct result_of_a_call_to_another_process {
  static constexpr refusal why = verdict_of_result<Type>().why;
  PLAIT_REFUSALS(PLAIT_REFUSE_RESULT)
};
#undef PLAIT_REFUSE_RESULT

#define PLAIT_REFUSE_CALLABLE(name, text) \
  static_assert(why != refusal::name, "plait: this can't be called in another process: " text);
template <class Type> struct callable_of_a_call_to_another_process {
  static constexpr refusal why = why_not_callable<Type>();
  PLAIT_REFUSALS(PLAIT_REFUSE_CALLABLE)
};
#undef PLAIT_REFUSE_CALLABLE

template <class F, class R, class... Args>
concept portable_call =
    why_not_callable<F>() == refusal::none && verdict_of_result<R>().why == refusal::none && (portable<Args> && ...);

/// Does not compile where the call can't leave the process: one sentence for each reason.
template <class F, class R, class... Args> constexpr void require_portable_call() {
  (void)sizeof(callable_of_a_call_to_another_process<F>);
  (void)sizeof(result_of_a_call_to_another_process<R>);
  [&]<int... Position>(std::integer_sequence<int, Position...>) {
    ((void)sizeof(argument_of_a_call_to_another_process<Position + 1, Args>), ...);
  }(std::make_integer_sequence<int, sizeof...(Args)>());
}

/// The same at run time: the first reason, for not_portable. Empty where there is none.
/// "plait: argument 2 (std::vector<int*>) of this call can't travel to another process: in it, int*: a raw pointer …"
template <class F, class R, class... Args> [[nodiscard]] std::string why_call_is_not_portable() {
  std::string text;
  const auto add = [&](const std::string& what, std::string_view type, const char* cannot, const verdict& found) {
    if (!text.empty() || found.why == refusal::none) return;
    text.append("plait: ").append(what).append(" (").append(type).append(")").append(cannot).append(": ");
    if (found.culprit != type) text.append("in it, ").append(found.culprit).append(": ");
    text.append(sentence(found.why));
  };
  add("the callable", type_name<std::decay_t<F>>(), " can't be called in another process",
      {.why = why_not_callable<F>(), .culprit = type_name<std::decay_t<F>>()});
  [[maybe_unused]] int position = 0;
  (add("argument " + std::to_string(++position), type_name<std::decay_t<Args>>(),
       " of this call can't travel to another process", verdict_of<std::decay_t<Args>>),
   ...);
  add("the result", type_name<std::decay_t<R>>(), " of this call can't travel back from another process",
      verdict_of_result<R>());
  return text;
}

}  // namespace plait::inline PLAIT_ABI::detail
