#include <plait/core/errors.hpp>
#include <plait/executor/internal/pool_settings.hpp>

namespace plait::inline PLAIT_ABI::detail {
namespace {

std::size_t checked_bound(const std::optional<std::size_t>& bound, std::string_view name) {
  if (bound && *bound == 0) throw_invalid_argument(name, "0", "1 or more");
  return bound.value_or(admission::unlimited);
}

}  // namespace

int checked_workers(int wanted) {
  if (wanted < 1) throw_invalid_argument("max_workers", std::to_string(wanted), "1 or more");
  return wanted;
}

std::string chosen_prefix(std::string_view wanted, std::string_view kind, std::atomic<unsigned>& made) {
  if (!wanted.empty()) return std::string(wanted);
  return std::string(kind) + '-' + std::to_string(made++);
}

std::shared_ptr<admission> room_for(const std::optional<std::size_t>& max_pending,
                                    const std::optional<std::size_t>& max_pending_bytes) {
  const auto calls = checked_bound(max_pending, "max_pending");
  const auto bytes = checked_bound(max_pending_bytes, "max_pending_bytes");
  if (!max_pending && !max_pending_bytes) return nullptr;
  return std::make_shared<admission>(calls, bytes);
}

}  // namespace plait::inline PLAIT_ABI::detail
