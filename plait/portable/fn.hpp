// A function named by type.
#pragma once

#include <plait/core/config.hpp>

#include <functional>
#include <type_traits>
#include <utility>

namespace plait::inline PLAIT_ABI {

namespace detail {

template <auto F> struct named_function {
  template <class... Args>
    requires std::is_invocable_v<decltype(F), Args...>
  constexpr decltype(auto) operator()(Args&&... args) const
      noexcept(std::is_nothrow_invocable_v<decltype(F), Args...>) {
    return std::invoke(F, std::forward<Args>(args)...);
  }
};

}  // namespace detail

/// `plait::fn<blocks>` is called as `blocks` is, but which function it is stands in its type: it has no state, so it
/// goes to another process without an address. `pool.submit(plait::fn<blocks>, 3)`.
template <auto F> inline constexpr detail::named_function<F> fn{};

}  // namespace plait::inline PLAIT_ABI
