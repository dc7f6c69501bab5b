// How the archives write the types that cereal does not know, or could do faster, or trusts too much.
#pragma once

#include <plait/core/outcome.hpp>
#include <plait/portable/archive.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <cereal/types/array.hpp>
#include <cereal/types/bitset.hpp>
#include <cereal/types/chrono.hpp>
#include <cereal/types/common.hpp>
#include <cereal/types/complex.hpp>
#include <cereal/types/deque.hpp>
#include <cereal/types/forward_list.hpp>
#include <cereal/types/list.hpp>
#include <cereal/types/map.hpp>
#include <cereal/types/optional.hpp>
#include <cereal/types/queue.hpp>
#include <cereal/types/set.hpp>
#include <cereal/types/stack.hpp>
#include <cereal/types/string.hpp>
#include <cereal/types/tuple.hpp>
#include <cereal/types/unordered_map.hpp>
#include <cereal/types/unordered_set.hpp>
#include <cereal/types/utility.hpp>
#include <cereal/types/valarray.hpp>
#include <cereal/types/variant.hpp>
#include <cereal/types/vector.hpp>

namespace plait::inline PLAIT_ABI::detail {

// --- Blocks in a row
// -------------------------------------------------------------------------------------------------

template <class T> inline constexpr bool array_of_blocks = false;
template <class T, class A>
inline constexpr bool array_of_blocks<std::vector<T, A>> = plain_block<T> && !std::is_const_v<T>;
template <class C, class R, class A> inline constexpr bool array_of_blocks<std::basic_string<C, R, A>> = true;

/// Length, then the bytes, after as many others as bring them to where T may lie: rings and blocks are mapped at
/// pages' borders in both processes, so there they can be copied from without a second pass.
template <class T> void put_blocks(byte_writer& to, const T* data, std::size_t size) {
  to.put(static_cast<std::uint64_t>(size));
  if constexpr (alignof(T) > 1) to.put_padding(alignof(T));
  to.write(data, size * sizeof(T));
}

template <class Array> void get_blocks(byte_reader& from, Array& array) {
  using T = typename Array::value_type;
  const auto length = from.get<std::uint64_t>();
  if constexpr (alignof(T) > 1) from.skip_padding();
  if (length > from.remaining() / sizeof(T)) throw_decode_error("a length is more than what follows");
  const auto size = static_cast<std::size_t>(length);
  const std::byte* const data = from.take(size * sizeof(T)).data();
  if (size >= worth_large_pages / sizeof(T)) [[unlikely]] {
    array.clear();
    array.reserve(size);
    ask_for_large_pages(array.data(), size * sizeof(T));
  }
  if (reinterpret_cast<std::uintptr_t>(data) % alignof(T) == 0) {
    const T* const first = reinterpret_cast<const T*>(data);
    array.assign(first, first + size);  // fresh memory is written once, not cleared first
  } else {
    array.resize(size);
    if (size != 0) std::memcpy(array.data(), data, size * sizeof(T));
  }
}

template <class T, class A>
  requires array_of_blocks<std::vector<T, A>>
void save(output_archive& archive, const std::vector<T, A>& value) {
  put_blocks(archive.to, value.data(), value.size());
}
template <class T, class A>
  requires array_of_blocks<std::vector<T, A>>
void load(input_archive& archive, std::vector<T, A>& value) {
  get_blocks(archive.from, value);
}
template <class C, class R, class A> void save(output_archive& archive, const std::basic_string<C, R, A>& value) {
  put_blocks(archive.to, value.data(), value.size());
}
template <class C, class R, class A> void load(input_archive& archive, std::basic_string<C, R, A>& value) {
  get_blocks(archive.from, value);
}
template <class T> void save(output_archive& archive, const std::valarray<T>& value) {
  archive(cereal::make_size_tag(static_cast<cereal::size_type>(value.size())));
  for (const auto& element : value) archive(element);
}
template <class T> void load(input_archive& archive, std::valarray<T>& value) {
  value.resize(archive.get_length(archive.least_of_element));
  for (auto& element : value) archive(element);
}

// Eight bits a byte; cereal reads a text, and says std::invalid_argument of a wrong one.
template <std::size_t N> void save(output_archive& archive, const std::bitset<N>& value) {
  for (std::size_t at = 0; at == 0 || at < N; at += 8) {
    std::uint8_t byte = 0;
    for (std::size_t bit = at; bit < N && bit < at + 8; ++bit)
      byte = static_cast<std::uint8_t>(byte | unsigned{value[bit]} << (bit - at));
    archive.to.put(byte);
  }
}
template <std::size_t N> void load(input_archive& archive, std::bitset<N>& value) {
  for (std::size_t at = 0; at == 0 || at < N; at += 8) {
    unsigned byte = archive.from.get<std::uint8_t>();
    for (std::size_t bit = at; bit < N && bit < at + 8; ++bit, byte >>= 1) value[bit] = (byte & 1) != 0;
    if (byte != 0) throw_decode_error("a bitset has more bits than it may have");
  }
}

// cereal turns round the order of equal keys.
template <class T, class C, class A> void load(input_archive& archive, std::multiset<T, C, A>& value) {
  value.clear();
  for (auto left = archive.get_length(archive.least_of_element); left != 0; --left) {
    T element{};
    archive(element);
    value.emplace_hint(value.end(), std::move(element));
  }
}
template <class K, class V, class C, class A> void load(input_archive& archive, std::multimap<K, V, C, A>& value) {
  value.clear();
  for (auto left = archive.get_length(archive.least_of_element); left != 0; --left) {
    K key{};
    V mapped{};
    archive(cereal::make_map_item(key, mapped));
    value.emplace_hint(value.end(), std::move(key), std::move(mapped));
  }
}

// --- Plain aggregates
// ------------------------------------------------------------------------------------------------

template <class T> consteval bool find_walked() {
  if constexpr (!std::is_class_v<T> || is_cereals_own<T> || standard_type<T>::known)
    return false;
  else if constexpr (std::is_empty_v<T> || !std::is_aggregate_v<T>)
    return false;
  else
    return find_user_functions<T>() == user_functions::none && fields<T>.why == fields_refusal::none;
}
template <class T>
concept walked = find_walked<T>();

template <own_archive A, class T> void write_or_read(A& archive, T& value) {
  if constexpr (plain_block<T>) {
    if constexpr (std::same_as<A, output_archive>)
      archive.to.put(value);
    else
      archive.from.read(std::addressof(value), sizeof(value));
  } else if constexpr (std::is_array_v<T>) {
    for (auto& element : value) write_or_read(archive, element);
  } else if constexpr (walked<T>) {
    for_each_field(value, [&](auto& field) { write_or_read(archive, field); });
  } else {
    archive(value);
  }
}

template <own_archive A, walked T> void serialize(A& archive, T& value) { write_or_read(archive, value); }

// --- Smart pointers
// --------------------------------------------------------------------------------------------------

template <class T> void save(output_archive& archive, const std::unique_ptr<T>& value) {
  archive(value != nullptr);
  if (value) archive(std::as_const(*value));
}
template <class T> void load(input_archive& archive, std::unique_ptr<T>& value) {
  bool there = false;
  archive(there);
  value.reset();
  if (!there) return;
  auto made = std::make_unique<std::remove_cv_t<T>>();
  archive(*made);
  value = std::move(made);
}

// An object is written where it is met first, and later is a number. Null is 0.
inline constexpr std::uint32_t first_time = 0x8000'0000U;

template <class T> void save(output_archive& archive, const std::shared_ptr<T>& value) {
  const std::uint32_t id = archive.registerSharedPointer(value);
  archive.to.put(id);
  if ((id & first_time) != 0) archive(std::as_const(*value));
}
template <class T> void load(input_archive& archive, std::shared_ptr<T>& value) {
  using object = std::remove_cv_t<T>;
  const auto id = archive.from.get<std::uint32_t>();
  if (id == 0) {
    value.reset();
  } else if ((id & first_time) == 0) {
    value = std::static_pointer_cast<object>(archive.find_shared(id, typeid(object)));
  } else {
    auto made = std::make_shared<object>();
    archive.add_shared(id & ~first_time, made, typeid(object));  // first: it may point to itself
    archive(*made);
    value = std::move(made);
  }
}
template <class T> void save(output_archive& archive, const std::weak_ptr<T>& value) { save(archive, value.lock()); }
template <class T> void load(input_archive& archive, std::weak_ptr<T>& value) {
  std::shared_ptr<T> strong;
  load(archive, strong);
  value = strong;
}

// --- And the rest
// ----------------------------------------------------------------------------------------------------

template <path_type T> void save(output_archive& archive, const T& value) { archive(value.native()); }
template <path_type T> void load(input_archive& archive, T& value) {
  std::string native;
  archive(native);
  value = std::move(native);
}

/// Exceptions that are read meanwhile lie inside of values.
class inside_values {
 public:
  explicit inside_values(int depth) noexcept { depth_here().values = depth; }
  inside_values(const inside_values&) = delete;
  inside_values& operator=(const inside_values&) = delete;
  ~inside_values() { depth_here().values = before_; }

