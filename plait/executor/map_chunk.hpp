// What travels as one call of executor::map: some items, and the function for each.
//
// An item fails alone, also where it can't be written or read: each has its length before it, and what is thrown
// while it is written goes in its place. Chunks of numbers can't fail: they are one block.
#pragma once

#include <plait/core/copyable.hpp>
#include <plait/executor/call.hpp>
#include <plait/executor/outcomes.hpp>
#include <plait/executor/travel.hpp>

#include <algorithm>
#include <cstring>
#include <functional>
#include <stop_token>
#include <tuple>
#include <utility>

namespace plait::inline PLAIT_ABI::detail {

/// The arguments of one item. One alone is kept as it is, so that those of a chunk lie side by side.
template <class... Arguments> struct map_item {
  using type = std::tuple<Arguments...>;
  template <class Each, class Item> static decltype(auto) apply(const Each& each, Item& item) {
    return std::apply(each, item);
  }
};
template <class Argument> struct map_item<Argument> {
  using type = Argument;
  template <class Each, class Item> static decltype(auto) apply(const Each& each, Item& item) { return each(item); }
};

/// What travels as one call.
template <class R, class F, class... Arguments> struct map_chunk {
  using item = map_item<Arguments...>;

  explicit map_chunk(F f) : function(std::move(f)) {}

  outcomes<R> operator()(std::stop_token stop) {
    outcomes<R> results;
    results.reserve(items.size());
    const auto run = [&](Arguments&... arguments) -> decltype(auto) {
      if constexpr (called_with_token<F, Arguments...>)
        return std::invoke(function, stop, std::move(arguments)...);
      else
        return std::invoke(function, std::move(arguments)...);
    };
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (items.cancelled(i) || stop.stop_requested()) {
        results.add_cancelled();
        continue;
      }
      try {
        if constexpr (std::is_void_v<R>)
          item::apply(run, items.value(i)), results.add_value();
        else
          results.add_value(stored<R>(item::apply(run, items.value(i))));
      } catch (const cancelled_error&) {
        results.add_cancelled();
      } catch (...) {  // or it has not arrived
        results.add_failure(caught_exception());
      }
    }
    return results;
  }

  F function;
  outcomes<typename item::type> items;
};

template <class R, class F, class... Arguments>
struct is_copyable<map_chunk<R, F, Arguments...>> : std::bool_constant<copyable<F> && (copyable<Arguments> && ...)> {
};

// ── in another process ──

template <class T>
concept written_as_block = std::is_arithmetic_v<T> && !std::is_same_v<T, bool>;

/// Many small values, all of them there, as one block.
template <written_as_block T> void write_all(byte_writer& to, const outcomes<T>& items) {
  static_assert(sizeof(typename outcomes<T>::place) == sizeof(T));
  if (items.size() != 0) to.write(items.values(), items.size() * sizeof(T));
}
template <written_as_block T> void read_all(byte_reader& from, std::uint64_t count, outcomes<T>& items) {
  if (count > from.remaining() / sizeof(T)) throw_decode_error("a length is more than what follows");
  const auto bytes = from.take(static_cast<std::size_t>(count) * sizeof(T));
  auto* const places = items.add_values(static_cast<std::size_t>(count));
  if (count != 0) std::memcpy(places, bytes.data(), bytes.size());
}

