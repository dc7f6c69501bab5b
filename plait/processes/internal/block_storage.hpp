// Where an encoder goes on writing when a payload outgrows the memory that it began in.
#pragma once

#include <plait/portable/bytes.hpp>
#include <plait/processes/internal/block_cache.hpp>
#include <plait/processes/internal/worker_link.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

namespace plait::inline PLAIT_ABI::detail {

/// The parent's: into a block. Where `outgrown`, the payload is at the begin of take().
class block_storage final : public byte_storage {
 public:
  explicit block_storage(block_cache& blocks) noexcept : blocks_(blocks) {}

  std::span<std::byte> grow(std::span<const std::byte> so_far, std::size_t at_least) override;

  [[nodiscard]] bool outgrown() const noexcept { return static_cast<bool>(memory_); }
  [[nodiscard]] block take() noexcept { return std::move(memory_); }
  [[nodiscard]] freight* beside() noexcept override { return &beside_; }
  [[nodiscard]] freight take_beside() noexcept { return std::move(beside_); }

 private:
  block_cache& blocks_;
  block memory_;
  freight beside_;
};

/// The worker's: out of the reply ring into a block that the parent grants.
class worker_block_storage final : public byte_storage {
 public:
  explicit worker_block_storage(worker_link& parent) noexcept : parent_(parent) {}

  std::span<std::byte> grow(std::span<const std::byte> so_far, std::size_t at_least) override;
  [[nodiscard]] freight* beside() noexcept override { return &beside_; }

 private:
  worker_link& parent_;
  freight beside_;
};

}  // namespace plait::inline PLAIT_ABI::detail
