// What context variables hold, on its way to another process.
#pragma once

#include <plait/core/context.hpp>
#include <plait/portable/bytes.hpp>
#include <plait/portable/codec.hpp>

namespace plait::inline PLAIT_ABI::detail {

/// How the values of one variable travel.
class PLAIT_API context_traveler {
 public:
  /// Throws what the user's type throws.
  virtual void encode(byte_writer& to, const context_value& value) const = 0;
  /// Throws decode_error, and what the user's type throws.
  [[nodiscard]] virtual counted_pointer<context_value> decode(byte_reader& from) const = 0;

 protected:
  constexpr context_traveler() noexcept = default;
  ~context_traveler() = default;
};

template <class T> class typed_context_traveler final : public context_traveler {
 public:
  void encode(byte_writer& to, const context_value& value) const override {
    detail::encode(to, static_cast<const typed_context_value<T>&>(value).value);
  }
  [[nodiscard]] counted_pointer<context_value> decode(byte_reader& from) const override {
    return counted_pointer<context_value>(new typed_context_value<T>(detail::decode<T>(from)));
  }
};
template <class T> inline constexpr typed_context_traveler<T> context_traveler_of{};

/// From now on this process knows the variable by its name, until it is forgotten. Thread-safe.
PLAIT_API void announce_portable(const counted_pointer<context_key>& variable);
PLAIT_API void forget_portable(const context_key& variable) noexcept;

/// Writes the values of those variables that are portable; false, and nothing, where there are none. Throws
/// not_portable, which names the variable, where a value can't be written, or another variable has its name.
[[nodiscard]] PLAIT_API bool encode_context(byte_writer& to, const context_copy& from);
/// decode_error, which names the variable, where it is not known here or its value can't be read.
[[nodiscard]] PLAIT_API context_copy decode_context(byte_reader& from);

}  // namespace plait::inline PLAIT_ABI::detail
