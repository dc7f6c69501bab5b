#include <plait/portable/internal/loaded_modules.hpp>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <filesystem>
#include <span>
#include <system_error>
#include <utility>

#include <elf.h>
#include <link.h>

namespace plait::inline PLAIT_ABI::detail {

namespace {

std::atomic<bool> out_of_reach{false};

/// Calls `look` with each module, the main program first, until it is true.
template <class Look> void visit_modules(Look look) {
  struct state {
    Look& look;
    bool first = true;
  } visit{look};
  dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t /*size*/, void* data) -> int {
        auto& s = *static_cast<state*>(data);
        return s.look(*info, std::exchange(s.first, false)) ? 1 : 0;
      },
      &visit);
}

std::string_view build_id_in(const std::byte* notes, std::size_t size, std::size_t alignment) {
  const auto aligned = [&](std::size_t n) { return (n + alignment - 1) / alignment * alignment; };
  while (size >= sizeof(ElfW(Nhdr))) {
    ElfW(Nhdr) header;
    std::memcpy(&header, notes, sizeof(header));
    const std::size_t text_at = sizeof(header) + aligned(header.n_namesz);
    const std::size_t all = text_at + aligned(header.n_descsz);
    if (text_at + header.n_descsz > size) break;
    if (header.n_type == NT_GNU_BUILD_ID && header.n_namesz == sizeof(ELF_NOTE_GNU) &&
        std::memcmp(notes + sizeof(header), ELF_NOTE_GNU, sizeof(ELF_NOTE_GNU)) == 0)
      return {reinterpret_cast<const char*>(notes + text_at), header.n_descsz};
    if (all >= size) break;
    notes += all;
    size -= all;
  }
  return {};
}

std::string_view build_id_of(const dl_phdr_info& info) {
  for (const auto& segment : std::span(info.dlpi_phdr, info.dlpi_phnum)) {
    if (segment.p_type != PT_NOTE) continue;
    const auto* const notes = reinterpret_cast<const std::byte*>(info.dlpi_addr + segment.p_vaddr);
    const auto id = build_id_in(notes, segment.p_memsz, std::max<std::size_t>(segment.p_align, 4));
    if (!id.empty()) return id;
  }
  return {};
}

code_ranges code_of(const dl_phdr_info& info) {
  code_ranges code;
  for (const auto& segment : std::span(info.dlpi_phdr, info.dlpi_phnum)) {
    if (segment.p_type != PT_LOAD || (segment.p_flags & PF_X) == 0) continue;
    const auto begin = info.dlpi_addr + segment.p_vaddr;
    code.push_back({begin, begin + segment.p_memsz});
  }
  return code;
}

loaded_module describe(const dl_phdr_info& info, bool is_main) {
  loaded_module module{.base = info.dlpi_addr,
                       .code = code_of(info),
                       .description = {{}, std::string(build_id_of(info))},
                       .is_main = is_main};
  if (is_main) {
    module.description.path = "/proc/self/exe";
  } else {
    // A library that was loaded by a relative path must be found from another directory.
    std::error_code none_such;
    std::filesystem::path path;
    if (!files_are_out_of_reach()) path = std::filesystem::canonical(info.dlpi_name, none_such);
    module.description.path = path.empty() ? std::string(info.dlpi_name) : path.native();
  }
  return module;
}

template <class Wanted> std::optional<loaded_module> find_module(Wanted wanted) {
  std::optional<loaded_module> found;
  visit_modules([&](const dl_phdr_info& info, bool is_main) {
    if (!wanted(info)) return false;
    found = describe(info, is_main);
    return true;
  });
  return found;
}

}  // namespace

const loaded_module& main_module() {
  // Never destroyed: calls are submitted while the program leaves.
  static const auto& module = *new loaded_module(find_module([](const dl_phdr_info&) { return true; }).value());
  return module;
}

std::optional<loaded_module> find_loaded_module(std::uintptr_t address) {
  return find_module([&](const dl_phdr_info& info) { return contains(code_of(info), address); });
}

std::optional<loaded_module> find_loaded_module(std::string_view build_id) {
  return find_module([&](const dl_phdr_info& info) { return build_id_of(info) == build_id; });
}

std::vector<module_outline> loaded_modules() {
  std::vector<module_outline> all;
  visit_modules([&](const dl_phdr_info& info, bool is_main) {
    all.push_back({is_main ? "" : info.dlpi_name, info.dlpi_addr, code_of(info)});
    return false;
  });
  return all;
}

void no_more_files() noexcept { out_of_reach.store(true, std::memory_order_relaxed); }
bool files_are_out_of_reach() noexcept { return out_of_reach.load(std::memory_order_relaxed); }

unsigned long long count_of_unloaded() noexcept {
  unsigned long long count = 0;
  visit_modules([&](const dl_phdr_info& info, bool) {
    count = info.dlpi_subs;
    return true;
  });
  return count;
}

}  // namespace plait::inline PLAIT_ABI::detail
