// The memory of a link: one page of words, two rings, and a page for what the worker may have to say at its end.
//
// Words that different sides write lie on different pairs of cache lines (the processor fetches them by pairs). A
// word that is read at every call but changes rarely (bed, doorbell) stays in both caches.
#pragma once

#include <plait/processes/internal/crash_record.hpp>
#include <plait/processes/internal/doorbell.hpp>
#include <plait/processes/internal/shared_memory.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

namespace plait::inline PLAIT_ABI::detail {

/// Room for 2048 small calls in flight, and twice as many small results: more than a pool prefetches. Smaller rings
/// would hold few payloads of the largest inline size (these hold 7); larger ones leave a second-level cache sooner,
/// and take longer to make.
inline constexpr std::size_t request_ring_bytes = 128 * 1024;
inline constexpr std::size_t reply_ring_bytes = 128 * 1024;

/// Entering all of them at both ends took a quarter of the time in which a pool starts, and few calls need few.
inline constexpr page_entries link_pages = page_entries::when_touched;

struct link_memory {
  // The parent writes.
  alignas(128) sync::atomic<std::uint64_t> requests_published{0};  // seq_cst; pairs with the worker's going to bed
  alignas(128) sync::atomic<std::uint64_t> replies_freed{0};       // seq_cst; pairs with the worker's wait for room
  alignas(128) sync::atomic<std::uint64_t> stop{0};                // before stop_changes
  sync::atomic<std::uint32_t> stop_changes{0};                     // futex of the listener
  sync::atomic<std::uint32_t> closed{0};                           // 1: the parent's end is gone
  sync::atomic<std::uint64_t> control_sent{0};                     // messages on the control socket

  // Both write, rarely.
  alignas(128) worker_bed bed;
  alignas(128) doorbell bells;
  alignas(128) sync::atomic<std::uint64_t> spare{0};  // a block that the worker may take (by exchange); 0: none

  // The worker writes; the parent checks.
  alignas(128) sync::atomic<std::uint64_t> replies_published{0};  // seq_cst; the parent acquires
  alignas(128) sync::atomic<std::uint64_t> passed{0};  // the last request that it went past without an answer

  alignas(4096) std::byte requests[request_ring_bytes];
  std::byte replies[reply_ring_bytes];

  alignas(4096) crash_record crash;  // the worker writes, at its end; the parent reads it after that
};

}  // namespace plait::inline PLAIT_ABI::detail
