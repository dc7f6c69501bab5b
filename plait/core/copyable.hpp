// Whether a value can be copied, as far down as containers hide it.
#pragma once

#include <plait/core/config.hpp>

#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

namespace plait::inline PLAIT_ABI::detail {

/// The standard's containers say that they can be copied whatever they hold: a std::vector<std::unique_ptr<T>> would
/// not compile where it is. This looks at what they hold.
template <class T> struct is_copyable : std::is_copy_constructible<T> {};

template <class T>
inline constexpr bool copyable = std::is_copy_constructible_v<T> && is_copyable<std::remove_cv_t<T>>::value;

template <class T>
  requires requires { typename T::value_type; } && (!std::is_same_v<typename T::value_type, T>)
struct is_copyable<T> : std::bool_constant<copyable<typename T::value_type>> {};
template <class A, class B> struct is_copyable<std::pair<A, B>> : std::bool_constant<copyable<A> && copyable<B>> {};
template <class... Ts> struct is_copyable<std::tuple<Ts...>> : std::bool_constant<(copyable<Ts> && ...)> {};
template <class... Ts> struct is_copyable<std::variant<Ts...>> : std::bool_constant<(copyable<Ts> && ...)> {};

}  // namespace plait::inline PLAIT_ABI::detail
