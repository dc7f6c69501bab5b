#include <plait/portable/errors.hpp>
#include <plait/portable/internal/loaded_modules.hpp>
#include <plait/processes/internal/shared_memory.hpp>
#include <plait/processes/internal/shared_memory_room.hpp>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <stdexcept>
#include <string>
#include <utility>

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/memfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

// Younger than Debian 12's headers.
#if !defined(MFD_NOEXEC_SEAL)
#define MFD_NOEXEC_SEAL 0x0008U
#endif
#if !defined(F_SEAL_FUTURE_WRITE)
#define F_SEAL_FUTURE_WRITE 0x0010
#endif
#if !defined(MADV_POPULATE_WRITE)
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#endif

namespace plait::inline PLAIT_ABI::detail {
namespace {

constexpr int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;

// fallocate gives all back when a signal comes; so it is asked for pieces that a profiler's signals let through.
constexpr std::size_t piece = std::size_t{64} << 20;

std::string of_memory(const char* call, std::size_t bytes) {
  return std::string(call) + " of " + std::to_string(bytes) + " bytes of shared memory";
}

unique_fd unnamed_file(const char* name) {
  const unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
  int made = ::memfd_create(name, flags | MFD_NOEXEC_SEAL);
  if (made < 0 && errno == EINVAL) made = ::memfd_create(name, flags);  // Linux before 6.3
  return above_stdio(made, "memfd_create");
}

// Below, there is no need to ask whether there is room: it would cost as much as making it.
constexpr std::size_t worth_asking = std::size_t{4} << 20;

void allocate_pages(int descriptor, std::size_t bytes) {
  // Beyond RLIMIT_FSIZE the kernel would send SIGXFSZ, which ends the program.
  rlimit limit{};
  if (::getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY && bytes > limit.rlim_cur)
    throw_system_error(EFBIG, of_memory("fallocate (the limit is RLIMIT_FSIZE)", bytes));
  if (bytes >= worth_asking && bytes > room_for_shared_memory())
    throw_system_error(ENOMEM, of_memory("fallocate (there is not so much memory left)", bytes));
  for (std::size_t at = 0; at < bytes;) {
    const auto some = std::min(piece, bytes - at);
    if (::fallocate(descriptor, 0, static_cast<off_t>(at), static_cast<off_t>(some)) == 0) {
      at += some;
    } else if (errno != EINTR) {
      throw_system_error(errno, of_memory("fallocate", bytes));
    }
  }
}

// MAP_POPULATE only asks to read, and takes half as long again. What fails here happens when a page is touched.
void enter_pages(void* at, int descriptor, std::size_t bytes, int protection) noexcept {
  const bool old =
      ::madvise(at, bytes, (protection & PROT_WRITE) != 0 ? MADV_POPULATE_WRITE : MADV_POPULATE_READ) != 0 &&
      errno == EINVAL;  // Linux before 5.14
  if (old) static_cast<void>(::mmap(at, bytes, protection, MAP_SHARED | MAP_FIXED | MAP_POPULATE, descriptor, 0));
}

std::span<std::byte> mapped(int descriptor, std::size_t bytes, int protection, page_entries entries) {
  void* const at = ::mmap(nullptr, bytes, protection, MAP_SHARED, descriptor, 0);
  if (at == MAP_FAILED) throw_system_error(errno, of_memory("mmap", bytes));
  if (entries == page_entries::at_once) enter_pages(at, descriptor, bytes, protection);
  return {static_cast<std::byte*>(at), bytes};
}

[[noreturn]] void refuse(const std::string& why) {
  throw decode_error("plait: what another process sent as a shared buffer is none: " + why);
}

}  // namespace

shared_memory::shared_memory(unique_fd&& descriptor, std::span<std::byte> bytes) noexcept
    : descriptor_(std::move(descriptor)), bytes_(bytes) {}

shared_memory::shared_memory(shared_memory&& other) noexcept
    : descriptor_(std::move(other.descriptor_)), bytes_(std::exchange(other.bytes_, {})) {}

shared_memory& shared_memory::operator=(shared_memory&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

shared_memory::~shared_memory() {
  if (!bytes_.empty()) ::munmap(bytes_.data(), bytes_.size());
}

struct stat stat_of(int descriptor) {
  struct stat found{};
#if defined(SYS_fstat)  // glibc's may be a call with a path in it, which a sandboxed worker has not
  const auto failed = ::syscall(SYS_fstat, descriptor, &found);
#else
  const auto failed = ::fstat(descriptor, &found);
#endif
  if (failed != 0) throw_system_error(errno, "fstat of shared memory");
  return found;
}

shared_memory shared_memory::create(const char* name, std::size_t bytes, other_side other, page_entries entries) {
  // Memory that is nobody's counts for no limit of the worker's.
  if (files_are_out_of_reach()) {
    throw_system_error(
        EPERM,
        "a sandboxed worker can make no shared memory (pass it a shared_buffer that it may fill, or return a "
        "std::vector)");
  }
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  if (bytes == 0 || bytes > static_cast<std::size_t>(std::numeric_limits<off_t>::max()) - page)
    throw_system_error(bytes == 0 ? EINVAL : EFBIG, of_memory("fallocate", bytes));
  bytes = (bytes + page - 1) / page * page;
  auto descriptor = unnamed_file(name);
  allocate_pages(descriptor.get(), bytes);
  const auto memory = mapped(descriptor.get(), bytes, PROT_READ | PROT_WRITE, entries);  // may be written for ever
  shared_memory made(std::move(descriptor), memory);
  const int chosen = other == other_side::reads_only ? seals | F_SEAL_FUTURE_WRITE : seals;
  if (::fcntl(made.fd(), F_ADD_SEALS, chosen) != 0) throw_system_error(errno, "fcntl(F_ADD_SEALS) of shared memory");
  return made;
}

shared_memory shared_memory::map(unique_fd&& descriptor, page_entries entries) {
  const int found = ::fcntl(descriptor.get(), F_GET_SEALS);
  if (found < 0) throw_system_error(errno, "fcntl(F_GET_SEALS) of shared memory");
  if ((found & seals) != seals) throw std::runtime_error("plait: shared memory that is not sealed against resizing");
  // Not fstat, which in glibc is a call with a path in it: a sandboxed worker has only calls without.
  const auto size = ::lseek(descriptor.get(), 0, SEEK_END);
  if (size < 0) throw_system_error(errno, "lseek of shared memory");
  const int protection = (found & F_SEAL_FUTURE_WRITE) != 0 ? PROT_READ : PROT_READ | PROT_WRITE;
  const auto memory = mapped(descriptor.get(), static_cast<std::size_t>(size), protection, entries);
  return shared_memory(std::move(descriptor), memory);
}

shared_memory shared_memory::map_foreign(unique_fd&& descriptor) {
  // First the seals: after that its size is what it is. Only memfds can have these, and of them those of huge pages
  // are refused, whose pages, given back, might not come again.
  const int found = ::fcntl(descriptor.get(), F_GET_SEALS);
  if (found < 0) refuse("it is no memfd");
  constexpr int unwritable = F_SEAL_WRITE | F_SEAL_FUTURE_WRITE;
  if ((found & seals) != seals || (found & unwritable) != 0) refuse("its seals are " + std::to_string(found));
  struct statfs system{};
  if (::fstatfs(descriptor.get(), &system) != 0) throw_system_error(errno, "fstatfs of shared memory");
  if (system.f_type != TMPFS_MAGIC) refuse("its pages are no ordinary ones");
  const auto file = stat_of(descriptor.get());
  const auto page = static_cast<off_t>(::sysconf(_SC_PAGESIZE));
  if (file.st_size <= 0 || file.st_size % page != 0) refuse("its size is " + std::to_string(file.st_size));
  if (file.st_blocks < file.st_size / 512) {  // in units of 512 bytes, whatever the file system's block
    refuse("of " + std::to_string(file.st_size) + " bytes only " + std::to_string(file.st_blocks * 512) +
           " are there");
  }
  if ((::fcntl(descriptor.get(), F_GETFL) & O_ACCMODE) != O_RDWR) refuse("it is not open for writing");
  const auto memory = mapped(descriptor.get(), static_cast<std::size_t>(file.st_size), PROT_READ | PROT_WRITE,
                             page_entries::when_touched);
  return shared_memory(std::move(descriptor), memory);
}

}  // namespace plait::inline PLAIT_ABI::detail
