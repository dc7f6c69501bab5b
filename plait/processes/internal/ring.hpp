// A ring of bytes that messages lie in, each in one piece: where one would cross the end, a filler takes the rest.
//
// Only arithmetic. Positions count bytes since the beginning and never wrap; who writes and who reads keep theirs.
#pragma once

#include <plait/core/config.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

namespace plait::inline PLAIT_ABI::detail {

class ring {
 public:
  /// `alignment` and the size are powers of two; headers are no larger than `alignment`, so a filler's always fits.
  ring(std::span<std::byte> memory, std::size_t alignment) noexcept : memory_(memory), alignment_(alignment) {}

  [[nodiscard]] std::size_t size() const noexcept { return memory_.size(); }
  [[nodiscard]] std::byte* at(std::uint64_t position) const noexcept { return &memory_[offset(position)]; }
  [[nodiscard]] std::size_t offset(std::uint64_t position) const noexcept { return position & (memory_.size() - 1); }
  /// From there to the end in one piece.
  [[nodiscard]] std::size_t rest(std::uint64_t position) const noexcept { return memory_.size() - offset(position); }
  [[nodiscard]] std::size_t rounded(std::size_t bytes) const noexcept {
    return (bytes + alignment_ - 1) & ~(alignment_ - 1);
  }
  [[nodiscard]] bool aligned(std::uint64_t position) const noexcept { return (position & (alignment_ - 1)) == 0; }

  /// Where a message of that size goes, if everything up to `written` is written: there, or at the ring's begin.
  [[nodiscard]] std::uint64_t place(std::uint64_t written, std::size_t bytes) const noexcept {
    const auto left = rest(written);
    return left >= rounded(bytes) ? written : written + left;
  }
  [[nodiscard]] bool fits(std::uint64_t written, std::size_t bytes, std::uint64_t freed) const noexcept {
    return place(written, bytes) + rounded(bytes) - freed <= memory_.size();
  }

 private:
  std::span<std::byte> memory_;
  std::size_t alignment_;
};

}  // namespace plait::inline PLAIT_ABI::detail
