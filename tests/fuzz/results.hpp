// The types of results that are fuzzed, each once: every way in which the codec reads.
//
// Not among them: types whose values may point to themselves by shared_ptr. Bytes that say so make what nobody frees,
// as such values do that were not read but built; LeakSanitizer would tell of each.
#pragma once

#include <plait/executor/map_chunk.hpp>
#include <plait/executor/travel.hpp>
#include <plait/portable/portable_exception.hpp>
#include <plait/processes/shared_array.hpp>
#include <plait/processes/shared_buffer.hpp>

#include <array>
#include <bitset>
#include <chrono>
#include <complex>
#include <cstdint>
#include <deque>
#include <exception>
#include <filesystem>
#include <forward_list>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <queue>
#include <set>
#include <stack>
#include <stdexcept>
#include <string>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <valarray>
#include <variant>
#include <vector>

namespace fuzz {

enum class colour : std::uint8_t { red, green };

struct block {
  std::int32_t x;
  std::uint32_t y;
};
class users {
 public:
  template <class Archive> void serialize(Archive& archive) { archive(name_, numbers_, inner_); }

 private:
  std::string name_;
  std::vector<int> numbers_;
  std::unique_ptr<users> inner_;
};
struct empty {};
struct picture {
  std::string name;
  plait::shared_buffer pixels;
};

/// Thrown; arrive whole, one of them from its text.
struct thrown_with_parts {
  std::string text;
  std::exception_ptr inner;
  template <class Archive> void serialize(Archive& archive) { archive(text, inner); }
};
struct thrown_with_buffer {
  std::string text;
  plait::shared_buffer buffer;
  template <class Archive> void serialize(Archive& archive) { archive(text, buffer); }
};
struct thrown_with_text : std::runtime_error {
  using std::runtime_error::runtime_error;
};

using text = std::string;
using several_shared = std::tuple<std::shared_ptr<int>, std::shared_ptr<text>, std::weak_ptr<int>,
                                  std::vector<std::shared_ptr<const int>>>;

/// The first byte of an input says which.
using results =
    std::tuple<bool, std::int32_t, double, colour, block, empty, std::monostate,                               //
               text, std::u16string, std::u32string, std::filesystem::path,                                    //
               std::vector<std::uint8_t>, std::vector<std::int32_t>, std::vector<double>, std::vector<block>,  //
               std::vector<bool>, std::vector<text>, std::vector<std::vector<std::uint16_t>>,                  //
               std::deque<text>, std::list<std::int32_t>, std::forward_list<text>, std::valarray<double>,      //
               std::set<text>, std::multiset<std::int32_t>, std::map<text, std::vector<std::int32_t>>,         //
               std::multimap<std::int32_t, text>, std::unordered_set<std::int32_t>, std::unordered_map<text, bool>,
               std::unordered_multimap<std::int32_t, text>,                                                      //
               std::queue<std::int32_t>, std::stack<text>, std::priority_queue<std::int32_t>,                    //
               std::pair<bool, text>, std::tuple<text, std::int32_t, std::vector<bool>>, std::array<text, 3>,    //
               std::complex<float>, std::chrono::nanoseconds, std::chrono::system_clock::time_point,             //
               std::optional<text>, std::variant<std::monostate, std::int32_t, text>, std::bitset<77>,           //
               std::unique_ptr<text>, several_shared, users, std::vector<users>,                                 //
               std::exception_ptr, std::vector<std::exception_ptr>, plait::outcome<text>, plait::outcome<void>,  //
               plait::detail::outcomes<std::int32_t>, plait::detail::outcomes<text>,                             //
               plait::detail::outcomes<void>,                                                                    //
               plait::shared_buffer, std::vector<plait::shared_buffer>, plait::shared_array<double>, picture,    //
               plait::detail::outcomes<plait::shared_buffer>>;
inline constexpr std::size_t kinds_of_results = std::tuple_size_v<results>;

/// The order in which such a container writes its elements follows from how it was filled.
template <class T> inline constexpr bool ordered = true;
template <> inline constexpr bool ordered<std::unordered_set<std::int32_t>> = false;
template <> inline constexpr bool ordered<std::unordered_map<text, bool>> = false;
template <> inline constexpr bool ordered<std::unordered_multimap<std::int32_t, text>> = false;

/// look.template operator()<T>() with the type of that number.
template <class Look, std::size_t... I>
void with_kind_of_result(std::size_t number, Look look, std::index_sequence<I...> /*numbers*/) {
  static_cast<void>(((number == I && (look.template operator()<std::tuple_element_t<I, results>>(), true)) || ...));
}
template <class Look> void with_kind_of_result(std::size_t number, Look look) {
  with_kind_of_result(number % kinds_of_results, look, std::make_index_sequence<kinds_of_results>());
}

}  // namespace fuzz

PLAIT_PORTABLE_EXCEPTION(fuzz::thrown_with_parts);
PLAIT_PORTABLE_EXCEPTION(fuzz::thrown_with_buffer);
PLAIT_PORTABLE_EXCEPTION(fuzz::thrown_with_text);
