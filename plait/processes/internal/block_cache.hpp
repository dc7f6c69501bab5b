// Large payloads travel in blocks: shared memory of their own, made by the parent alone, in both directions, and used
// again and again, because fresh pages cost more than copying into them.
//
// Guarantees
// - Blocks for arguments are written by the parent only: a worker that saw one can never change it. So any worker may
//   get it next; it could also still read what another's call is given. Where that matters: block_sharing::none.
// - Blocks for results are written by one worker, and are used with no other: it could still be writing to them.
// - A block's size is the need rounded up by eighths of a power of two, so at most an eighth of it is unused.
// - Blocks that nobody uses are kept up to `idle_limit` bytes in all; the one idle for longest goes first.
#pragma once

#include <plait/core/internal/mutex.hpp>
#include <plait/processes/internal/shared_memory.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace plait::inline PLAIT_ABI::detail {

class block_cache;

struct block_memory_record {
  std::uint64_t id;
  shared_memory memory;
  std::uint64_t writer;   // the worker that writes results to it; nobody: it is for arguments
  std::uint64_t seen_by;  // the worker that knows it, of several the last one; nobody: none does
};

/// A block in use. Destroyed, it goes back to its cache, which must still be there.
class block {
 public:
  block() noexcept = default;
  block(block&& other) noexcept;
  block& operator=(block&& other) noexcept;
  ~block();

  [[nodiscard]] explicit operator bool() const noexcept { return record_ != nullptr; }
  [[nodiscard]] std::uint64_t id() const noexcept;
  /// All of it; what it held before may still be in it.
  [[nodiscard]] std::span<std::byte> memory() const noexcept;
  [[nodiscard]] int fd() const noexcept;

  /// From now on a worker knows it. `worker` is its link's id.
  void show_to(std::uint64_t worker) noexcept;

 private:
  friend class block_cache;
  block(block_cache& cache, std::unique_ptr<block_memory_record> record) noexcept;

  block_cache* cache_ = nullptr;
  std::unique_ptr<block_memory_record> record_;
};

/// What a worker may see of blocks that another has seen.
enum class block_sharing { arguments, none };

/// Thread-safe. Making a block can take long (a GiB: half a second): no lock is held meanwhile, and callers should
/// hold none of theirs.
class block_cache {
 public:
  struct options {
    /// Memory kept for nobody, against the cost of fresh pages: ten times that of copying into them.
    std::size_t idle_limit = std::size_t{256} << 20;
    block_sharing sharing = block_sharing::arguments;
  };
  struct figures {
    std::size_t made = 0;    ///< since the cache exists
    std::size_t reused = 0;  ///< taken without making one
    std::size_t idle = 0;    ///< blocks that nobody uses now
    std::size_t idle_bytes = 0;
    std::size_t used = 0;  ///< blocks in use now
  };

  block_cache() noexcept;
  explicit block_cache(const options& chosen) noexcept;
  block_cache(const block_cache&) = delete;
  block_cache& operator=(const block_cache&) = delete;
  ~block_cache();

  static constexpr std::uint64_t nobody = 0;

  /// A block of at least `bytes` for arguments; or, with a worker (its link's id), for its result. Throws
  /// std::system_error where there is no memory for it.
  [[nodiscard]] block take(std::size_t bytes, std::uint64_t writer = nobody);

  /// What only this worker has seen is freed, now and when it comes back.
  void forget(std::uint64_t worker) noexcept;

  /// Frees whatever nobody uses.
  void clear() noexcept;

  [[nodiscard]] figures look() const;

  /// Changes whenever blocks were freed: then links ask which of those that they know.
  [[nodiscard]] std::uint64_t freed() const noexcept { return freed_.load(std::memory_order_acquire); }
  [[nodiscard]] std::vector<std::uint64_t> without(const std::vector<std::uint64_t>& ids) const;

  /// `bytes` rounded up by eighths of a power of two; at least the smallest block.
  [[nodiscard]] static std::size_t rounded(std::size_t bytes);

 private:
  friend class block;
  using idle_list = std::vector<std::unique_ptr<block_memory_record>>;

  void give_back(std::unique_ptr<block_memory_record> record) noexcept;
  [[nodiscard]] std::unique_ptr<block_memory_record> find_idle(std::size_t bytes, std::uint64_t writer) noexcept;
  [[nodiscard]] std::unique_ptr<block_memory_record> retire(idle_list::iterator at) noexcept;
  template <class Which> void free_idle(Which which) noexcept;

  const options options_;
  mutable mutex mutex_;
  // Guarded by mutex_: idle_ (idle for longest first), ids_ (of all blocks, sorted), figures_, next_id_.
  idle_list idle_;
  std::vector<std::uint64_t> ids_;
  figures figures_;
  std::uint64_t next_id_ = 1;
  // Written under mutex_; read by links without it, who then ask without() under it.
  sync::atomic<std::uint64_t> freed_{0};
};

}  // namespace plait::inline PLAIT_ABI::detail
