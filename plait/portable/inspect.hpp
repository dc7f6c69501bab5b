// What is to be known of a type before a value of it can travel: may it, why not, and how is it written.
//
//   T ──> a scalar              as it lies in memory
//     ──> a standard type       as its parts say (standard_types.hpp)
//     ──> a user's class        with functions of cereal's protocol (user_functions.hpp)
//     ──> a plain aggregate     as its fields say (fields.hpp)
//     ──> anything else         refused, with the reason
//
// A question is always answered, whatever the type: executors ask it of every type that is ever submitted.
#pragma once

#include <plait/portable/fields.hpp>
#include <plait/portable/refusal.hpp>
#include <plait/portable/standard_types.hpp>
#include <plait/portable/user_functions.hpp>

#include <ios>
#include <string_view>
#include <type_traits>

namespace plait::inline PLAIT_ABI::detail {

/// T as it is written in C++, with the compiler's help.
template <class T> consteval std::string_view type_name() {
  std::string_view name = __PRETTY_FUNCTION__;
  name.remove_prefix(name.find("T = ") + 4);
  // GCC goes on with what std::string_view is ("; std::string_view = …"), Clang ends with the bracket.
  const auto more = name.find("; std::string_view = ");
  return name.substr(0, more == std::string_view::npos ? name.size() - 1 : more);
}

struct verdict {
  refusal why = refusal::none;
  /// An encoding is no shorter than this.
  std::size_t least = 1;
  /// Its bytes in memory are its encoding: no pointers in it, no padding, and any bytes are a value.
  bool block = false;
  /// What is refused: the type itself, or one inside it.
  std::string_view culprit = {};
};

template <class T> consteval verdict refuse(refusal why) { return {.why = why, .culprit = type_name<T>()}; }

/// Outer: the aggregates that we are inside of. A type that contains itself is as good as the rest of it.
template <class T, class... Outer> consteval verdict inspect();

template <class... Outer, class... Parts> consteval verdict inspect_parts(type_list<Parts...> /*of*/) {
  verdict all{.least = 0, .block = true};
  [[maybe_unused]] const auto add = [&](const verdict& part) {
    if (all.why != refusal::none) return;
    if (part.why != refusal::none)
      all = part;
    else
      all = {.least = all.least + part.least, .block = all.block && part.block};
  };
  (add(inspect<Parts, Outer...>()), ...);
  return all;
}

template <class T, class... Outer> consteval verdict inspect_standard() {
  using known = standard_type<T>;
  if constexpr (known::why != refusal::none) {
    return refuse<T>(known::why);
  } else if constexpr (is_pointer_to_whole<T>) {
    using pointee = typename T::element_type;
    if constexpr (std::is_void_v<pointee>) return refuse<T>(refusal::raw_pointer);
    const verdict whole = inspect<std::remove_cv_t<pointee>, Outer...>();
    if (whole.why != refusal::none) return whole;
    return {.least = known::least};
  } else {
    verdict parts = inspect_parts<Outer...>(typename known::parts());
    if (parts.why != refusal::none) return parts;
    parts.block = parts.block && known::times > 0 && std::is_trivially_copyable_v<T>;
    parts.least = known::least + known::times * parts.least;
    if (parts.least == 0) parts.least = 1;  // a mark: see archive.hpp
    return parts;
  }
}

template <class T, class... Outer> consteval verdict inspect_aggregate() {
  const verdict all = inspect_parts<T, Outer...>(field_types<T>());
  if (all.why != refusal::none) return all;
  // `least` of a block is its size: there are no gaps between the fields where the sum is the size of the whole.
  return {.least = all.least == 0 ? 1 : all.least,
          .block = all.block && all.least == sizeof(T) && std::is_trivially_copyable_v<T>};
}

// Known by what they can do, so that nobody's headers are needed and that others' mutexes are known too.
template <class T>
concept is_a_lock = requires(T& t) {
  t.lock();
  t.unlock();
};
template <class T>
concept signals_threads = requires(T& t) {
  t.joinable();
  t.join();
} || requires(T& t) {
  t.stop_requested();
  t.stop_possible();
} || requires(T& t) {
  t.notify_one();
  t.notify_all();
} || requires(T& t) { t.request_stop(); };
template <class T>
concept is_an_atomic = requires(T& t) {
  t.is_lock_free();
  t.load();
};
template <class T>
concept is_a_future = requires(T& t) { t.get_future(); } || requires(T& t) {
  t.valid();
  t.wait();
} || requires(T& t) {
  t.done();
  t.result();
};
template <class T>
concept is_an_any = requires(T& t) {
  t.has_value();
  t.type();
  t.reset();
};

/// A class that is none of those that travel.
template <class T> consteval refusal why_not_class() {
  if constexpr (std::is_base_of_v<std::ios_base, T>) return refusal::stream;
  if constexpr (is_an_atomic<T>) return refusal::atomic;
  if constexpr (is_a_lock<T>) return refusal::lock;
  if constexpr (signals_threads<T>) return refusal::thread;
  if constexpr (is_a_future<T>) return refusal::future;
  if constexpr (is_an_any<T>) return refusal::any;
  if constexpr (std::is_polymorphic_v<T>) return refusal::polymorphic_class;
  switch (fields<T>.why) {
    case fields_refusal::base_class:
      return refusal::base_class;
    case fields_refusal::union_type:
      return refusal::union_type;
    case fields_refusal::no_default:
      return refusal::not_default_constructible;
    case fields_refusal::too_many:
      return refusal::too_many_members;
    case fields_refusal::none:
    case fields_refusal::not_an_aggregate:
      break;
  }
  return refusal::private_members;
}

template <class T, class... Outer> consteval verdict inspect_class() {
  constexpr user_functions functions = find_user_functions<T>();
  if constexpr (functions == user_functions::half) {
    return refuse<T>(refusal::half_serialize);
  } else if constexpr (functions == user_functions::some && derived_from_standard_type<T> &&
                       !has_member_functions<T>) {
    return refuse<T>(refusal::base_class);
  } else if constexpr (functions == user_functions::some || (std::is_empty_v<T> && !std::is_union_v<T>)) {
    if constexpr (!std::is_default_constructible_v<T>) return refuse<T>(refusal::not_default_constructible);
    if constexpr (!std::is_move_constructible_v<T>) return refuse<T>(refusal::not_movable);
    return {};
  } else if constexpr (fields<T>.why == fields_refusal::none && !std::is_polymorphic_v<T>) {
    return inspect_aggregate<T, Outer...>();
  } else {
    return refuse<T>(why_not_class<T>());
  }
}

template <class T, class... Outer> consteval verdict inspect() {
  if constexpr ((std::is_same_v<T, Outer> || ...)) {
    return {};
  } else if constexpr (std::is_reference_v<T>) {
    return refuse<T>(refusal::reference);
  } else if constexpr (std::is_const_v<T> || std::is_volatile_v<T>) {
    return refuse<T>(refusal::const_member);
  } else if constexpr (std::is_same_v<T, bool>) {
    return {};  // any other byte than 0 and 1 is no bool
  } else if constexpr (std::is_arithmetic_v<T>) {
    return {.least = sizeof(T), .block = true};
  } else if constexpr (std::is_enum_v<T>) {
    return {.least = sizeof(T), .block = !std::is_same_v<std::underlying_type_t<T>, bool>};
  } else if constexpr (std::is_pointer_v<T> || std::is_null_pointer_v<T>) {
    using pointee = std::remove_pointer_t<T>;
    if constexpr (std::is_function_v<pointee>) return refuse<T>(refusal::function_pointer);
    return refuse<T>(std::is_same_v<std::remove_cv_t<pointee>, char> ? refusal::c_string : refusal::raw_pointer);
  } else if constexpr (std::is_member_pointer_v<T>) {
    return refuse<T>(refusal::member_pointer);
  } else if constexpr (std::is_bounded_array_v<T>) {
    verdict one = inspect<std::remove_extent_t<T>, Outer...>();
    if (one.why == refusal::none) one.least *= std::extent_v<T>;
    return one;
  } else if constexpr (standard_type<T>::known) {
    return inspect_standard<T, Outer...>();
  } else if constexpr (!std::is_class_v<T> && !std::is_union_v<T>) {
    return refuse<T>(refusal::unknown);  // void, a function, an array of unknown size, an extended integer
  } else if constexpr (!requires { sizeof(T); }) {
    return refuse<T>(refusal::incomplete);
  } else {
    return inspect_class<T, Outer...>();
  }
}

template <class T> inline constexpr verdict verdict_of = inspect<T>();

template <class T>
concept plain_block = verdict_of<T>.block;

template <class T> consteval refusal why_not_portable() { return verdict_of<std::decay_t<T>>.why; }

/// A value of this type (decayed, as an argument of a call is) may travel. Never a hard error.
template <class T>
concept portable = why_not_portable<T>() == refusal::none;

}  // namespace plait::inline PLAIT_ABI::detail
