// The standard library's types that travel, and what each is made of.
#pragma once

#include <plait/core/outcome.hpp>
#include <plait/portable/fields.hpp>
#include <plait/portable/refusal.hpp>

#include <array>
#include <bitset>
#include <chrono>
#include <complex>
#include <concepts>
#include <cstddef>
#include <deque>
#include <exception>
#include <forward_list>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <queue>
#include <set>
#include <span>
#include <stack>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <valarray>
#include <variant>
#include <vector>

namespace plait::inline PLAIT_ABI::detail {

/// Of a type that is known: the types that must travel for it to travel (`parts`), how many bytes of its own its
/// encoding has at least, and how many times all its parts are there at least.
template <class T> struct standard_type {
  static constexpr bool known = false;
  static constexpr refusal why = refusal::none;
};

template <std::size_t Least, class... Parts> struct known_standard_type {
  static constexpr bool known = true;
  static constexpr refusal why = refusal::none;
  static constexpr std::size_t least = Least;
  static constexpr std::size_t times = 0;
  using parts = type_list<Parts...>;
};
/// All parts are always there, one after the other.
template <std::size_t Times, class... Parts> struct standard_record : known_standard_type<0, Parts...> {
  static constexpr std::size_t times = Times;
};
/// A length, then so many.
template <class... Parts> using standard_sequence = known_standard_type<8, Parts...>;

template <refusal Why> struct refused_standard_type {
  static constexpr bool known = true;
  static constexpr refusal why = Why;
  static constexpr std::size_t least = 0;
  static constexpr std::size_t times = 0;
  using parts = type_list<>;
};

/// std::filesystem::path, known by what it can do: its header is a tenth of what plait.hpp takes to compile, and who
/// has no path needs none of it. No class derived from it, whose functions give the path that they stem from.
template <class T>
concept path_type = std::is_class_v<T> && requires(const T& path) {
  { path.native() } -> std::same_as<const std::string&>;
  { path.lexically_normal() } -> std::same_as<T>;
  { path.root_directory() } -> std::same_as<T>;
};

/// Comparison and hash functions are not sent.
template <class... Functions> struct with_functions {
  static constexpr refusal why = (std::is_empty_v<Functions> && ...) ? refusal::none : refusal::comparator;
};
template <class Base, class... Functions> struct with_functions_of : Base {
  static constexpr refusal why = with_functions<Functions...>::why;
};

// clang-format off
template <class T, class A> struct standard_type<std::vector<T, A>> : standard_sequence<T> {};
template <class T, class A> struct standard_type<std::deque<T, A>> : standard_sequence<T> {};
template <class T, class A> struct standard_type<std::list<T, A>> : standard_sequence<T> {};
template <class T, class A> struct standard_type<std::forward_list<T, A>> : standard_sequence<T> {};
template <class T> struct standard_type<std::valarray<T>> : standard_sequence<T> {};
template <class C, class T, class A> struct standard_type<std::basic_string<C, T, A>> : standard_sequence<C> {};
template <path_type T> struct standard_type<T> : standard_sequence<> {};
template <class T, class C, class A> struct standard_type<std::set<T, C, A>> : with_functions_of<standard_sequence<T>, C> {};
template <class T, class C, class A> struct standard_type<std::multiset<T, C, A>> : with_functions_of<standard_sequence<T>, C> {};
template <class K, class V, class C, class A> struct standard_type<std::map<K, V, C, A>> : with_functions_of<standard_sequence<K, V>, C> {};
template <class K, class V, class C, class A> struct standard_type<std::multimap<K, V, C, A>> : with_functions_of<standard_sequence<K, V>, C> {};
template <class T, class H, class E, class A> struct standard_type<std::unordered_set<T, H, E, A>> : with_functions_of<standard_sequence<T>, H, E> {};
template <class T, class H, class E, class A> struct standard_type<std::unordered_multiset<T, H, E, A>> : with_functions_of<standard_sequence<T>, H, E> {};
template <class K, class V, class H, class E, class A> struct standard_type<std::unordered_map<K, V, H, E, A>> : with_functions_of<standard_sequence<K, V>, H, E> {};
template <class K, class V, class H, class E, class A> struct standard_type<std::unordered_multimap<K, V, H, E, A>> : with_functions_of<standard_sequence<K, V>, H, E> {};
template <class T, class C> struct standard_type<std::queue<T, C>> : standard_record<1, C> {};
template <class T, class C> struct standard_type<std::stack<T, C>> : standard_record<1, C> {};
template <class T, class C, class L> struct standard_type<std::priority_queue<T, C, L>> : with_functions_of<standard_record<1, C>, L> {};
template <class A, class B> struct standard_type<std::pair<A, B>> : standard_record<1, A, B> {};
template <class... T> struct standard_type<std::tuple<T...>> : standard_record<1, T...> {};
template <class T, std::size_t N> struct standard_type<std::array<T, N>> : standard_record<N, T> {};
template <class T> struct standard_type<std::complex<T>> : standard_record<2, T> {};
template <class R, class P> struct standard_type<std::chrono::duration<R, P>> : standard_record<1, R> {};
template <class C, class D> struct standard_type<std::chrono::time_point<C, D>> : standard_record<1, D> {};
template <class T> struct standard_type<std::optional<T>> : known_standard_type<1, T> {};
template <class... T> struct standard_type<std::variant<T...>> : known_standard_type<4, T...> {};
template <> struct standard_type<std::monostate> : known_standard_type<1> {};
template <std::size_t N> struct standard_type<std::bitset<N>> : known_standard_type<1> {};
template <> struct standard_type<std::exception_ptr> : known_standard_type<1> {};
template <class T> struct standard_type<outcome<T>> : known_standard_type<1, typename outcome<T>::value_type> {};

template <class T> struct standard_type<std::unique_ptr<T>> : known_standard_type<1, std::remove_cv_t<T>> {};
template <class T> struct standard_type<std::unique_ptr<T[]>> : refused_standard_type<refusal::deleter> {};
template <class T, class D> struct standard_type<std::unique_ptr<T, D>> : refused_standard_type<refusal::deleter> {};
template <class T> struct standard_type<std::shared_ptr<T>> : known_standard_type<4, std::remove_cv_t<T>> {};
template <class T> struct standard_type<std::weak_ptr<T>> : known_standard_type<4, std::remove_cv_t<T>> {};
template <class T> struct standard_type<std::shared_ptr<T[]>> : refused_standard_type<refusal::deleter> {};
template <class T> struct standard_type<std::weak_ptr<T[]>> : refused_standard_type<refusal::deleter> {};
template <class T, std::size_t N> struct standard_type<std::shared_ptr<T[N]>> : refused_standard_type<refusal::deleter> {};
template <class T, std::size_t N> struct standard_type<std::weak_ptr<T[N]>> : refused_standard_type<refusal::deleter> {};

template <class C, class T> struct standard_type<std::basic_string_view<C, T>> : refused_standard_type<refusal::view> {};
template <class T, std::size_t N> struct standard_type<std::span<T, N>> : refused_standard_type<refusal::view> {};
template <class T> struct standard_type<std::reference_wrapper<T>> : refused_standard_type<refusal::reference_wrapper> {};
template <class F> struct standard_type<std::function<F>> : refused_standard_type<refusal::function> {};
template <class T> struct standard_type<std::initializer_list<T>> : refused_standard_type<refusal::view> {};
// clang-format on

/// An owner: what it points to is made in the other process, as exactly this type.
template <class T> inline constexpr bool is_pointer_to_whole = false;
template <class T> inline constexpr bool is_pointer_to_whole<std::unique_ptr<T>> = true;
template <class T> inline constexpr bool is_pointer_to_whole<std::shared_ptr<T>> = true;
template <class T> inline constexpr bool is_pointer_to_whole<std::weak_ptr<T>> = true;

/// Derived from one of them: cereal's function for the base would take it, and leave out what the derived class
/// added.
template <template <class...> class Template, class... Args> void base_of_that_template(const Template<Args...>*);
template <class T>
concept derived_from_standard_type = requires(const T* t) { base_of_that_template<std::vector>(t); } ||
                                     requires(const T* t) { base_of_that_template<std::basic_string>(t); } ||
                                     requires(const T* t) { base_of_that_template<std::map>(t); } ||
                                     requires(const T* t) { base_of_that_template<std::unordered_map>(t); } ||
                                     requires(const T* t) { base_of_that_template<std::set>(t); } ||
                                     requires(const T* t) { base_of_that_template<std::unordered_set>(t); } ||
                                     requires(const T* t) { base_of_that_template<std::deque>(t); } ||
                                     requires(const T* t) { base_of_that_template<std::list>(t); } ||
                                     requires(const T* t) { base_of_that_template<std::optional>(t); } ||
                                     requires(const T* t) { base_of_that_template<std::variant>(t); } ||
                                     requires(const T* t) { base_of_that_template<std::tuple>(t); } ||
                                     requires(const T* t) { base_of_that_template<std::pair>(t); } ||
                                     requires(const T* t) { base_of_that_template<std::unique_ptr>(t); } ||
                                     requires(const T* t) { base_of_that_template<std::shared_ptr>(t); };

}  // namespace plait::inline PLAIT_ABI::detail
