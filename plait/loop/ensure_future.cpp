#include <plait/loop/ensure_future.hpp>

namespace plait::inline PLAIT_ABI::detail {

starting::~starting() {
  for (const auto& state : started_) state->cancel();
}

}  // namespace plait::inline PLAIT_ABI::detail
