// A line table is a program for a small machine: it writes rows (address, file, line) in ascending order of
// addresses, sequence after sequence; a row holds for the addresses up to the next one's. There is one such program,
// with a list of its files, for each translation unit.
#include <plait/portable/internal/debug_lines.hpp>

#include <algorithm>
#include <cstring>
#include <optional>
#include <string_view>
#include <type_traits>

namespace plait::inline PLAIT_ABI::detail {

namespace {

/// Takes numbers out of bytes that may be damaged: behind their end everything is 0, and `failed`.
class cursor {
 public:
  explicit cursor(std::span<const std::byte> bytes) noexcept : bytes_(bytes) {}

  [[nodiscard]] bool at_end() const noexcept { return bytes_.empty(); }
  [[nodiscard]] bool failed() const noexcept { return failed_; }

  std::span<const std::byte> take(std::uint64_t count) noexcept {
    if (count > bytes_.size()) {
      failed_ = true;
      bytes_ = {};
      return {};
    }
    const auto taken = bytes_.first(count);
    bytes_ = bytes_.subspan(count);
    return taken;
  }
  template <class T> T get() noexcept {
    T value{};
    if (const auto from = take(sizeof(T)); !from.empty()) std::memcpy(&value, from.data(), sizeof(T));
    return value;
  }
  std::uint64_t get_offset(bool wide) noexcept { return wide ? get<std::uint64_t>() : get<std::uint32_t>(); }
  std::uint64_t get_unsigned() noexcept {
    std::uint64_t value = 0;
    for (unsigned shift = 0;; shift += 7) {
      const auto byte = get<std::uint8_t>();
      if (shift < 64) value |= std::uint64_t{byte & 0x7fU} << shift;
      if ((byte & 0x80U) == 0) return value;
    }
  }
  std::int64_t get_signed() noexcept {
    std::uint64_t value = 0;
    for (unsigned shift = 0;;) {
      const auto byte = get<std::uint8_t>();
      if (shift < 64) value |= std::uint64_t{byte & 0x7fU} << shift;
      shift += 7;
      if ((byte & 0x80U) != 0) continue;
      if ((byte & 0x40U) != 0 && shift < 64) value |= ~std::uint64_t{0} << shift;
      return static_cast<std::int64_t>(value);
    }
  }
  std::string_view get_text() noexcept {
    const auto end = std::ranges::find(bytes_, std::byte{0});
    const auto text = take(static_cast<std::uint64_t>(end - bytes_.begin()));
    take(1);
    return {reinterpret_cast<const char*>(text.data()), text.size()};
  }

 private:
  std::span<const std::byte> bytes_;
  bool failed_ = false;
};

std::string_view text_at(std::span<const std::byte> strings, std::uint64_t offset) noexcept {
  return offset < strings.size() ? cursor(strings.subspan(offset)).get_text() : std::string_view();
}

struct file_name {
  std::string_view name;
  std::uint64_t folder = 0;
};

/// One translation unit's.
class line_program {
 public:
  line_program(const debug_sections& sections, cursor unit, bool wide) noexcept
      : sections_(sections), in_(unit), wide_(wide) {}

  /// Adds to `found` what it knows of these addresses, which are sorted.
  void look_up(std::span<const std::uintptr_t> wanted, std::map<std::uintptr_t, std::string>& found) {
    if (!read_header()) return;
    run(wanted, found);
  }

 private:
  struct row {
    std::uint64_t address = 0;
    std::uint64_t file = 1;
    std::uint64_t line = 1;
  };

  bool read_header() {
    version_ = in_.get<std::uint16_t>();
    if (version_ < 2 || version_ > 5) return false;
    if (version_ == 5 && (in_.get<std::uint8_t>() != sizeof(std::uintptr_t) || in_.get<std::uint8_t>() != 0))
      return false;
    cursor header(in_.take(in_.get_offset(wide_)));  // the program lies behind it
    shortest_ = header.get<std::uint8_t>();
    if (version_ >= 4) header.get<std::uint8_t>();  // operations in an instruction: one
    header.get<std::uint8_t>();                     // default_is_stmt
    line_base_ = header.get<std::int8_t>();
    line_range_ = header.get<std::uint8_t>();
    opcode_base_ = header.get<std::uint8_t>();
    if (line_range_ == 0 || opcode_base_ == 0) return false;
    operands_ = header.take(opcode_base_ - 1U);
    if (version_ == 5)
      read_names(header);
    else
      read_old_names(header);
    return !header.failed();
  }

  void read_old_names(cursor& header) {
    folders_.emplace_back();  // where the compiler was called, which is not told here
    while (!header.failed()) {
      const auto folder = header.get_text();
      if (folder.empty()) break;
      folders_.push_back({folder});
    }
    files_.emplace_back();  // they are counted from 1
    while (!header.failed()) {
      const auto name = header.get_text();
      if (name.empty()) break;
      files_.push_back({name, header.get_unsigned()});
      header.get_unsigned();
      header.get_unsigned();
    }
  }

  void read_names(cursor& header) {
    read_entries(header, folders_);
    read_entries(header, files_);
  }

  void read_entries(cursor& header, std::vector<file_name>& entries) {
    struct column {
      std::uint64_t what, form;
    };
    std::vector<column> columns(header.get<std::uint8_t>());
    for (auto& each : columns) each = {header.get_unsigned(), header.get_unsigned()};
    const auto count = header.get_unsigned();
    if (columns.empty()) return;  // else each entry takes a byte or more: count need not be believed
    for (std::uint64_t i = 0; i < count && !header.failed() && !header.at_end(); ++i) {
      auto& entry = entries.emplace_back();
      for (const auto& [what, form] : columns) {
        constexpr std::uint64_t path = 1, directory_index = 2;
        std::string_view text;
        const auto number = read_form(header, form, text);
        if (what == path) entry.name = text;
        if (what == directory_index) entry.folder = number;
      }
    }
  }

