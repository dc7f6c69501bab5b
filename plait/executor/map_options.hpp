// How map goes about it.
#pragma once

#include <plait/core/sync.hpp>

#include <cstddef>
#include <optional>

namespace plait::inline PLAIT_ABI {

/// Written in braces at the call: `pool.map({.buffer_size = 64}, f, endless)`. Trivially destructible.
struct map_options {
  /// From map() on; a result that is not there by then is timeout_error.
  std::optional<nanoseconds> timeout = std::nullopt;
  /// How many items travel as one call. More cost less each, and wait for each other.
  std::size_t chunk_size = 1;
  /// How many items are on their way at a time (whole chunks, at least one). Nothing: all of them, at once.
  std::optional<std::size_t> buffer_size = std::nullopt;
};

}  // namespace plait::inline PLAIT_ABI
