// A call that was made to be run somewhere else, later, perhaps more than once: a worker's initializer.
#pragma once

#include <plait/executor/travel.hpp>

#include <cstddef>
#include <type_traits>
#include <utility>
#include <vector>

namespace plait::inline PLAIT_ABI {

/// `f(args...)`, written down: `{.initializer = set_up}`, `{.initializer = {load_model, path, 3}}`. What can't travel
/// to another process is refused when it compiles. Copyable. What it returns is thrown away.
class portable_call {
 public:
  /// Nothing to be called.
  portable_call() noexcept = default;
  portable_call(std::nullptr_t) noexcept {}
  /// Throws what encoding the arguments throws.
  template <class F, class... Args>
    requires(!std::is_same_v<std::decay_t<F>, portable_call>) && callable_with<F, Args...>
  portable_call(F&& f, Args&&... args) {
    using R = call_result<F, Args...>;
    detail::require_portable_call<std::decay_t<F>, R, std::decay_t<Args>...>();
    if constexpr (detail::portable_call<std::decay_t<F>, R, std::decay_t<Args>...>)  // else enough has been said
      write<std::decay_t<F>, std::decay_t<Args>...>(std::forward<F>(f), std::forward<Args>(args)...);
  }

  [[nodiscard]] explicit operator bool() const noexcept { return thunk_ != nullptr; }

  /// For executors: what runs it, and its callable and arguments.
  [[nodiscard]] const void* thunk() const noexcept { return thunk_; }
  [[nodiscard]] const std::vector<std::byte>& bytes() const noexcept { return bytes_; }
  [[nodiscard]] const detail::freight& beside() const noexcept { return beside_; }

 private:
  template <class F, class... Args> void write(const F& f, const Args&... args) {
    thunk_ = reinterpret_cast<const void*>(static_cast<detail::arrival>(&detail::run_arrived<F, Args...>));
    detail::heap_storage memory(&beside_);
    detail::byte_writer to({}, memory);
    detail::callable_codec<F>::encode(to, f);
    (detail::encode(to, args), ...);
    bytes_.assign(to.bytes().begin(), to.bytes().end());
  }

  const void* thunk_ = nullptr;
  std::vector<std::byte> bytes_;
  detail::freight beside_;  // what goes with them
};

}  // namespace plait::inline PLAIT_ABI
