// The fields of a plain aggregate, without a line of the user's: how many there are, their types, a walk over them.
//
// Nothing here is a hard error, for any type: what can't be walked (unions, bases, references, more than 64 fields,
// fields without a default value) says which of these it is. Arrays and bit-fields are walked like any other field.
// (Boost.PFR does the same for less: it takes the elements of an array for fields and does not compile with
// bit-fields.)
#pragma once

#include <plait/portable/fields_table.hpp>

#include <cstdint>
#include <tuple>
#include <type_traits>
#include <utility>

namespace plait::inline PLAIT_ABI::detail {

// What can stand for the initialiser of a field; declared, never called. Not copyable, so that std::any and its like
// don't take the thing itself.
struct not_copyable {
  not_copyable() = default;
  not_copyable(const not_copyable&) = delete;
  not_copyable& operator=(const not_copyable&) = delete;
};
struct for_anything : not_copyable {
  template <class T> operator T() const;  // NOLINT(google-explicit-constructor)
};
struct for_any_reference : not_copyable {
  template <class T> operator T&() const;   // NOLINT(google-explicit-constructor)
  template <class T> operator T&&() const;  // NOLINT(google-explicit-constructor)
};
struct for_any_union : not_copyable {
  template <class T>
    requires std::is_union_v<T>
  operator T() const;  // NOLINT(google-explicit-constructor)
};
template <class Derived> struct for_any_base : not_copyable {
  template <class T>
    requires(std::is_base_of_v<T, Derived> && !std::is_same_v<T, Derived>)
  operator T() const;  // NOLINT(google-explicit-constructor)
};

enum class fields_refusal : std::uint8_t {
  none,
  not_an_aggregate,
  base_class,
  union_type,
  no_default,  ///< a reference, or a field that can't be made from {}
  too_many,
};

struct fields_found {
  fields_refusal why = fields_refusal::none;
  int count = 0;
};

/// As many {} as there are fields: an array takes one, as any other does.
template <class T, int N = 0> consteval int count_fields() {
  if constexpr (N > most_fields)
    return N;
  else if constexpr (braces<N + 1>::template initialise<T>)
    return count_fields<T, N + 1>();
  else
    return N;
}

template <class T, int... I> consteval bool has_a_union(std::integer_sequence<int, I...>) {
  return (braces<I>::template initialise<T, for_any_union> || ...);
}

template <class T> consteval fields_found find_fields() {
  if constexpr (std::is_union_v<T>) {
    return {fields_refusal::union_type};
  } else if constexpr (!std::is_class_v<T> || !std::is_aggregate_v<T> || requires { std::tuple_size<T>::value; }) {
    return {fields_refusal::not_an_aggregate};
  } else if constexpr (!braces<0>::template initialise<T>) {
    return {fields_refusal::no_default};
  } else if constexpr (braces<0>::template initialise<T, for_any_base<T>>) {
    return {fields_refusal::base_class};
  } else {
    constexpr int count = count_fields<T>();
    if constexpr (count > most_fields)
      return {fields_refusal::too_many};
    else if constexpr (braces<count>::template initialise<T, for_anything> ||
                       braces<count>::template initialise<T, for_any_reference>)
      return {fields_refusal::no_default};  // there is one more, which {} does not make
    else if constexpr (has_a_union<T>(std::make_integer_sequence<int, count>()))
      return {fields_refusal::union_type};
    else
      return {fields_refusal::none, count};
  }
}

template <class T> inline constexpr fields_found fields = find_fields<T>();

/// type_list of the fields' types, const where the field is.
template <class T> using field_types = decltype(types_of_fields(field_count<fields<T>.count>(), std::declval<T&>()));

/// Calls `visit` with each field, in the order of their declaration. Integers and enums are given as a copy, which is
/// written back: a bit-field can't be referred to.
template <class T, class Visit> void for_each_field(T& object, Visit&& visit) {
  visit_fields(field_count<fields<std::remove_const_t<T>>.count>(), object, visit);
}

}  // namespace plait::inline PLAIT_ABI::detail
