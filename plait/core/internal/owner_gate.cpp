#include <plait/core/internal/owner_gate.hpp>

#include <mutex>

namespace plait::inline PLAIT_ABI::detail {

mutex& owner_gate() noexcept {
  static constinit mutex gate;
  return gate;
}

void pass_owner_gate() noexcept { const std::lock_guard inside(owner_gate()); }

}  // namespace plait::inline PLAIT_ABI::detail
