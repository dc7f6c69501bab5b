// Has a type functions of cereal's protocol, written by its user: serialize, save and load, their minimal and
// versioned forms, as members or beside the type?
//
// cereal's own traits answer by a failed static_assert for some types (a save that is not const, a lone
// load_minimal); these answer for any.
#pragma once

#include <plait/core/config.hpp>

#include <cstdint>
#include <type_traits>

#include <cereal/cereal.hpp>

namespace plait::inline PLAIT_ABI::detail {

// Archives that nobody gives bytes: a function that is found for one of them was written for any archive.
class probing_writer;
class probing_reader;

}  // namespace plait::inline PLAIT_ABI::detail

CEREAL_SETUP_ARCHIVE_TRAITS(plait::detail::probing_reader, plait::detail::probing_writer)

namespace plait::inline PLAIT_ABI::detail {

class probing_writer : public cereal::OutputArchive<probing_writer> {};
class probing_reader : public cereal::InputArchive<probing_reader> {};

enum class user_functions : std::uint8_t { none, some, half };

template <class T>
concept has_member_serialize = requires(probing_writer& a, T& t) { cereal::access::member_serialize(a, t); } ||
                               requires(probing_writer& a, T& t) { cereal::access::member_serialize(a, t, 0U); };
template <class T>
concept has_member_save = requires(probing_writer& a, const T& t) { cereal::access::member_save(a, t); } ||
                          requires(probing_writer& a, const T& t) { cereal::access::member_save(a, t, 0U); };
template <class T>
concept has_member_load = requires(probing_reader& a, T& t) { cereal::access::member_load(a, t); } ||
                          requires(probing_reader& a, T& t) { cereal::access::member_load(a, t, 0U); };
template <class T>
concept has_member_save_minimal = requires(const probing_writer& a, const T& t) {
  cereal::access::member_save_minimal(a, t);
} || requires(const probing_writer& a, const T& t) { cereal::access::member_save_minimal(a, t, 0U); };
template <class T>
concept has_mutable_save = requires(probing_writer& a, T& t) { cereal::access::member_save_non_const(a, t); } ||
                           requires(probing_writer& a, T& t) { cereal::access::member_save_non_const(a, t, 0U); };
template <class T>
concept has_member_functions = has_member_serialize<T> || has_member_save<T> || has_member_save_minimal<T>;

// These are looked up by argument only: in the type's namespace and in cereal's.
template <class T>
concept has_free_serialize = requires(probing_writer& a, T& t) { serialize(a, t); } ||
                             requires(probing_writer& a, T& t) { serialize(a, t, 0U); };
template <class T>
concept has_free_save = requires(probing_writer& a, const T& t) { save(a, t); } ||
                        requires(probing_writer& a, const T& t) { save(a, t, 0U); };
template <class T>
concept has_free_load =
    requires(probing_reader& a, T& t) { load(a, t); } || requires(probing_reader& a, T& t) { load(a, t, 0U); };
template <class T>
concept has_free_save_minimal = requires(const probing_writer& a, const T& t) { save_minimal(a, t); } ||
                                requires(const probing_writer& a, const T& t) { save_minimal(a, t, 0U); };

template <class T> consteval user_functions find_user_functions() {
  constexpr bool save = has_member_save<T> || has_free_save<T>;
  constexpr bool load = has_member_load<T> || has_free_load<T>;
  if constexpr (has_member_serialize<T> || has_free_serialize<T> || has_member_save_minimal<T> ||
                has_free_save_minimal<T> || (save && load))
    return user_functions::some;
  else
    return save || load || has_mutable_save<T> ? user_functions::half : user_functions::none;
}

}  // namespace plait::inline PLAIT_ABI::detail