 private:
  const int before_ = depth_here().values;
};

inline void save(output_archive& archive, const std::exception_ptr& value) { encode_exception(archive.to, value); }
inline void load(input_archive& archive, std::exception_ptr& value) {
  const inside_values here(archive.depth());
  value = decode_exception(archive.from).error;
}

enum class outcome_kind : std::uint8_t { cancelled, value, exception };

template <class T> void save(output_archive& archive, const outcome<T>& value) {
  if (value.has_value()) {
    archive.to.put(outcome_kind::value);
    if constexpr (!std::is_void_v<T>) archive(value.value());
  } else if (value.cancelled()) {
    archive.to.put(outcome_kind::cancelled);
  } else {
    archive.to.put(outcome_kind::exception);
    encode_exception(archive.to, value.exception());
  }
}
template <class T> void load(input_archive& archive, outcome<T>& value) {
  switch (archive.from.get<outcome_kind>()) {
    case outcome_kind::cancelled:
      value = outcome<T>();
      return;
    case outcome_kind::value: {
      auto& made = value.emplace();
      if constexpr (!std::is_void_v<T>) archive(made);
      return;
    }
    case outcome_kind::exception: {
      const inside_values here(archive.depth());
      value.fail(decode_thrown(archive.from).error);
      return;
    }
  }
  throw_decode_error("an outcome is of no known kind");
}

}  // namespace plait::inline PLAIT_ABI::detail
