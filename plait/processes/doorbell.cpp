#include <plait/processes/internal/doorbell.hpp>

#if !defined(PLAIT_SIMULATED)

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace plait::inline PLAIT_ABI::detail {

// Not FUTEX_PRIVATE_FLAG: the kernel must find the sleeper by the page, not by the address.

void shared_futex_wait(const sync::atomic<std::uint32_t>& word, std::uint32_t expected) noexcept {
  syscall(SYS_futex, &word, FUTEX_WAIT, expected, nullptr, nullptr, 0);
}

void shared_futex_wake(const sync::atomic<std::uint32_t>& word, int count) noexcept {
  syscall(SYS_futex, &word, FUTEX_WAKE, count, nullptr, nullptr, 0);
}

}  // namespace plait::inline PLAIT_ABI::detail

#endif
