// A value to bytes, and back in another process. With it comes what else a call needs to travel: callables
// (callable.hpp), and the sentences that refuse (require.hpp).
#pragma once

#include <plait/portable/archive.hpp>
#include <plait/portable/archive_types.hpp>
#include <plait/portable/bytes.hpp>
#include <plait/portable/callable.hpp>
#include <plait/portable/errors.hpp>
#include <plait/portable/inspect.hpp>
#include <plait/portable/require.hpp>

#include <type_traits>

namespace plait::inline PLAIT_ABI::detail {

/// What save and load throw of the user's comes through. Blocks by being copied: no archive is made.
template <class T> void encode(byte_writer& to, const T& value) {
  static_assert(portable<T>, "plait: this type can't travel to another process (see require_portable_call)");
  if constexpr (plain_block<T>) {
    to.put(value);
  } else if constexpr (array_of_blocks<T>) {
    put_blocks(to, value.data(), value.size());
  } else {
    output_archive archive(to);
    archive(value);
    archive.serializeDeferments();
  }
}

/// decode_error where the bytes are no T. `depth`: of what it is read inside of, see depth_here.
template <class T> [[nodiscard]] T decode(byte_reader& from, [[maybe_unused]] int depth = 0) {
  static_assert(portable<T>, "plait: this type can't travel to another process (see require_portable_call)");
  if constexpr (plain_block<T>) {
    return from.get<T>();
  } else {
    T value{};
    if constexpr (array_of_blocks<T>) {
      get_blocks(from, value);
    } else {
      try {
        input_archive archive(from, depth);
        archive(value);
        archive.serializeDeferments();
      } catch (const cereal::Exception& damaged) {
        throw_decode_error(damaged.what());
      }
    }
    return value;
  }
}

}  // namespace plait::inline PLAIT_ABI::detail
