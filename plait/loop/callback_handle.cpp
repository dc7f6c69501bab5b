#include <plait/core/errors.hpp>
#include <plait/loop/callback_handle.hpp>

namespace plait::inline PLAIT_ABI::detail {

void callback::run() noexcept {
  if (!cancelled()) {
    const context_scope inside(std::move(variables_));
    try {
      call();
    } catch (...) {
      home_->unhandled("a callback of the event loop threw", caught_exception());
    }
  }
  release();
}

void callback::cancel() noexcept {
  if (cancelled_.exchange(true, std::memory_order_acq_rel)) return;
  if (home::current() != home_ || timer_place == nowhere) return;  // another thread must not look at its place
  home_->stop(*this);
  release();
}

}  // namespace plait::inline PLAIT_ABI::detail
