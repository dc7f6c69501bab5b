// cereal's archives over plain bytes: what calls, arguments, results are written with.
//
// cereal has the protocol (serialize, save, load) and the standard library's types. Here is what it lacks:
//   - plain aggregates, field by field;
//   - data without pointers as one block, also in vectors;
//   - lengths that are checked before memory is taken for them, in all of cereal's loaders;
//   - smart pointers that don't believe what type the other side says they have;
//   - exceptions and outcomes.
// Each object of a class that its user writes down, and each empty one, begins with one byte. So everything takes at
// least a byte (a length can be checked against what is left), and a load that reads other than its save wrote is
// found.
#pragma once

#include <plait/core/outcome.hpp>
#include <plait/portable/bytes.hpp>
#include <plait/portable/exceptions.hpp>
#include <plait/portable/inspect.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <typeinfo>
#include <unordered_map>
#include <utility>

#include <cereal/cereal.hpp>

namespace plait::inline PLAIT_ABI::detail {

class output_archive;
class input_archive;

}  // namespace plait::inline PLAIT_ABI::detail

CEREAL_SETUP_ARCHIVE_TRAITS(plait::detail::input_archive, plait::detail::output_archive)

namespace plait::inline PLAIT_ABI::detail {

/// A chain of pointers or trees in trees is written and read by recursion. Deeper than this would end the stack.
inline constexpr int deepest_nesting = 2000;
[[noreturn]] PLAIT_API void throw_nested_too_deep();

class PLAIT_API output_archive : public cereal::OutputArchive<output_archive, cereal::AllowEmptyClassElision> {
  using base = cereal::OutputArchive<output_archive, cereal::AllowEmptyClassElision>;

 public:
  explicit output_archive(byte_writer& to);
  ~output_archive();

  void enter() {
    if (++depth_ > deepest_nesting) throw_nested_too_deep();
  }
  void leave() noexcept { --depth_; }

  byte_writer& to;

 private:
  int depth_ = 0;
};

class PLAIT_API input_archive : public cereal::InputArchive<input_archive, cereal::AllowEmptyClassElision> {
  using base = cereal::InputArchive<input_archive, cereal::AllowEmptyClassElision>;

 public:
  /// `depth`: of what it is read inside of.
  explicit input_archive(byte_reader& from, int depth = 0);
  ~input_archive();

  void enter() {
    if (++depth_ > deepest_nesting) throw_nested_too_deep();
  }
  void leave() noexcept { --depth_; }
  [[nodiscard]] int depth() const noexcept { return depth_; }

  /// A length that follows: of elements that take at least so many bytes each.
  std::size_t get_length(std::size_t least_of_one) {
    const auto length = from.get<std::uint64_t>();
    if (length > from.remaining() / least_of_one) throw_decode_error("a length is more than what follows");
    return static_cast<std::size_t>(length);
  }

  /// What was read under this id. decode_error where that was nothing, or of another type.
  [[nodiscard]] std::shared_ptr<void> find_shared(std::uint32_t id, const std::type_info& type) const;
  void add_shared(std::uint32_t id, std::shared_ptr<void> pointer, const std::type_info& type);

  byte_reader& from;
  /// Of the container whose length is read next: see prologue.
  std::size_t least_of_element = 1;

