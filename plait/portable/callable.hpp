// What may be called in another process, and how it is named there.
#pragma once

#include <plait/portable/bytes.hpp>
#include <plait/portable/code_address.hpp>
#include <plait/portable/errors.hpp>
#include <plait/portable/inspect.hpp>
#include <plait/portable/refusal.hpp>

#include <cstddef>
#include <functional>
#include <type_traits>

namespace plait::inline PLAIT_ABI::detail {

/// A function's address as it travels.
inline void encode_code(byte_writer& to, code_address address) {
  to.put(address.module);
  to.put(address.offset);
}
[[nodiscard]] inline code_address decode_code(byte_reader& from) {
  code_address address;
  address.module = from.get<std::uint32_t>();
  address.offset = from.get<std::uint64_t>();
  return address;
}

template <class F> consteval refusal why_not_stateless() {
  if constexpr (std::is_member_pointer_v<F>)
    return refusal::member_pointer;
  else if constexpr (!std::is_class_v<F>)
    return refusal::unknown;
  else if constexpr (standard_type<F>::why != refusal::none)
    return standard_type<F>::why;
  else if constexpr (!std::is_empty_v<F>)
    return refusal::capturing_lambda;
  else if constexpr (!std::is_default_constructible_v<F> && !std::is_trivially_copyable_v<F>)
    return refusal::not_default_constructible;
  else
    return refusal::none;
}

/// How a callable of the (decayed) type F travels. For one of another kind: specialise it with the first three.
/// Decoding a function takes the modules that were set for this thread (reading_modules).
template <class F> struct callable_codec {
  static constexpr refusal why = why_not_stateless<F>();

  static void encode(byte_writer& /*to*/, const F& /*callable*/) {}
  [[nodiscard]] static F decode(byte_reader& /*from*/) {
    if constexpr (std::is_default_constructible_v<F>) {
      return F();
    } else {
      struct nothing {};
      return __builtin_bit_cast(F, nothing());  // a class without a state has but one value
    }
  }

  /// Where both are there: so many bytes are written for one that is_plain, without a lock and without an exception.
  static constexpr std::size_t plain_size = 0;
  [[nodiscard]] static bool is_plain(const F& /*callable*/) noexcept { return true; }
};

template <class F>
  requires std::is_function_v<F>
struct callable_codec<F*> {
  static constexpr refusal why = refusal::none;

  static void encode(byte_writer& to, F* const& callable) {
    if (callable == nullptr) throw not_portable("plait: the function pointer that is to be called is null");
    encode_code(to, address_of_code(reinterpret_cast<const void*>(callable)));
  }
  [[nodiscard]] static F* decode(byte_reader& from) {
    return reinterpret_cast<F*>(const_cast<void*>(resolve_for_this_thread(decode_code(from))));
  }

  static constexpr std::size_t plain_size = sizeof(code_address::module) + sizeof(code_address::offset);
  [[nodiscard]] static bool is_plain(F* const& callable) noexcept {
    return is_code_of_program(reinterpret_cast<const void*>(callable));
  }
};

template <class F>
concept plain_callable = requires(const F& callable) {
  callable_codec<F>::plain_size;
  callable_codec<F>::is_plain(callable);
};

/// Never a hard error.
template <class F> consteval refusal why_not_callable() { return callable_codec<std::decay_t<F>>::why; }

template <class F>
concept portable_callable = why_not_callable<F>() == refusal::none;

}  // namespace plait::inline PLAIT_ABI::detail