  std::uint64_t read_form(cursor& header, std::uint64_t form, std::string_view& text) {
    switch (form) {
      case 0x08:  // string
        text = header.get_text();
        return 0;
      case 0x1f:  // line_strp
        text = text_at(sections_.line_strings, header.get_offset(wide_));
        return 0;
      case 0x0e:  // strp
        text = text_at(sections_.strings, header.get_offset(wide_));
        return 0;
      case 0x0b:
        return header.get<std::uint8_t>();
      case 0x05:
        return header.get<std::uint16_t>();
      case 0x06:
        return header.get<std::uint32_t>();
      case 0x07:
        return header.get<std::uint64_t>();
      case 0x0f:  // udata
        return header.get_unsigned();
      case 0x1e:  // data16: a checksum
        header.take(16);
        return 0;
      case 0x09:  // block
        header.take(header.get_unsigned());
        return 0;
      default:  // of unknown size: nothing behind it can be read
        header.take(~std::uint64_t{0});
        return 0;
    }
  }

  void run(std::span<const std::uintptr_t> wanted, std::map<std::uintptr_t, std::string>& found) {
    row now;
    std::optional<row> before;  // in this sequence
    bool discarded = false;     // code that the linker left out: it says that it lies at 0
    const auto add_row = [&](bool last) {
      if (before && !discarded && now.address > before->address) {
        for (auto at = std::ranges::lower_bound(wanted, before->address); at != wanted.end() && *at < now.address;
             ++at)
          if (auto text = text_of(*before); !text.empty()) found.emplace(*at, std::move(text));
      }
      if (!before) discarded = now.address == 0;
      before = now;
      if (last) {
        before.reset();
        now = {};
      }
    };
    const auto advance = [&](std::uint64_t operations) { now.address += operations * shortest_; };
    while (!in_.at_end()) {
      const auto opcode = in_.get<std::uint8_t>();
      if (opcode >= opcode_base_) {
        const auto special = static_cast<unsigned>(opcode - opcode_base_);
        advance(special / line_range_);
        now.line += static_cast<std::uint64_t>(std::int64_t{line_base_} + special % line_range_);
        add_row(false);
        continue;
      }
      switch (opcode) {
        case 0: {  // extended
          cursor extended(in_.take(in_.get_unsigned()));
          const auto what = extended.get<std::uint8_t>();
          if (what == 1) add_row(true);                                 // end_sequence
          if (what == 2) now.address = extended.get<std::uintptr_t>();  // set_address
          break;
        }
        case 1:  // copy
          add_row(false);
          break;
        case 2:
          advance(in_.get_unsigned());
          break;
        case 3:
          now.line += static_cast<std::uint64_t>(in_.get_signed());
          break;
        case 4:
          now.file = in_.get_unsigned();
          break;
        case 8:  // const_add_pc
          advance((255U - opcode_base_) / line_range_);
          break;
        case 9:  // fixed_advance_pc
          now.address += in_.get<std::uint16_t>();
          break;
        default:  // columns and marks, or unknown ones: their operands are skipped
          for (auto left = std::to_integer<unsigned>(operands_[opcode - 1U]); left > 0; --left) in_.get_unsigned();
      }
    }
  }

  [[nodiscard]] std::string text_of(const row& of) const {
    if (of.file >= files_.size() || of.line == 0 || files_[of.file].name.empty()) return {};
    const auto& file = files_[of.file];
    std::string text;
    const auto add = [&](std::string_view part) { text.append(part.substr(0, longest_name)); };
    const auto add_folder = [&](std::string_view part) {
      if (part.empty()) return;
      add(part);
      text += '/';
    };
    if (!file.name.starts_with('/') && file.folder < folders_.size()) {
      const auto folder = folders_[file.folder].name;
      if (!folder.empty() && !folder.starts_with('/') && file.folder > 0) add_folder(folders_[0].name);
      add_folder(folder);
    }
    add(file.name);
    return text + ':' + std::to_string(of.line);
  }

  static constexpr std::size_t longest_name = 4096;

  const debug_sections& sections_;
  cursor in_;
  const bool wide_;  // 64-bit offsets
  unsigned version_ = 0;
  std::uint64_t shortest_ = 1;  // instruction
  std::int8_t line_base_ = 0;
  std::uint8_t line_range_ = 1;
  std::uint8_t opcode_base_ = 1;
  std::span<const std::byte> operands_;  // how many each standard opcode has
  std::vector<file_name> folders_;
  std::vector<file_name> files_;
};

}  // namespace

std::map<std::uintptr_t, std::string> source_lines(const debug_sections& sections,
                                                   std::vector<std::uintptr_t> addresses) {
  std::ranges::sort(addresses);
  addresses.erase(std::unique(addresses.begin(), addresses.end()), addresses.end());
  std::map<std::uintptr_t, std::string> found;
  cursor units(sections.lines);
  while (!units.at_end() && found.size() < addresses.size()) {
    constexpr std::uint32_t says_wide = 0xffffffff;
    std::uint64_t length = units.get<std::uint32_t>();
    const bool wide = length == says_wide;
    if (wide) length = units.get<std::uint64_t>();
    const auto unit = units.take(length);
    if (units.failed()) break;
    line_program(sections, cursor(unit), wide).look_up(addresses, found);
  }
  return found;
}

}  // namespace plait::inline PLAIT_ABI::detail
