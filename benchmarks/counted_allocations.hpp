// Counts what the program allocates: a test that links counted_allocations.cpp has operators new that count.
#pragma once

#include <cstdint>

namespace bench {

/// By all threads. A call of another thread counts once it has ended before this.
[[nodiscard]] std::uint64_t allocations() noexcept;
/// By the calling thread alone.
[[nodiscard]] std::uint64_t allocations_of_this_thread() noexcept;

}  // namespace bench
