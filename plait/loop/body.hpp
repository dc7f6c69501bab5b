// What with_task_group and with_timeout run: a function that gets their scope object, then its arguments.
#pragma once

#include <plait/loop/awaited.hpp>

#include <functional>
#include <type_traits>
#include <utility>

namespace plait::inline PLAIT_ABI::detail {

template <class A>
concept awaitable = requires { typename awaited_t<A>; };

/// The arguments live in the frame of who calls the body, until its scope is over. They are moved into parameters
/// taken by value, and else referred to; as lvalues where the body wants to change them.
template <class Body, class Scope, class... Args>
concept body_takes_moved = std::invocable<Body&, Scope&, Args...>;
template <class Body, class Scope, class... Args>
concept body_of = body_takes_moved<Body, Scope, Args...> || std::invocable<Body&, Scope&, Args&...>;

template <class Body, class Scope, class... Args>
  requires body_of<Body, Scope, Args...>
decltype(auto) call_body(Body& body, Scope& scope, Args&... args) {
  if constexpr (body_takes_moved<Body, Scope, Args...>)
    return std::invoke(body, scope, std::move(args)...);
  else
    return std::invoke(body, scope, args...);
}

template <class Body, class Scope, class... Args>
using called_body_t = decltype(call_body(std::declval<Body&>(), std::declval<Scope&>(), std::declval<Args&>()...));

template <class Called> struct result_of_called {
  using type = std::remove_cvref_t<Called>;
};
template <awaitable Called> struct result_of_called<Called> {
  using type = awaited_t<Called>;
};
/// What the body gives: what it returns where it is a plain function, what awaiting that gives where it is a
/// coroutine.
template <class Body, class Scope, class... Args>
using body_result_t = typename result_of_called<called_body_t<Body, Scope, Args...>>::type;

/// What co_await makes of it.
template <class A> decltype(auto) awaiter_of(A&& awaited) {
  if constexpr (requires { std::forward<A>(awaited).operator co_await(); })
    return std::forward<A>(awaited).operator co_await();
  else
    return std::forward<A>(awaited);
}

}  // namespace plait::inline PLAIT_ABI::detail
