// Users' exceptions that arrive as what they are.
#pragma once

#include <plait/portable/codec.hpp>
#include <plait/portable/exceptions.hpp>

#include <concepts>
#include <exception>
#include <string>
#include <type_traits>
#include <typeinfo>
#include <utility>

namespace plait::inline PLAIT_ABI {

namespace detail {

/// How one type of exception is written and made again.
struct exception_codec {
  const std::type_info* type;
  /// `error` is a Type, or derived from it.
  void (*encode)(byte_writer& to, const std::exception_ptr& error);
  /// What was written, with `nested` in it as by std::throw_with_nested where that is not null.
  std::exception_ptr (*decode)(byte_reader& from, const std::exception_ptr& nested);
};

/// Kept for good; the first one for a type is used. Thread-safe.
PLAIT_API void register_exception_codec(const exception_codec& codec);

template <class E> [[nodiscard]] std::exception_ptr exception_with(E error, const std::exception_ptr& nested) {
  if (!nested) return std::make_exception_ptr(std::move(error));
  try {
    std::rethrow_exception(nested);
  } catch (...) {
    try {
      std::throw_with_nested(std::move(error));
    } catch (...) {
      return std::current_exception();
    }
  }
}

template <class E> struct codec_of_exception {
  static constexpr bool written_whole = portable<E>;

  static void encode(byte_writer& to, const std::exception_ptr& error) {
    try {
      std::rethrow_exception(error);
    } catch (const E& e) {
      if constexpr (written_whole)
        detail::encode(to, e);
      else
        detail::encode(to, std::string(e.what()));
    }
  }
  static std::exception_ptr decode(byte_reader& from, const std::exception_ptr& nested) {
    if constexpr (written_whole)
      return exception_with(detail::decode<E>(from, depth_here().values), nested);
    else
      return exception_with(E(detail::decode<std::string>(from)), nested);
  }
};

}  // namespace detail

/// From now on an E that a worker throws arrives as an E. E is either portable, as an argument is (a member template
/// serialize, a plain struct), or can be made from the std::string that its what() gave. Both processes must have
/// registered it: do it before main, with PLAIT_PORTABLE_EXCEPTION. Thread-safe.
template <class E> void register_exception() {
  static_assert(
      detail::portable<E> || (std::derived_from<E, std::exception> && std::constructible_from<E, std::string>),
      "plait: an exception travels by its member template serialize(Archive&) (then it also needs a default "
      "constructor), or by a constructor that takes the std::string which what() gave");
  detail::register_exception_codec(
      {&typeid(E), &detail::codec_of_exception<E>::encode, &detail::codec_of_exception<E>::decode});
}

}  // namespace plait::inline PLAIT_ABI

#define PLAIT_JOIN_AGAIN(a, b) a##b
#define PLAIT_JOIN(a, b) PLAIT_JOIN_AGAIN(a, b)
/// `PLAIT_PORTABLE_EXCEPTION(my_error);` at namespace scope: register_exception<my_error>() before main.
#define PLAIT_PORTABLE_EXCEPTION(...)                                                          \
  [[maybe_unused]] static const bool PLAIT_JOIN(plait_portable_exception_, __COUNTER__) = [] { \
    ::plait::register_exception<__VA_ARGS__>();                                                \
    return true;                                                                               \
  }()
