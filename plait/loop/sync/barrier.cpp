#include <plait/loop/sync/barrier.hpp>

#include <string>

namespace plait::inline PLAIT_ABI {
namespace {

std::size_t checked(std::ptrdiff_t parties) {
  if (parties < 1) detail::throw_invalid_argument("parties", std::to_string(parties), "1 or more");
  return static_cast<std::size_t>(parties);
}

}  // namespace

barrier::barrier(std::ptrdiff_t parties) : parties_(checked(parties)) {}

void barrier::turn_away() noexcept {
  while (auto* const w = line_.release_first()) static_cast<detail::barrier_waiter*>(w)->broken_ = true;
}

void barrier::abort() {
  line_.check_loop("barrier::abort");
  broken_ = true;
  turn_away();
}

void barrier::reset() {
  line_.check_loop("barrier::reset");
  broken_ = false;
  turn_away();
}

namespace detail {

barrier_waiter::barrier_waiter(barrier& awaited) noexcept
    : line_waiter(awaited.line_, "barrier::wait"), barrier_(&awaited) {}

bool barrier_waiter::await_ready() {
  barrier_->line_.check_loop(what());
  if (barrier_->broken_)
    throw broken_barrier_error("plait: barrier::wait: the barrier is broken; reset() makes it whole again");
  broken_ = false;
  if (barrier_->line_.size() + 1 < barrier_->parties_) return false;
  std::size_t place = 0;
  while (auto* const w = barrier_->line_.release_first()) static_cast<barrier_waiter*>(w)->index_ = place++;
  index_ = place;
  return true;
}

std::size_t barrier_waiter::await_resume() {
  static_cast<void>(arrive());
  if (broken_)
    throw broken_barrier_error("plait: barrier::wait: the barrier was aborted or reset while this task waited at it");
  return index_;
}

}  // namespace detail
}  // namespace plait::inline PLAIT_ABI
