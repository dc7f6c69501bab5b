#include <plait/portable/exceptions.hpp>

#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "buffers.hpp"
#include "results.hpp"
#include "seeds.hpp"

namespace fuzz {

namespace pd = plait::detail;

namespace {

using text = std::string;

template <class T> T sample() {
  if constexpr (std::is_arithmetic_v<T>)
    return T{1};
  else
    return {};
}
template <> block sample() { return {-1, 2}; }
template <> text sample() { return "text"; }
template <> std::u16string sample() { return u"text"; }
template <> std::u32string sample() { return U"text"; }
template <> std::filesystem::path sample() { return "/a/b"; }
template <> std::vector<std::uint8_t> sample() { return {1, 2, 3}; }
template <> std::vector<std::int32_t> sample() { return {1, 2, 3}; }
template <> std::vector<double> sample() { return {1, 2.5}; }
template <> std::vector<block> sample() { return {{1, 2}, {3, 4}}; }
template <> std::vector<bool> sample() { return {true, false, true}; }
template <> std::vector<text> sample() { return {"one", "", "three"}; }
template <> std::vector<std::vector<std::uint16_t>> sample() { return {{1, 2}, {}, {3}}; }
template <> std::deque<text> sample() { return {"a", "b"}; }
template <> std::list<std::int32_t> sample() { return {1, 2}; }
template <> std::forward_list<text> sample() { return {"a", "b"}; }
template <> std::valarray<double> sample() { return {1, 2}; }
template <> std::set<text> sample() { return {"a", "b"}; }
template <> std::multiset<std::int32_t> sample() { return {1, 1, 2}; }
template <> std::map<text, std::vector<std::int32_t>> sample() { return {{"a", {1, 2}}, {"b", {}}}; }
template <> std::multimap<std::int32_t, text> sample() { return {{1, "a"}, {1, "b"}}; }
template <> std::unordered_set<std::int32_t> sample() { return {1, 2, 3}; }
template <> std::unordered_map<text, bool> sample() { return {{"a", true}}; }
template <> std::unordered_multimap<std::int32_t, text> sample() { return {{1, "a"}, {1, "b"}}; }
template <> std::queue<std::int32_t> sample() { return std::queue<std::int32_t>({1, 2}); }
template <> std::stack<text> sample() { return std::stack<text>({"a", "b"}); }
template <> std::pair<bool, text> sample() { return {true, "a"}; }
template <> std::tuple<text, std::int32_t, std::vector<bool>> sample() { return {"a", 1, {true}}; }
template <> std::array<text, 3> sample() { return {"a", "", "c"}; }
template <> std::optional<text> sample() { return "there"; }
template <> std::variant<std::monostate, std::int32_t, text> sample() { return "the third"; }
template <> std::bitset<77> sample() { return 0x123456789; }
template <> std::unique_ptr<text> sample() { return std::make_unique<text>("owned"); }
template <> several_shared sample() {
  const auto number = std::make_shared<int>(1);
  return {number, std::make_shared<text>("a"), number, {number, nullptr, std::make_shared<int>(2)}};
}
template <> std::exception_ptr sample() { return std::make_exception_ptr(std::out_of_range("far")); }
template <> std::vector<std::exception_ptr> sample() { return {nullptr, sample<std::exception_ptr>()}; }
template <> plait::outcome<text> sample() { return text("it went well"); }
template <> plait::outcome<void> sample() { return sample<std::exception_ptr>(); }
template <class T, class... Each> pd::outcomes<T> several(Each... each) {
  pd::outcomes<T> all;
  (all.add(std::move(each)), ...);
  return all;
}
template <> pd::outcomes<std::int32_t> sample() { return several<std::int32_t>(1, 2, 3); }
template <> pd::outcomes<text> sample() {
  return several<text>(text("a"), sample<std::exception_ptr>(), plait::outcome<text>());
}
template <> pd::outcomes<void> sample() { return several<void>(std::monostate(), plait::outcome<void>()); }
// Each buffer of as many pages as that which stands in its place when they are read (buffers.hpp).
template <> plait::shared_buffer sample() { return plait::shared_buffer(100); }
template <> std::vector<plait::shared_buffer> sample() {
  const plait::shared_buffer first(4096), second(8000);
  return {first, {}, second, first};
}
template <> plait::shared_array<double> sample() { return plait::shared_array<double>(10); }
template <> picture sample() { return {"a picture", plait::shared_buffer(1)}; }
template <> pd::outcomes<plait::shared_buffer> sample() {
  using buffer = plait::shared_buffer;
  return several<buffer>(buffer(4000), sample<std::exception_ptr>(), plait::outcome<buffer>());
}

template <class T> void put_result(pd::byte_writer& to) { pd::result_codec<T>::encode(to, sample<T>()); }

}  // namespace

void write_results(const folder& to) {
  for (std::size_t kind = 0; kind < kinds_of_results; ++kind) {
    const auto made = written_by([&](pd::byte_writer& bytes) {
      bytes.put(static_cast<std::uint8_t>(kind));
      with_kind_of_result(kind, [&]<class T>() { put_result<T>(bytes); });
    });
    char name[32];
    std::snprintf(name, sizeof(name), "result_%02zu", kind);
    to.write(name, made.bytes);
  }
}

}  // namespace fuzz
