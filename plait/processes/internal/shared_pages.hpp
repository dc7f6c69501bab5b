// What a shared_buffer's handles in this process have in common, and how it gets from process to process.
//
//   program                                  control socket                                worker
//   ───────                                  ──────────────                                ──────
//   encode: place in the freight,
//     pages into the freight
//   send: descriptors ──────── lend, tagged with the call's number ────────►  (waits in the socket)
//         header: so many descriptors ─────── request ring ────────────────►  next(): takes them off
//                                                                             mapped, decode, run, encode
//         (taken off with that reply) ◄─────── lend, tagged likewise ───────  descriptors
//   next_reply() ◄──────────── reply ring: so many messages ────────────────  reply()
//   checked, mapped, decode
//
// Guarantees
// - A descriptor is in the socket before the message that counts it is published, so nobody waits for one.
// - Calls that carry buffers are not sent ahead: what is in the socket is for the call that runs next. One that is
//   withdrawn leaves its descriptors there; the worker drops them when it comes by.
// - The program believes nothing of what a worker sent. A descriptor is taken where it is a memfd of ordinary pages,
//   sealed as plait seals it, of whole pages that are there, and open for writing; its bytes must be as many as the
//   message says. Else the call has a decode_error. (So it can't be cut short while it is read; its pages can be
//   given back, and come again as zeros, as can those of a block.) A count that is no count is a protocol_error.
// - A descriptor that is known here already gives the pages that are here: in and out again is no second mapping.
// - What can't be had (a descriptor here or there, address space, room in the socket) is a std::system_error of that
//   call, on either side.
#pragma once

#include <plait/portable/freight.hpp>
#include <plait/processes/internal/shared_memory.hpp>
#include <plait/processes/internal/unique_fd.hpp>
#include <plait/processes/internal/wire.hpp>

#include <cstddef>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include <sys/types.h>

namespace plait::inline PLAIT_ABI::detail {

/// Thread-safe.
class shared_pages final : public cargo {
 public:
  /// New ones. Throws std::system_error.
  [[nodiscard]] static std::shared_ptr<shared_pages> create(std::size_t bytes);
  /// Those that a descriptor from another process stands for. Throws decode_error where it is none of a shared
  /// buffer's; std::system_error where it can't be mapped.
  [[nodiscard]] static std::shared_ptr<shared_pages> receive(unique_fd&& descriptor);
  ~shared_pages() override;

  /// Of all that are held in this process.
  [[nodiscard]] static std::vector<int> descriptors_here();

  [[nodiscard]] std::span<std::byte> bytes() const noexcept { return memory_.bytes(); }
  [[nodiscard]] int fd() const noexcept { return memory_.fd(); }

  using identity = std::pair<dev_t, ino_t>;

 private:
  shared_pages(shared_memory&& memory, identity which) noexcept;
  [[nodiscard]] static std::shared_ptr<shared_pages> known_or(shared_memory&& memory, identity which);

  const shared_memory memory_;
  const identity identity_;
};

/// In one call or result. Arbitrary: not quite the descriptors that programs commonly may have.
inline constexpr std::size_t most_shared_buffers = 1000;
static_assert(most_shared_buffers <= most_lends * most_lent_at_once);

/// Throws not_portable where there are too many for one message.
void check_count(const freight& beside);
/// The descriptors that stand for it, which stay its own.
[[nodiscard]] std::vector<int> descriptors_of(const freight& beside);
/// What came. Throws as shared_pages::receive does.
[[nodiscard]] freight received(std::vector<unique_fd>&& descriptors);

}  // namespace plait::inline PLAIT_ABI::detail
