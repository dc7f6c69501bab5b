// context_var<T>: a variable of which each task, call and callback has a value of its own.
#pragma once

#include <plait/core/context.hpp>
#include <plait/core/errors.hpp>

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace plait::inline PLAIT_ABI {

/// A context variable was asked for its value where none was set, and it has no default.
class PLAIT_API no_context_value_error : public invalid_state_error {
 public:
  using invalid_state_error::invalid_state_error;
  ~no_context_value_error() override;
};

/// What context_var::set gives: the way back to what was before. Move-only; good for one reset. Keeps the values of
/// that time alive.
class PLAIT_API context_token {
 public:
  context_token(context_token&&) noexcept = default;
  context_token& operator=(context_token&&) noexcept = default;
  ~context_token() = default;

 private:
  friend class context_variable;
  context_token() noexcept = default;

  detail::counted_pointer<detail::context_key> variable_;  // null once it was used
  detail::context_copy before_;
  detail::context_copy after_;
  std::uint64_t where_ = 0;  // the slot's id
};

/// What all context variables have, whatever they hold.
class PLAIT_API context_variable {
 public:
  context_variable(const context_variable&) = delete;
  context_variable& operator=(const context_variable&) = delete;

  [[nodiscard]] std::string_view name() const noexcept { return key_->name; }

  /// Takes back what the set() did that gave `token`: the variable has the value that it had before, or none.
  /// Throws invalid_state_error where the token was used before, is another variable's, or was made in another task,
  /// call, callback or thread.
  void reset(context_token& token) const;
  void reset(context_token&& token) const { reset(token); }

 protected:
  context_variable(std::string_view name, const detail::context_traveler* traveler);
  ~context_variable() = default;

  /// Null where nothing is set here.
  [[nodiscard]] const detail::context_value* find() const noexcept;
  context_token set_value(detail::counted_pointer<detail::context_value> value) const;
  /// As reset, in a destructor: nothing where it does not belong here.
  void put_back(context_token& token) const noexcept;
  [[noreturn]] void throw_no_value() const;
  [[nodiscard]] const detail::counted_pointer<detail::context_key>& key() const noexcept { return key_; }

 private:
  const char* why_not(const context_token& token) const noexcept;
  void reset_checked(context_token& token) const;

  const detail::counted_pointer<detail::context_key> key_;
};

/// A variable that follows the flow of a program instead of its threads, for what many functions need and none wants
/// as a parameter: the id of a request, who asked, a trace.
///
///     static const plait::context_var<std::string> request("request-id");
///
/// Who starts something hands on what is set at that moment: a task (create_task and all that builds on it), a call
/// (submit, run_in_executor, to_thread, map), a callback (call_soon and its kin, done callbacks, readers and writers,
/// signal handlers) begin with a copy of what their maker had, those that are called again and again each time; what
/// they set is not seen by him. A task that is awaited directly, `co_await child()`, shares the values of who awaits
/// it. A thread that does none of these has values of its own. Other processes see none of it: see
/// portable_context_var.
///
/// A value is copied or moved in once, then shared and never changed; it is destroyed where the last that could see
/// it ends, on that thread. So it must be fit to be read, and destroyed, on any thread.
/// Thread safety: all of it, from any thread. Blocks never. Setting allocates, looking does not.
/// A variable lives at namespace scope or as a static member. A coroutine that other libraries' code resumes has the
/// values of who resumes it, until it awaits something of plait's again; coroutines that are no plait task share what
/// their loop was made with.
template <class T> class context_var : public context_variable {
 public:
  static_assert(std::is_object_v<T> && !std::is_const_v<T>,
                "plait::context_var<T>: T is a plain type that can be stored");
  using value_type = T;
  class scoped_value;

  /// Without a default. The name is copied; it is what errors speak of.
  explicit context_var(std::string_view name) : context_variable(name, nullptr) {}
  /// With a value for where nothing is set.
  template <class D>
    requires std::constructible_from<T, D>
  context_var(std::string_view name, D&& default_value)
      : context_variable(name, nullptr), default_(std::forward<D>(default_value)) {}

  /// The value that is set here, or else the default. The reference is good until the variable is set or reset in
  /// the same task (call, callback, thread), or that ends: copy what is needed for longer.
  /// Throws no_context_value_error, which names the variable, where there is neither.
  [[nodiscard]] const T& get() const {
    if (const auto* const value = look()) return *value;
    throw_no_value();
  }
  /// The same, and `otherwise` where there is neither.
  template <class U>
    requires std::convertible_to<U&&, T>
  [[nodiscard]] T get_or(U&& otherwise) const {
    if (const auto* const value = look()) return *value;
    return static_cast<T>(std::forward<U>(otherwise));
  }

  /// From here on this task (call, callback, thread), and what it starts, sees `value`. The token takes it back, with
  /// reset(); it may be dropped. Throws what making a T throws; std::bad_alloc.
  template <class U = T>
    requires std::constructible_from<T, U>
  context_token set(U&& value) const {
    return set_value(
        detail::counted_pointer<detail::context_value>(new detail::typed_context_value<T>(std::forward<U>(value))));
  }

  /// The same until the guard goes: `const auto guard = request.scoped("4711");`. Where it goes elsewhere than it was
  /// made (a frame that is destroyed from outside of its task) it does nothing.
  template <class U = T>
    requires std::constructible_from<T, U>
  [[nodiscard]] scoped_value scoped(U&& value) const {
    return scoped_value(*this, set(std::forward<U>(value)));
  }

 protected:
  /// For portable_context_var.
  struct travels {
    const detail::context_traveler* how;
  };
  context_var(travels how, std::string_view name) : context_variable(name, how.how) {}
  template <class D>
  context_var(travels how, std::string_view name, D&& default_value)
      : context_variable(name, how.how), default_(std::forward<D>(default_value)) {}

 private:
  [[nodiscard]] const T* look() const noexcept {
    if (const auto* const set = this->find()) return &static_cast<const detail::typed_context_value<T>*>(set)->value;
    return default_ ? &*default_ : nullptr;
  }

  const std::optional<T> default_;
};

/// Resets its variable when it goes. Neither copied nor moved.
template <class T> class context_var<T>::scoped_value {
 public:
  scoped_value(const scoped_value&) = delete;
  scoped_value& operator=(const scoped_value&) = delete;
  ~scoped_value() { variable_.put_back(token_); }

 private:
  friend context_var;
  scoped_value(const context_var& variable, context_token token) noexcept
      : variable_(variable), token_(std::move(token)) {}

  const context_var& variable_;
  context_token token_;
};

}  // namespace plait::inline PLAIT_ABI
