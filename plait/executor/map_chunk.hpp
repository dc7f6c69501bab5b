// What travels as one call of executor::map: some items, and the function for each.
#pragma once

#include <plait/core/outcome.hpp>
#include <plait/executor/call.hpp>
#include <plait/executor/travel.hpp>

#include <algorithm>
#include <array>
#include <cstring>
#include <functional>
#include <stop_token>
#include <tuple>
#include <utility>
#include <vector>

namespace plait::inline PLAIT_ABI::detail {

/// What travels as one call.
template <class R, class F, class... Items> struct map_chunk {
  explicit map_chunk(F f) : function(std::move(f)) {}

  std::vector<outcome<R>> operator()(std::stop_token stop) {
    std::vector<outcome<R>> results;
    results.reserve(items.size());
    for (auto& item : items) {
      results.emplace_back();  // cancelled, unless more is known
      if (stop.stop_requested()) continue;
      try {
        results.back() = std::apply(
            [&](Items&... arguments) {
              const auto run = [&]() -> decltype(auto) {
                if constexpr (called_with_token<F, Items...>)
                  return std::invoke(function, stop, std::move(arguments)...);
                else
                  return std::invoke(function, std::move(arguments)...);
              };
              if constexpr (std::is_void_v<R>)
                return run(), outcome<R>(std::monostate());
              else
                return outcome<R>(stored<R>(run()));
            },
            item);
      } catch (const cancelled_error&) {
      } catch (...) {
        results.back() = std::current_exception();
      }
    }
    return results;
  }

  F function;
  std::vector<std::tuple<Items...>> items;
};

template <class R> using chunk_outcomes = std::vector<outcome<R>>;

// ── in another process ──

/// Many small values as one block: written in pieces of this many.
template <class T, class Of> void write_all(byte_writer& to, std::size_t count, const Of& value_of) {
  std::array<T, 128> piece;
  for (std::size_t at = 0; at < count;) {
    const auto these = std::min(count - at, piece.size());
    for (std::size_t i = 0; i < these; ++i) piece[i] = value_of(at + i);
    to.write(piece.data(), these * sizeof(T));
    at += these;
  }
}
template <class T, class Take> void read_all(byte_reader& from, std::uint64_t count, const Take& take) {
  if (count > from.remaining() / sizeof(T)) throw_decode_error("a length is more than what follows");
  const auto* at = from.take(static_cast<std::size_t>(count) * sizeof(T)).data();
  for (std::uint64_t i = 0; i < count; ++i, at += sizeof(T)) {
    T value;
    std::memcpy(&value, at, sizeof(T));
    take(value);
  }
}

template <class T>
concept written_as_block = std::is_arithmetic_v<T> && !std::is_same_v<T, bool>;

/// A chunk all of whose items succeeded, with numbers for results, is one block.
template <class R> struct result_codec<std::vector<outcome<R>>> {
  using chunk = std::vector<outcome<R>>;
  static void encode(byte_writer& to, const chunk& results) {
    const bool plain = written_as_block<R> && std::ranges::all_of(results, &outcome<R>::has_value);
    to.put(plain);
    if constexpr (written_as_block<R>) {
      if (plain) {
        to.put(static_cast<std::uint64_t>(results.size()));
        return write_all<R>(to, results.size(), [&](std::size_t i) { return results[i].value(); });
      }
    }
    detail::encode(to, results);
  }
  [[nodiscard]] static chunk decode(byte_reader& from) {
    const auto plain = from.get<std::uint8_t>() != 0;
    if constexpr (written_as_block<R>) {
      if (plain) {
        const auto count = from.get<std::uint64_t>();
        chunk results;
        results.reserve(std::min<std::uint64_t>(count, from.remaining() / sizeof(R)));
        read_all<R>(from, count, [&](R value) { results.emplace_back(value); });
        return results;
      }
    }
    return detail::decode<chunk>(from);
  }
};

template <class R, class F, class... Items> struct callable_codec<map_chunk<R, F, Items...>> {
  using chunk = map_chunk<R, F, Items...>;
  static constexpr refusal why = portable_call<F, R, Items...> ? refusal::none : refusal::unknown;

  static void encode(byte_writer& to, const chunk& whole) {
    callable_codec<F>::encode(to, whole.function);
    to.put(static_cast<std::uint64_t>(whole.items.size()));
    if constexpr (sizeof...(Items) == 1 && (written_as_block<Items> && ...))
      return write_all<Items...>(to, whole.items.size(), [&](std::size_t i) { return std::get<0>(whole.items[i]); });
    for (const auto& item : whole.items)
      std::apply([&](const Items&... each) { (detail::encode(to, each), ...); }, item);
  }
  [[nodiscard]] static chunk decode(byte_reader& from) {
    chunk whole(callable_codec<F>::decode(from));
    const auto count = from.get<std::uint64_t>();
    whole.items.reserve(std::min<std::uint64_t>(count, from.remaining() + 1));
    if constexpr (sizeof...(Items) == 1 && (written_as_block<Items> && ...)) {
      read_all<Items...>(from, count, [&](auto value) { whole.items.emplace_back(value); });
      return whole;
    }
    for (std::uint64_t i = 0; i < count; ++i)
      whole.items.push_back(std::tuple<Items...>{detail::decode<Items>(from)...});
    return whole;
  }
};

template <class R, class F, class... Items>
struct call_as_written<map_chunk<R, F, Items...>> : call_as_written<F, Items...> {};

}  // namespace plait::inline PLAIT_ABI::detail