/// `write_value(value)` writes what it has, where it has a value.
template <class T, class Write>
void write_item(byte_writer& to, const outcomes<T>& items, std::size_t i, const Write& write_value) {
  const auto length_at = to.size();
  to.put(std::uint64_t{0});
  const auto begin = to.size();
  try {
    if (items.has_value(i)) {
      to.put(outcome_kind::value);
      write_value(items.value(i));
    } else if (items.cancelled(i)) {
      to.put(outcome_kind::cancelled);
    } else {
      to.put(outcome_kind::exception);
      encode_exception(to, items.exception(i));
    }
  } catch (const cancelled_error&) {
    to.rewind(begin);
    to.put(outcome_kind::cancelled);
  } catch (...) {
    to.rewind(begin);
    to.put(outcome_kind::exception);
    encode_exception(to, caught_exception());
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
        item.fail(caught_exception());
      }
      return item;
  }
  throw_decode_error("an item is of no known kind");
}
/// Of items that each take at least so much. For who allocates by it; it is not believed.
[[nodiscard]] inline std::size_t most_items(const byte_reader& from, std::uint64_t count) noexcept {
  return static_cast<std::size_t>(std::min<std::uint64_t>(count, from.remaining() / sizeof(std::uint64_t)));
}

template <class R> struct standard_type<outcomes<R>> : standard_sequence<stored<R>> {};

/// A chunk all of whose items succeeded, with numbers for results, is one block.
template <class R> struct result_codec<outcomes<R>> {
  static void encode(byte_writer& to, const outcomes<R>& results) {
    const bool plain = written_as_block<R> && results.all_values();
    to.put(plain);
    to.put(static_cast<std::uint64_t>(results.size()));
    if constexpr (written_as_block<R>)
      if (plain) return write_all(to, results);
    for (std::size_t i = 0; i < results.size(); ++i)
      write_item(to, results, i, [&](const auto& each) {
        if constexpr (!std::is_void_v<R>) detail::encode(to, each);
      });
  }
  [[nodiscard]] static outcomes<R> decode(byte_reader& from) {
    const auto plain = from.get<std::uint8_t>() != 0;
    const auto count = from.get<std::uint64_t>();
    outcomes<R> results;
    if constexpr (written_as_block<R>) {
      if (plain) {
        read_all(from, count, results);
        return results;
      }
    }
    results.reserve(most_items(from, count));
    for (std::uint64_t i = 0; i < count; ++i)
      results.add(read_item<R>(from, []([[maybe_unused]] byte_reader& mine) {
        if constexpr (std::is_void_v<R>)
          return std::monostate();
        else
          return detail::decode<R>(mine);
      }));
    return results;
  }
};

template <class R, class F, class... Arguments> struct callable_codec<map_chunk<R, F, Arguments...>> {
  using chunk = map_chunk<R, F, Arguments...>;
  using item = map_item<Arguments...>;
  static constexpr refusal why = portable_call<F, R, Arguments...> ? refusal::none : refusal::unknown;
  static constexpr bool is_block = sizeof...(Arguments) == 1 && (written_as_block<Arguments> && ...);

  static void encode(byte_writer& to, const chunk& whole) {
    callable_codec<F>::encode(to, whole.function);
    to.put(static_cast<std::uint64_t>(whole.items.size()));
    if constexpr (is_block) {
      write_all(to, whole.items);
    } else {
      for (std::size_t i = 0; i < whole.items.size(); ++i)
        write_item(to, whole.items, i, [&](const auto& values) {
          item::apply([&](const Arguments&... value) { (detail::encode(to, value), ...); }, values);
        });
    }
  }
  [[nodiscard]] static chunk decode(byte_reader& from) {
    chunk whole(callable_codec<F>::decode(from));
    const auto count = from.get<std::uint64_t>();
    if constexpr (is_block) {
      read_all(from, count, whole.items);
    } else {
      whole.items.reserve(most_items(from, count));
      for (std::uint64_t i = 0; i < count; ++i)
        whole.items.add(read_item<typename item::type>(from, [](byte_reader& mine) {
          if constexpr (sizeof...(Arguments) == 1)
            return detail::decode<Arguments...>(mine);
          else
            return std::tuple<Arguments...>{detail::decode<Arguments>(mine)...};  // in this order
        }));
    }
    return whole;
  }
};

template <class R, class F, class... Arguments>
struct call_as_written<map_chunk<R, F, Arguments...>> : call_as_written<F, Arguments...> {};

}  // namespace plait::inline PLAIT_ABI::detail
