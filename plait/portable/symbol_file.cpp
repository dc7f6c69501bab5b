#include <plait/portable/internal/exception_registry.hpp>
#include <plait/portable/internal/symbol_file.hpp>

#include <cstring>

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
  read_functions();
}

symbol_file::~symbol_file() {
  if (!file_.empty()) munmap(const_cast<std::byte*>(file_.data()), file_.size());
}

template <class T> std::span<const T> symbol_file::table(std::uint64_t offset, std::uint64_t bytes) const {
  if (offset > file_.size() || bytes > file_.size() - offset || offset % alignof(T) != 0) return {};
  return {reinterpret_cast<const T*>(file_.data() + offset), static_cast<std::size_t>(bytes / sizeof(T))};
}

void symbol_file::read_functions() {
  const auto headers = table<ElfW(Ehdr)>(0, sizeof(ElfW(Ehdr)));
  if (headers.empty() || std::memcmp(headers[0].e_ident, ELFMAG, SELFMAG) != 0) return;
  const auto sections = table<ElfW(Shdr)>(headers[0].e_shoff, headers[0].e_shnum * sizeof(ElfW(Shdr)));
  for (const auto& section : sections) {
    if ((section.sh_type != SHT_SYMTAB && section.sh_type != SHT_DYNSYM) || section.sh_link >= sections.size())
      continue;
    const auto& text = sections[section.sh_link];
    const auto names = table<char>(text.sh_offset, text.sh_size);
    if (names.empty() || names.back() != '\0') continue;
    for (const auto& symbol : table<ElfW(Sym)>(section.sh_offset, section.sh_size)) {
      if (ELF64_ST_TYPE(symbol.st_info) != STT_FUNC || symbol.st_size == 0 || symbol.st_name >= names.size())
        continue;
      functions_.push_back({symbol.st_value, symbol.st_value + symbol.st_size, &names[symbol.st_name]});
    }
  }
}

std::string symbol_file::function_at(std::uintptr_t address) const {
  for (const auto& function : functions_)
    if (address >= function.begin && address < function.end) return demangle(function.name);
  return {};
}

}  // namespace plait::inline PLAIT_ABI::detail
