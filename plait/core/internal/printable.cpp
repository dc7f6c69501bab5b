#include <plait/core/internal/printable.hpp>

#include <cstdlib>
#include <memory>

#include <cxxabi.h>

namespace plait::inline PLAIT_ABI::detail {
namespace {

/// How many bytes the character at the begin of `text` has that may be shown; 0 where its first byte may not.
std::size_t shown_bytes(std::string_view text) noexcept {
  const auto at = [text](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  const auto follows = [&](std::size_t i) { return (at(i) & 0xc0U) == 0x80U; };
  const unsigned first = at(0);
  if (first < 0x80) return first >= 0x20 && first != 0x7f && first != '\\' ? 1 : 0;
  if (first >= 0xc2 && first <= 0xdf)  // U+0080 to U+009F are control characters too
    return follows(1) && !(first == 0xc2 && at(1) < 0xa0) ? 2 : 0;
  if (first >= 0xe0 && first <= 0xef) {
    if (!follows(1) || !follows(2)) return 0;
    const unsigned code = (first & 0xfU) << 12U | (at(1) & 0x3fU) << 6U | (at(2) & 0x3fU);
    if (code < 0x800 || (code >= 0xd800 && code <= 0xdfff)) return 0;
    // Line and paragraph separators, and what turns the direction of writing.
    if ((code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069) || code == 0x200e || code == 0x200f)
      return 0;
    return 3;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    if (!follows(1) || !follows(2) || !follows(3)) return 0;
    const unsigned top = (first & 7U) << 6U | (at(1) & 0x3fU);  // of U+10000 to U+10FFFF
    return top >= 0x10 && top < 0x110 ? 4 : 0;
  }
  return 0;
}

void escape(std::string& to, unsigned char byte) {
  constexpr char digits[] = "0123456789abcdef";
  switch (byte) {
    case '\n':
      to += "\\n";
      return;
    case '\t':
      to += "\\t";
      return;
    case '\r':
      to += "\\r";
      return;
    case '\\':
      to += "\\\\";
      return;
    default:
      to.append("\\x").append(1, digits[byte >> 4U]).append(1, digits[byte & 0xfU]);
  }
}

}  // namespace

std::string printable(std::string_view text, std::size_t longest) {
  std::string shown;
  while (!text.empty()) {
    const auto bytes = shown_bytes(text);
    if (shown.size() + (bytes ? bytes : 4) > longest) return shown += "...";
    if (bytes)
      shown += text.substr(0, bytes);
    else
      escape(shown, static_cast<unsigned char>(text.front()));
    text.remove_prefix(bytes ? bytes : 1);
  }
  return shown;
}

std::string demangled(const char* symbol) {
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> name(abi::__cxa_demangle(symbol, nullptr, nullptr, &status),
                                                         &std::free);
  return status == 0 && name ? name.get() : symbol;
}

std::string type_name(const std::type_info& type) { return demangled(type.name()); }

}  // namespace plait::inline PLAIT_ABI::detail
