// What a worker may send where a descriptor is expected: shared memory as plait makes it, and what only looks like
// it.
#pragma once

#include <plait/processes/internal/unique_fd.hpp>

#include <cstddef>
#include <map>
#include <string>

#include "buffers.hpp"
#include <fcntl.h>
#include <linux/memfd.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

namespace fuzz {

class hostile_descriptors {
 public:
  enum kind : unsigned {
    right,
    right_of_two_pages,
    the_programs,  // one that it knows
    pipe,
    file,
    folder,
    event,
    not_sealed,
    can_shrink,
    not_writable,
    opened_for_reading,
    without_pages,
    no_whole_page,
    empty,
    kinds
  };

  /// It stays this object's; -1 where it can't be had. The same one for the same kind.
  [[nodiscard]] int of_kind(unsigned which) {
    which %= kinds;
    if (which == the_programs) return own_buffers().front()->fd();
    auto& made = made_[which];
    if (!made) made = make(static_cast<kind>(which));
    return made.get();
  }
  /// Those of shared memory lose all their pages; they come again, empty.
  void give_back_pages(unsigned which) {
    ::fallocate(of_kind(which), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 1 << 20);
  }

 private:
  using descriptor = plait::detail::unique_fd;

  static constexpr int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;

  static descriptor memory(off_t bytes, int sealed, off_t there) {
    descriptor made(::memfd_create("hostile", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (!made || ::ftruncate(made.get(), bytes) != 0) return {};
    if (there > 0 && ::fallocate(made.get(), 0, 0, there) != 0) return {};
    if (::fcntl(made.get(), F_ADD_SEALS, sealed) != 0) return {};
    return made;
  }

  static descriptor make(kind which) {
    const auto page = static_cast<off_t>(::sysconf(_SC_PAGESIZE));
    switch (which) {
      case right_of_two_pages:
        return memory(2 * page, seals, 2 * page);
      case pipe: {
        int ends[2];
        if (::pipe2(ends, O_CLOEXEC) != 0) return {};
        ::close(ends[1]);
        return descriptor(ends[0]);
      }
      case file:
        return descriptor(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
      case folder:
        return descriptor(::open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
      case event:
        return descriptor(::eventfd(1, EFD_CLOEXEC));
      case not_sealed:
        return memory(page, 0, page);
      case can_shrink:
        return memory(page, F_SEAL_GROW | F_SEAL_SEAL, page);
      case not_writable:
        return memory(page, seals | F_SEAL_WRITE, page);
      case opened_for_reading: {
        const auto made = memory(page, seals, page);
        return descriptor(::open(("/proc/self/fd/" + std::to_string(made.get())).c_str(), O_RDONLY | O_CLOEXEC));
      }
      case without_pages:
        return memory(off_t{1} << 40, seals, 0);
      case no_whole_page:
        return memory(5000, seals, 5000);
      case empty:
        return memory(0, seals, 0);
      default:
        return memory(page, seals, page);
    }
  }

  std::map<unsigned, descriptor> made_;
};

}  // namespace fuzz
