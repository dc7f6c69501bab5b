#include <plait/processes/internal/block_storage.hpp>

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

namespace plait::inline PLAIT_ABI::detail {
namespace {

// Doubled, so that a payload that grows by small steps is copied a few times only.
std::size_t enough(std::size_t so_far, std::size_t at_least) noexcept { return std::max(at_least, 2 * so_far); }

void copy(std::span<const std::byte> from, std::span<std::byte> to) noexcept {
  if (!from.empty()) std::memcpy(to.data(), from.data(), from.size());
}

}  // namespace

std::span<std::byte> block_storage::grow(std::span<const std::byte> so_far, std::size_t at_least) {
  auto larger = blocks_.take(enough(so_far.size(), at_least));
  copy(so_far, larger.memory());
  memory_ = std::move(larger);
  return memory_.memory();
}

std::span<std::byte> worker_block_storage::grow(std::span<const std::byte> so_far, std::size_t at_least) {
  // What lies in the ring lies where the question for memory is written.
  std::vector<std::byte> saved;
  if (so_far.size() <= inline_limit) so_far = saved = std::vector(so_far.begin(), so_far.end());
  const auto larger = parent_.block_memory(enough(so_far.size(), at_least));
  copy(so_far, larger);
  return larger;
}

}  // namespace plait::inline PLAIT_ABI::detail
