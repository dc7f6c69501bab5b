// What travels as one call of executor::map: some items, and the function for each.
//
// An item fails alone, also where it can't be written or read: each has its length before it, and what is thrown
// while it is written goes in its place. Chunks of numbers can't fail: they are one block.
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
      if (item.cancelled() || stop.stop_requested()) continue;
      if (!item) {  // it has not arrived
        results.back().fail(std::move(item).exception());
        continue;
      }
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
            item.value());
      } catch (const cancelled_error&) {
      } catch (...) {
        results.back() = std::current_exception();
      }
    }
    return results;
  }

  F function;
  std::vector<outcome<std::tuple<Items...>>> items;
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

/// `write_value(value)` writes what it has, where it has a value.
template <class T, class Write> void write_item(byte_writer& to, const outcome<T>& item, const Write& write_value) {
  const auto length_at = to.size();
  to.put(std::uint64_t{0});
  const auto begin = to.size();
  try {
    to.put(item ? outcome_kind::value : item.cancelled() ? outcome_kind::cancelled : outcome_kind::exception);
    if constexpr (!std::is_void_v<T>)
      if (item) write_value(item.value());
    if (!item && !item.cancelled()) encode_exception(to, item.exception());
  } catch (const cancelled_error&) {
    to.rewind(begin);
    to.put(outcome_kind::cancelled);
  } catch (...) {
    to.rewind(begin);
    to.put(outcome_kind::exception);
    encode_exception(to, std::current_exception());
  }
  to.put_again(length_at, static_cast<std::uint64_t>(to.size() - begin));
}
/// `read_value(reader)` gives a T. decode_error where it is not even known what the item is.
template <class T, class Read> [[nodiscard]] outcome<T> read_item(byte_reader& all, const Read& read_value) {
  byte_reader from(all.take(all.get<std::uint64_t>()), all.beside());
  outcome<T> item;
  switch (from.get<outcome_kind>()) {
    case outcome_kind::cancelled:
      return item;
    case outcome_kind::exception:
      item.fail(decode_thrown(from).error);
      return item;
    case outcome_kind::value:
      try {
        item.emplace(read_value(from));
      } catch (const cancelled_error&) {
        item = outcome<T>();
      } catch (...) {
        item.fail(std::current_exception());
      }
      return item;
  }
  throw_decode_error("an item is of no known kind");
}
/// Of items that each take at least so much. For who allocates by it; it is not believed.
[[nodiscard]] inline std::size_t most_items(const byte_reader& from, std::uint64_t count) noexcept {
  return static_cast<std::size_t>(std::min<std::uint64_t>(count, from.remaining() / sizeof(std::uint64_t)));
}

/// A chunk all of whose items succeeded, with numbers for results, is one block.
template <class R> struct result_codec<std::vector<outcome<R>>> {
  using chunk = std::vector<outcome<R>>;
  static void encode(byte_writer& to, const chunk& results) {
    const bool plain = written_as_block<R> && std::ranges::all_of(results, &outcome<R>::has_value);
    to.put(plain);
    to.put(static_cast<std::uint64_t>(results.size()));
    if constexpr (written_as_block<R>)
      if (plain) return write_all<R>(to, results.size(), [&](std::size_t i) { return results[i].value(); });
    for (const auto& result : results) write_item(to, result, [&](const auto& each) { detail::encode(to, each); });
  }
  [[nodiscard]] static chunk decode(byte_reader& from) {
    const auto plain = from.get<std::uint8_t>() != 0;
    const auto count = from.get<std::uint64_t>();
    chunk results;
    if constexpr (written_as_block<R>) {
      if (plain) {
        results.reserve(std::min<std::uint64_t>(count, from.remaining() / sizeof(R)));
        read_all<R>(from, count, [&](R each) { results.emplace_back(each); });
        return results;
      }
    }
    results.reserve(most_items(from, count));
    for (std::uint64_t i = 0; i < count; ++i)
      results.push_back(read_item<R>(from, []([[maybe_unused]] byte_reader& mine) {
        if constexpr (std::is_void_v<R>)
          return std::monostate();
        else
          return detail::decode<R>(mine);
      }));
    return results;
  }
};

template <class R, class F, class... Items> struct callable_codec<map_chunk<R, F, Items...>> {
  using chunk = map_chunk<R, F, Items...>;
  using item = std::tuple<Items...>;
  static constexpr refusal why = portable_call<F, R, Items...> ? refusal::none : refusal::unknown;
  static constexpr bool is_block = sizeof...(Items) == 1 && (written_as_block<Items> && ...);

  static void encode(byte_writer& to, const chunk& whole) {
    callable_codec<F>::encode(to, whole.function);
    to.put(static_cast<std::uint64_t>(whole.items.size()));
    if constexpr (is_block) {
      write_all<Items...>(to, whole.items.size(), [&](std::size_t i) { return std::get<0>(whole.items[i].value()); });
    } else {
      for (const auto& each : whole.items)
        write_item(to, each, [&](const item& values) {
          std::apply([&](const Items&... value) { (detail::encode(to, value), ...); }, values);
        });
    }
  }
  [[nodiscard]] static chunk decode(byte_reader& from) {
    chunk whole(callable_codec<F>::decode(from));
    const auto count = from.get<std::uint64_t>();
    if constexpr (is_block) {
      whole.items.reserve(std::min<std::uint64_t>(count, from.remaining()));
      read_all<Items...>(from, count, [&](auto value) { whole.items.emplace_back(item(value)); });
    } else {
      whole.items.reserve(most_items(from, count));
      for (std::uint64_t i = 0; i < count; ++i)
        whole.items.push_back(read_item<item>(from, [](byte_reader& mine) {
          return item{detail::decode<Items>(mine)...};  // in this order
        }));
    }
    return whole;
  }
};

template <class R, class F, class... Items>
struct call_as_written<map_chunk<R, F, Items...>> : call_as_written<F, Items...> {};

}  // namespace plait::inline PLAIT_ABI::detail
