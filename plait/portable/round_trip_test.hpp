// A value through bytes and back, for tests.
#pragma once

#include <plait/portable/codec.hpp>

#include <cstddef>
#include <exception>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include <gtest/gtest.h>

namespace portable_test {

/// In memory of exactly their size, so that AddressSanitizer sees what reads beyond them.
inline std::vector<std::byte> exactly(std::span<const std::byte> bytes) { return {bytes.begin(), bytes.end()}; }

template <class T> std::vector<std::byte> encoded(const T& value) {
  plait::detail::heap_storage memory;
  plait::detail::byte_writer to({}, memory);
  plait::detail::encode(to, value);
  return exactly(to.bytes());
}

template <class T> T decoded(const std::vector<std::byte>& bytes) {
  plait::detail::byte_reader from(bytes);
  T value = plait::detail::decode<T>(from);
  EXPECT_EQ(from.remaining(), 0U) << "bytes were left";
  return value;
}

/// Cut short anywhere it is a decode_error: never a value, as the last byte counts, and never worse.
template <class T> void expect_no_prefix_is_taken(const std::vector<std::byte>& whole) {
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const std::vector<std::byte> prefix(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    plait::detail::byte_reader from(prefix);
    EXPECT_THROW((void)plait::detail::decode<T>(from), plait::decode_error) << size << " of " << whole.size();
  }
}

/// Each byte turned into others: a value or an exception, never worse (the sanitizers look).
template <class T> void survive_any_damage(const std::vector<std::byte>& whole) {
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (const unsigned flip : {0x01U, 0x80U, 0xFFU}) {
      auto damaged = whole;
      damaged[at] ^= static_cast<std::byte>(flip);
      plait::detail::byte_reader from(damaged);
      try {
        (void)plait::detail::decode<T>(from);
      } catch (const std::exception&) {  // decode_error mostly; also std::invalid_argument of a bitset's text
      }
    }
  }
}

/// Which values an enum without a stated underlying type has can't be found out, so a damaged one is a wrong value.
template <class T>
concept any_bytes_are_no_harm = !std::is_enum_v<T> || requires { T{0}; };

template <class T> T round_trip(const T& value) {
  static_assert(plait::detail::portable<T>);
  const auto bytes = encoded(value);
  expect_no_prefix_is_taken<T>(bytes);
  if constexpr (any_bytes_are_no_harm<T>) survive_any_damage<T>(bytes);
  return decoded<T>(bytes);
}

}  // namespace portable_test
