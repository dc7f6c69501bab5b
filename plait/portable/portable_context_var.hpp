// A context variable whose value goes along with calls to other processes.
#pragma once

#include <plait/core/context_var.hpp>
#include <plait/portable/context.hpp>
#include <plait/portable/inspect.hpp>

#include <concepts>
#include <string_view>
#include <utility>

namespace plait::inline PLAIT_ABI {

/// A context_var that calls in worker processes see as well: with each call that is submitted while it is set, its
/// value is written down, and the call finds it set. What the call sets stays in its process.
///
///     static const plait::portable_context_var<std::string> request("request-id");
///
/// T must be fit to travel, as an argument of such a call. Processes know a variable by its name, so its name must be
/// no other portable variable's, and it must exist before main begins: at namespace scope or as a static member. A
/// default value does not travel; each process has it.
/// A value that can't be written, or that the worker can't read or has no variable for, fails that call: with
/// not_portable or decode_error, which name the variable.
template <class T> class portable_context_var final : public context_var<T> {
 public:
  static_assert(detail::portable<T>,
                "plait::portable_context_var<T>: a T can't travel to another process; use "
                "context_var<T> where the value need not be seen there");

  explicit portable_context_var(std::string_view name) : context_var<T>(how(), name) { announce(); }
  template <class D>
    requires std::constructible_from<T, D>
  portable_context_var(std::string_view name, D&& default_value)
      : context_var<T>(how(), name, std::forward<D>(default_value)) {
    announce();
  }
  ~portable_context_var() { detail::forget_portable(*this->key()); }

 private:
  [[nodiscard]] static typename context_var<T>::travels how() noexcept { return {&detail::context_traveler_of<T>}; }
  void announce() { detail::announce_portable(this->key()); }
};

}  // namespace plait::inline PLAIT_ABI
