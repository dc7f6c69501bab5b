#include <plait/portable/archive_types.hpp>
#include <plait/portable/internal/text.hpp>

#include <algorithm>
#include <cinttypes>
#include <cstdio>

namespace plait::inline PLAIT_ABI::detail {

void write_text(byte_writer& to, std::string_view text) { put_blocks(to, text.data(), text.size()); }

std::string read_text(byte_reader& from) {
  std::string text;
  get_blocks(from, text);
  return text;
}

std::string read_c_string(byte_reader& from) {
  auto text = read_text(from);
  text.resize(std::min(text.find('\0'), text.size()));
  return text;
}

std::string hex(std::uint64_t number) {
  char digits[20];
  std::snprintf(digits, sizeof digits, "0x%" PRIx64, number);
  return digits;
}

}  // namespace plait::inline PLAIT_ABI::detail
