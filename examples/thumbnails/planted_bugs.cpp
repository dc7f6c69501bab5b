#include "planted_bugs.hpp"

#include <cstddef>
#include <vector>

#include <fcntl.h>
#include <sys/socket.h>

namespace {

void writes_through_a_wild_pointer() {
  volatile char* volatile wild = nullptr;
  *wild = 'x';
}

void never_ends() {
  const volatile bool for_ever = true;
  while (for_ever) {
  }
}

// Nearly: a pool that can't see its workers' memory must not cost you your machine.
void takes_all_memory() {
  constexpr std::size_t most = 4096;  // MiB
  std::vector<std::vector<char>> taken;
  while (taken.size() < most) taken.emplace_back(1 << 20, 'x');
  never_ends();
}

void opens_a_file() { static_cast<void>(open("/etc/passwd", O_RDONLY | O_CLOEXEC)); }

void calls_home() { static_cast<void>(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)); }

}  // namespace

const std::array<planted_bug, 5> planted_bugs{{{"crash", writes_through_a_wild_pointer},
                                               {"hang", never_ends},
                                               {"memory", takes_all_memory},
                                               {"file", opens_a_file},
                                               {"network", calls_home}}};

void run_planted_bug(const bytes& file) {
  std::string_view text(reinterpret_cast<const char*>(file.data()), file.size());
  const auto mark = text.find(planted_bug_mark);
  if (mark == std::string_view::npos) return;
  text.remove_prefix(mark + planted_bug_mark.size());
  for (const auto& bug : planted_bugs)
    if (text.starts_with(bug.name)) bug.happens();
}
