// Memory that a program shares with one worker: an unnamed file, sealed against shrinking, growing and further seals.
//
// Guarantees
// - All its pages exist when it is made: writing to it later needs no memory that might not be there, and what the
//   other side does to the file cannot make reading it a SIGBUS. (A worker can give pages back; they come again,
//   empty.)
// - Memory that the other side only reads it cannot change either, whatever it does: sealed against writes by whoever
//   maps it later, and against giving pages back.
// - No name in any file system, nothing left behind however a process dies.
#pragma once

#include <plait/processes/internal/unique_fd.hpp>

#include <cstddef>
#include <span>

#include <sys/stat.h>

namespace plait::inline PLAIT_ABI::detail {

/// What the other side may do with it.
enum class other_side { writes, reads_only };

/// When the pages of a mapping are entered into it: all in one go, which is cheaper where most are used, or each when
/// it is touched.
enum class page_entries { at_once, when_touched };

class shared_memory {
 public:
  shared_memory() noexcept = default;
  shared_memory(shared_memory&& other) noexcept;
  shared_memory& operator=(shared_memory&& other) noexcept;
  ~shared_memory();

  /// New memory, all zero, mapped. `name` is what /proc/PID/maps shows; it need not be unique. `bytes` is rounded up
  /// to whole pages. Throws std::system_error that names the call that failed, or says that there is none in a
  /// sandbox.
  [[nodiscard]] static shared_memory create(const char* name, std::size_t bytes,
                                            other_side other = other_side::writes,
                                            page_entries entries = page_entries::at_once);

  /// Memory that another process made; to be read only, where it made it so. Checks that it is sealed; throws
  /// std::system_error, or std::runtime_error where it is not: then the descriptor is the caller's still.
  [[nodiscard]] static shared_memory map(unique_fd&& descriptor, page_entries entries = page_entries::at_once);

  /// Memory that another process made, which may be hostile: a memfd of ordinary pages, sealed against resizing only,
  /// with all its pages there. Entered when touched: who is handed a GiB may look at a byte of it. Throws
  /// decode_error where it is none, std::system_error where it can't be mapped.
  [[nodiscard]] static shared_memory map_foreign(unique_fd&& descriptor);

  [[nodiscard]] int fd() const noexcept { return descriptor_.get(); }
  [[nodiscard]] std::span<std::byte> bytes() const noexcept { return bytes_; }

  /// The mapping stays.
  void close_fd() noexcept { descriptor_.reset(); }

 private:
  shared_memory(unique_fd&& descriptor, std::span<std::byte> bytes) noexcept;

  unique_fd descriptor_;
  std::span<std::byte> bytes_;
};

/// fstat, also in a sandbox. Throws std::system_error.
[[nodiscard]] struct stat stat_of(int descriptor);

}  // namespace plait::inline PLAIT_ABI::detail
