#include <plait/portable/internal/exception_registry.hpp>
#include <plait/portable/internal/symbol_file.hpp>

#include <cstring>
#include <string_view>

#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace plait::inline PLAIT_ABI::detail {

symbol_file::symbol_file(const char* path) {
  const int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) return;
  struct stat about{};
  if (fstat(descriptor, &about) == 0 && S_ISREG(about.st_mode) && about.st_size > 0) {
    const auto size = static_cast<std::size_t>(about.st_size);
    void* const memory = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, descriptor, 0);
    if (memory != MAP_FAILED) file_ = {static_cast<const std::byte*>(memory), size};
  }
  close(descriptor);
  read_sections();
}

symbol_file::~symbol_file() {
  if (!file_.empty()) munmap(const_cast<std::byte*>(file_.data()), file_.size());
}

template <class T> std::span<const T> symbol_file::table(std::uint64_t offset, std::uint64_t bytes) const {
  if (offset > file_.size() || bytes > file_.size() - offset || offset % alignof(T) != 0) return {};
  return {reinterpret_cast<const T*>(file_.data() + offset), static_cast<std::size_t>(bytes / sizeof(T))};
}

void symbol_file::read_sections() {
  const auto headers = table<ElfW(Ehdr)>(0, sizeof(ElfW(Ehdr)));
  if (headers.empty() || std::memcmp(headers[0].e_ident, ELFMAG, SELFMAG) != 0) return;
  const auto sections = table<ElfW(Shdr)>(headers[0].e_shoff, headers[0].e_shnum * sizeof(ElfW(Shdr)));
  const auto contents = [&](std::size_t index) {
    if (index >= sections.size() || sections[index].sh_type == SHT_NOBITS) return std::span<const std::byte>();
    return table<std::byte>(sections[index].sh_offset, sections[index].sh_size);
  };
  const auto section_names = contents(headers[0].e_shstrndx);
  for (std::size_t i = 0; i < sections.size(); ++i) {
    const auto& section = sections[i];
    if (section.sh_type == SHT_SYMTAB || section.sh_type == SHT_DYNSYM)
      read_functions(contents(i), contents(section.sh_link));
    if (section.sh_type != SHT_PROGBITS || (section.sh_flags & SHF_COMPRESSED) != 0) continue;
    const auto is_named = [&](std::string_view name) {  // with the 0 behind it
      return section.sh_name < section_names.size() && section_names.size() - section.sh_name > name.size() &&
             std::memcmp(&section_names[section.sh_name], name.data(), name.size() + 1) == 0;
    };
    if (is_named(".debug_line")) debug_.lines = contents(i);
    if (is_named(".debug_line_str")) debug_.line_strings = contents(i);
    if (is_named(".debug_str")) debug_.strings = contents(i);
  }
}

void symbol_file::read_functions(std::span<const std::byte> symbols, std::span<const std::byte> text) {
  if (text.empty() || text.back() != std::byte{0}) return;
  const auto offset = static_cast<std::uint64_t>(symbols.data() - file_.data());
  for (const auto& symbol : table<ElfW(Sym)>(symbols.empty() ? 0 : offset, symbols.size())) {
    if (ELF64_ST_TYPE(symbol.st_info) != STT_FUNC || symbol.st_size == 0 || symbol.st_name >= text.size()) continue;
    functions_.push_back(
        {symbol.st_value, symbol.st_value + symbol.st_size, reinterpret_cast<const char*>(&text[symbol.st_name])});
  }
}

std::string symbol_file::function_at(std::uintptr_t address) const {
  for (const auto& function : functions_)
    if (address >= function.begin && address < function.end) return demangle(function.name);
  return {};
}

}  // namespace plait::inline PLAIT_ABI::detail
