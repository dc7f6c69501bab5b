// How something ended: with a value, with an exception, or cancelled.
#pragma once

#include <plait/core/errors.hpp>

#include <concepts>
#include <exception>
#include <utility>
#include <variant>

namespace plait::inline PLAIT_ABI {

/// How something ended, as a value that can be looked at without a throw. `outcome<void>` has no value to give.
/// Thread safety: distinct objects are independent; a shared one needs a lock where somebody changes it.
template <class T> class [[nodiscard]] outcome {
 public:
  using value_type = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

  /// Cancelled.
  outcome() noexcept = default;
  outcome(value_type value)
    requires(!std::same_as<value_type, std::exception_ptr>)
      : held_(std::in_place_index<1>, std::move(value)) {}
  outcome(std::exception_ptr error) noexcept : held_(std::in_place_index<2>, std::move(error)) {}

  /// A value instead of what it holds, made in place.
  template <class... Args>
    requires std::constructible_from<value_type, Args...>
  value_type& emplace(Args&&... args) {
    return held_.template emplace<1>(std::forward<Args>(args)...);
  }

  /// An exception instead of what it holds.
  void fail(std::exception_ptr error) noexcept { held_.template emplace<2>(std::move(error)); }

  [[nodiscard]] bool has_value() const noexcept { return held_.index() == 1; }
  [[nodiscard]] bool cancelled() const noexcept { return held_.index() == 0; }
  explicit operator bool() const noexcept { return has_value(); }

  /// The exception; null where there is none.
  [[nodiscard]] std::exception_ptr exception() const& noexcept {
    return held_.index() == 2 ? *std::get_if<2>(&held_) : nullptr;
  }
  [[nodiscard]] std::exception_ptr exception() && noexcept {
    return held_.index() == 2 ? std::move(*std::get_if<2>(&held_)) : nullptr;
  }

  /// The value, by reference. Throws the exception it ended with, or cancelled_error.
  decltype(auto) value() & { return get(*this); }
  decltype(auto) value() const& { return get(*this); }
  /// The same, moved out.
  T value() && {
    rethrow();
    if constexpr (!std::is_void_v<T>) return std::move(*std::get_if<1>(&held_));
  }

 private:
  template <class Self> static decltype(auto) get(Self& self) {
    self.rethrow();
    if constexpr (!std::is_void_v<T>) return (*std::get_if<1>(&self.held_));
  }
  void rethrow() const {
    if (held_.index() == 2) std::rethrow_exception(*std::get_if<2>(&held_));
    if (held_.index() == 0) throw cancelled_error();
  }

  std::variant<std::monostate, value_type, std::exception_ptr> held_;
};

}  // namespace plait::inline PLAIT_ABI