 private:
  struct shared_object {
    std::shared_ptr<void> pointer;
    const std::type_info* type;
  };
  int depth_;
  std::unordered_map<std::uint32_t, shared_object> shared_;
};

template <class A>
concept own_archive = std::same_as<A, output_archive> || std::same_as<A, input_archive>;

inline constexpr std::uint8_t object_mark = 0xB7;

/// cereal's own helpers, which come through the archive like values.
template <class T> inline constexpr bool is_cereals_own = false;
template <class T> inline constexpr bool is_cereals_own<cereal::SizeTag<T>> = true;
template <class T> inline constexpr bool is_cereals_own<cereal::NameValuePair<T>> = true;
template <class T> inline constexpr bool is_cereals_own<cereal::BinaryData<T>> = true;
template <class T> inline constexpr bool is_cereals_own<cereal::base_class<T>> = true;
template <class T> inline constexpr bool is_cereals_own<cereal::virtual_base_class<T>> = true;
template <class T> inline constexpr bool is_cereals_own<cereal::DeferredData<T>> = true;
template <class K, class V> inline constexpr bool is_cereals_own<cereal::MapItem<K, V>> = true;

template <class T> consteval bool find_marked() {
  if constexpr (!std::is_class_v<T> || is_cereals_own<T> || plain_block<T>)
    return false;
  else if constexpr (requires { std::tuple_size<T>::value; })
    return std::tuple_size<T>::value == 0;
  else if constexpr (standard_type<T>::known)
    return std::is_same_v<T, std::monostate>;
  else
    return std::is_empty_v<T> || find_user_functions<T>() == user_functions::some;
}
template <class T> inline constexpr bool marked = find_marked<T>();
template <class T> inline constexpr bool may_nest = std::is_class_v<T> && !is_cereals_own<T> && !plain_block<T>;

template <class T> consteval std::size_t find_least_of_element() {
  if constexpr (standard_type<T>::known) {
    if constexpr (standard_type<T>::least == sizeof(std::uint64_t)) {
      constexpr auto least = inspect_parts<>(typename standard_type<T>::parts()).least;
      return least == 0 ? 1 : least;
    }
  }
  return 1;
}

// cereal calls these around each value.
template <class T> void prologue(output_archive& archive, const T& /*value*/) {
  if constexpr (may_nest<T>) archive.enter();
  if constexpr (marked<T>) archive.to.put(object_mark);
}
template <class T> void epilogue(output_archive& archive, const T& /*value*/) {
  if constexpr (may_nest<T>) archive.leave();
}
template <class T> void prologue(input_archive& archive, const T& /*value*/) {
  if constexpr (may_nest<T>) {
    archive.enter();
    archive.least_of_element = find_least_of_element<T>();
  }
  if constexpr (marked<T>) {
    if (archive.from.get<std::uint8_t>() != object_mark)
      throw_decode_error("an object does not begin where one should (do its save and load match?)");
  }
}
template <class T> void epilogue(input_archive& archive, const T& /*value*/) {
  if constexpr (may_nest<T>) archive.leave();
}

// What archives must know of cereal's: scalars, blocks of bytes, lengths, names (which are not written).
template <class T>
  requires std::is_arithmetic_v<T>
void save(output_archive& archive, const T& value) {
  archive.to.put(value);
}
template <class T>
  requires std::is_arithmetic_v<T>
void load(input_archive& archive, T& value) {
  if constexpr (std::is_same_v<T, bool>) {
    const auto byte = archive.from.get<std::uint8_t>();
    if (byte > 1) throw_decode_error("a bool is neither true nor false");
    value = byte == 1;
  } else {
    value = archive.from.get<T>();
  }
}
template <class T> void save(output_archive& archive, const cereal::BinaryData<T>& data) {
  archive.to.write(data.data, static_cast<std::size_t>(data.size));
}
template <class T> void load(input_archive& archive, cereal::BinaryData<T>& data) {
  archive.from.read(data.data, static_cast<std::size_t>(data.size));
}
template <class T> void save(output_archive& archive, const cereal::SizeTag<T>& tag) {
  archive.to.put(static_cast<std::uint64_t>(tag.size));
}
template <class T> void load(input_archive& archive, cereal::SizeTag<T>& tag) {
  tag.size = archive.get_length(archive.least_of_element);
}
template <own_archive A, class T> void serialize(A& archive, cereal::NameValuePair<T>& named) {
  archive(named.value);
}

}  // namespace plait::inline PLAIT_ABI::detail
