#include <plait/processes/internal/landlock.hpp>
#include <plait/processes/internal/unique_fd.hpp>

#include <algorithm>
#include <cerrno>
#include <cstdint>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

// As the kernel's documentation has them (https://docs.kernel.org/userspace-api/landlock.html); Debian 12's headers
// know the first two versions.
#if !defined(SYS_landlock_create_ruleset)
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_add_rule 445
#define SYS_landlock_restrict_self 446
#endif

namespace plait::inline PLAIT_ABI::detail {
namespace {

constexpr std::uint32_t ask_version = 1;        // LANDLOCK_CREATE_RULESET_VERSION
constexpr std::uint32_t rule_beneath = 1;       // LANDLOCK_RULE_PATH_BENEATH
constexpr std::uint64_t read_file = 1U << 2;    // LANDLOCK_ACCESS_FS_READ_FILE
constexpr std::uint64_t read_folder = 1U << 3;  // LANDLOCK_ACCESS_FS_READ_DIR

struct ruleset {
  std::uint64_t files = 0;
  std::uint64_t network = 0;  // since version 4
  std::uint64_t scoped = 0;   // since version 6
};

// What it can take away: the lowest bits, more with each version.
std::uint64_t all_of_files(int version) {
  const int bits = version >= 5 ? 16 : version >= 3 ? 15 : version >= 2 ? 14 : 13;
  return (std::uint64_t{1} << bits) - 1;
}

struct beneath {
  std::uint64_t allowed;
  std::int32_t parent;
} __attribute__((packed));

void allow(const unique_fd& rules, const std::string& path) {
  const unique_fd there(::open(path.c_str(), O_PATH | O_CLOEXEC));
  if (!there) throw_system_error(errno, "open of \"" + path + "\", which the sandbox may read");
  struct stat kind{};
  if (::fstat(there.get(), &kind) != 0) throw_system_error(errno, "fstat of \"" + path + '"');
  const beneath rule{S_ISDIR(kind.st_mode) ? read_file | read_folder : read_file, there.get()};
  if (::syscall(SYS_landlock_add_rule, rules.get(), rule_beneath, &rule, 0) != 0)
    throw_system_error(errno, "landlock_add_rule for \"" + path + '"');
}

}  // namespace

int landlock_version() noexcept {
  const auto version = ::syscall(SYS_landlock_create_ruleset, nullptr, 0, ask_version);
  return static_cast<int>(std::max(version, 0L));
}

void restrict_to_reading(std::span<const std::string> paths) {
  const int version = landlock_version();
  ruleset wanted{.files = all_of_files(version)};
  if (version >= 4) wanted.network = 3;  // TCP: bind and connect
  if (version >= 6) wanted.scoped = 3;   // abstract sockets of others, signals to others
  const auto size = version >= 6 ? sizeof(ruleset) : version >= 4 ? 2 * sizeof(std::uint64_t) : sizeof(std::uint64_t);
  const unique_fd rules(static_cast<int>(::syscall(SYS_landlock_create_ruleset, &wanted, size, 0)));
  if (!rules) throw_system_error(errno, "landlock_create_ruleset");
  for (const auto& path : paths) allow(rules, path);
  if (::syscall(SYS_landlock_restrict_self, rules.get(), 0) != 0) throw_system_error(errno, "landlock_restrict_self");
}

}  // namespace plait::inline PLAIT_ABI::detail
