// What co_await of something gives.
#pragma once

#include <plait/core/config.hpp>

#include <type_traits>
#include <utility>

namespace plait::inline PLAIT_ABI::detail {

template <class A> auto awaiting(A&& a) -> decltype(std::forward<A>(a).operator co_await().await_resume());
template <class A> auto awaiting(A&& a) -> decltype(operator co_await(std::forward<A>(a)).await_resume());
template <class A>
auto awaiting(A&& a) -> decltype(static_cast<bool>(a.await_ready()), std::forward<A>(a).await_resume());
/// What co_await of an A gives, as a value.
template <class A> using awaited_t = std::remove_cvref_t<decltype(awaiting(std::declval<A>()))>;

}  // namespace plait::inline PLAIT_ABI::detail
