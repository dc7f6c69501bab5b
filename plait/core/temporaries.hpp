// A warning at compile time for what GCC 12 does to some temporaries in a co_await expression (docs/gcc12.md):
//
//     co_await pool.submit([text] { … });       // text is a std::string: its memory is freed twice
//
//   submit(F&&, Args&&...)  ->  warn_about_temporaries<F, Args...>()  ->  a deprecated function for each suspect
//
// Suspect is an rvalue whose destructor is not trivial, and whose type is an aggregate, or that of a lambda which is
// written in a coroutine. Guarantees: never warned about are an lvalue, a lambda in a function that is no coroutine,
// one without captures or with trivially destructible ones, a class with constructors; other compilers see an empty
// function. Not given: it can't be seen from in here
//  - whether the call is awaited in the same expression (in another statement it is right);
//  - of an aggregate, whether it is written in a coroutine at all;
//  - whether an rvalue is a temporary (what GCC gets wrong) or std::move of a named object (which is right).
// One type is warned about once in a file. What stands around the call (?:, braces) is for scripts/gcc12_check.
//
// -DPLAIT_NO_TEMPORARY_WARNING switches it off for a file; plait::moved(object) for one argument, in place.
#pragma once

#include <plait/core/config.hpp>

#include <concepts>
#include <functional>
#include <type_traits>
#include <utility>

#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ < 13 && !defined(PLAIT_NO_TEMPORARY_WARNING)
#define PLAIT_WARNS_ABOUT_TEMPORARIES 1
#include <string_view>
#else
#define PLAIT_WARNS_ABOUT_TEMPORARIES 0
#endif

namespace plait::inline PLAIT_ABI {

/// A named object, moved into a call: `pool.submit(plait::moved(work), 3)` does what
/// `pool.submit(std::move(work), 3)` does, and draws no warning on GCC 12. It takes a named object only, since a
/// temporary is what the warning is about. It is called as the object would be, and converts to it as an argument of
/// a function that is not a template.
template <class T>
  requires(!std::is_const_v<T>)
class moved {
 public:
  explicit moved(T& named) noexcept(std::is_nothrow_move_constructible_v<T>) : value_(std::move(named)) {}
  explicit moved(const T&&) = delete;

  template <class... Args>
    requires std::invocable<T, Args...>
  decltype(auto) operator()(Args&&... args) && {
    return std::invoke(std::move(value_), std::forward<Args>(args)...);
  }
  template <class... Args>
    requires std::invocable<T&, Args...>
  decltype(auto) operator()(Args&&... args) & {
    return std::invoke(value_, std::forward<Args>(args)...);
  }

  // NOLINTNEXTLINE(google-explicit-constructor): standing for the object is what it is for.
  operator T() && noexcept(std::is_nothrow_move_constructible_v<T>) { return std::move(value_); }

 private:
  T value_;
};

template <class T> moved(T&) -> moved<T>;

}  // namespace plait::inline PLAIT_ABI

// GCC drops warnings that arise in system headers, and an installed plait is one. A line marker without the flag 3
// makes the rest of this file the user's. The pragma keeps -Wpedantic from talking about the marker.
#if PLAIT_WARNS_ABOUT_TEMPORARIES && __INCLUDE_LEVEL__ > 0
#pragma GCC system_header
# 73 __FILE__
#endif

namespace plait::inline PLAIT_ABI::detail {

#if PLAIT_WARNS_ABOUT_TEMPORARIES

/// Whether T is the type of a lambda that is written in a coroutine. GCC 12 has made the coroutine's body a function
/// of its frame by the time that templates are instantiated, and names what is in it so:
///   [with T = run(run(int)::_Z3runi.Frame*)::<lambda(std::vector<int>)>]
template <class T> consteval bool is_lambda_of_a_coroutine() {
  std::string_view name = __PRETTY_FUNCTION__;
  name.remove_suffix(1);
  constexpr std::string_view is_mutable = " mutable";
  if (name.ends_with(is_mutable)) name.remove_suffix(is_mutable.size());
  if (!name.ends_with('>')) return false;
  int depth = 0;
  for (auto at = name.size(); at-- > 0;) {
    if (name[at] == '>') ++depth;
    if (name[at] == '<' && --depth == 0)
      return name.substr(at).starts_with("<lambda(") && name.substr(0, at).ends_with(".Frame*)::");
  }
  return false;
}

template <class T>
concept destroyed_twice = !std::is_reference_v<T> && std::is_class_v<T> && !std::is_trivially_destructible_v<T> &&
                          (std::is_aggregate_v<T> || is_lambda_of_a_coroutine<T>());

template <class Temporary> constexpr void gcc_12_destroys_it_twice_in_a_co_await_expression() {}

template <destroyed_twice Temporary>
[[deprecated(
    "this temporary, an aggregate or a lambda with captures, is destroyed twice by GCC before 13 where the call "
    "stands in a co_await expression."
    " Write: 'auto work = [...] {...};' first, and give 'work' or 'plait::moved(work)'; "
    "or 'auto f = pool.submit(...);' and 'co_await f;' as two statements. Where it is right as it is, "
    "plait::moved(named) says so in place, PLAIT_NO_TEMPORARY_WARNING for a file. See plait's docs/gcc12.md")]]
constexpr void gcc_12_destroys_it_twice_in_a_co_await_expression() {}

template <class... Arguments> constexpr void warn_about_temporaries() noexcept {
  (gcc_12_destroys_it_twice_in_a_co_await_expression<Arguments>(), ...);
}

#else

template <class... Arguments> constexpr void warn_about_temporaries() noexcept {}

#endif

}  // namespace plait::inline PLAIT_ABI::detail
