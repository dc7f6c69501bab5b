// Texts between processes: as they are written and read, and numbers as they are shown.
#pragma once

#include <plait/portable/bytes.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace plait::inline PLAIT_ABI::detail {

void write_text(byte_writer& to, std::string_view text);
/// Throws decode_error.
[[nodiscard]] std::string read_text(byte_reader& from);
/// What a what() or a name() gave: it ends at the first zero, also where a hostile process says otherwise.
[[nodiscard]] std::string read_c_string(byte_reader& from);

/// "0x2a"
[[nodiscard]] std::string hex(std::uint64_t number);

}  // namespace plait::inline PLAIT_ABI::detail
