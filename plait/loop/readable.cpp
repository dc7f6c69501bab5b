#include <plait/core/errors.hpp>
#include <plait/loop/internal/descriptor_table.hpp>
#include <plait/loop/internal/loop_core.hpp>
#include <plait/loop/readable.hpp>

#include <string>

namespace plait::inline PLAIT_ABI::detail {

descriptor_awaiter::descriptor_awaiter(int descriptor, direction way) : descriptor_(descriptor), way_(way) {
  if (descriptor < 0) throw_invalid_argument("descriptor", std::to_string(descriptor), "an open descriptor");
}

const char* descriptor_awaiter::name() const noexcept {
  return way_ == direction::reading ? "co_await readable" : "co_await writable";
}

// A coroutine's home is always a loop.
void descriptor_awaiter::start() {
  try {
    static_cast<loop_core&>(where()).descriptors().await(*this);
  } catch (...) {
    not_suspended();
    throw;
  }
}

withdrawal descriptor_awaiter::withdraw() noexcept {
  const bool waited = watched_ && static_cast<loop_core&>(where()).descriptors().withdraw(*this);
  return waited ? withdrawal::withdrawn : withdrawal::under_way;
}

}  // namespace plait::inline PLAIT_ABI::detail
