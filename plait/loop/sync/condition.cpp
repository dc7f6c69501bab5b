#include <plait/core/errors.hpp>
#include <plait/loop/sync/condition.hpp>

#include <limits>

namespace plait::inline PLAIT_ABI {

condition::~condition() {
  // Whoever was inside a wait holds the lock again when it hears of this. (Where the lock is the condition's own, it
  // goes too, and tells them in its turn.)
  line_.forget(this);
  while (auto* const w = line_.take_first()) lock_->admit(*w);
  lock_->line_.forget(this);
}

void condition::check(const char* what) const {
  line_.check_loop(what);
  lock_->check_loop(what);
  lock_->check_held(what);
}

void condition::notify(std::size_t n) {
  check("condition::notify");
  pass(n);
}

void condition::notify_all() {
  check("condition::notify_all");
  pass(std::numeric_limits<std::size_t>::max());
}

void condition::pass(std::size_t n) noexcept {
  for (; n > 0; --n) {
    auto* const w = line_.take_first();
    if (!w) return;
    static_cast<detail::condition_waiter*>(w)->notified_ = true;
    lock_->admit(*w);
  }
}

namespace detail {

condition_waiter::condition_waiter(condition& awaited) noexcept
    : line_waiter(awaited.line_, "condition::wait"), condition_(&awaited), lock_(awaited.lock_) {}

bool condition_waiter::await_ready() const {
  condition_->check(what());
  return false;
}

void condition_waiter::release_lock() noexcept {
  holder_ = lock_->holder_;
  notified_ = cancelled_ = false;
  lock_->hand_over();
}

void condition_waiter::await_resume() {
  switch (leave()) {
    case stage::begun:  // cancelled before it let go of the lock
      resumed();
      return;
    case stage::orphaned:  // the lock is gone
      if (cancelled_) throw cancelled_error();
      resumed();
      throw_orphaned();
    default:
      break;
  }
  lock_->take_promised();
  lock_->holder_ = holder_;
  try {
    if (cancelled_) throw cancelled_error();
    resumed();
  } catch (...) {
    if (notified_ && condition_) condition_->pass(1);
    throw;
  }
  if (!notified_) throw_orphaned();
}

withdrawal condition_waiter::withdraw() noexcept {
  if (!is_waiting()) return withdrawal::under_way;
  cancelled_ = true;
  if (condition_ && stands_in(condition_->line_)) {
    static_cast<void>(leave());
    lock_->admit(*this);
  }
  return withdrawal::delegated;  // the lock wakes it
}

void condition_waiter::forget(const void* gone) noexcept {
  if (gone == condition_) condition_ = nullptr;
}

}  // namespace detail
}  // namespace plait::inline PLAIT_ABI
