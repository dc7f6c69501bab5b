#include <plait/core/errors.hpp>
#include <plait/core/report.hpp>
#include <plait/loop/sync/semaphore.hpp>

#include <exception>
#include <string>

namespace plait::inline PLAIT_ABI {

semaphore::semaphore(std::ptrdiff_t permits, std::ptrdiff_t bound) : free_(permits), bound_(bound) {
  if (permits < 0) detail::throw_invalid_argument("permits", std::to_string(permits), "0 or more");
}

void semaphore::release() {
  line_.check_loop("semaphore::release");
  if (free_ >= bound_)
    throw invalid_state_error("plait: semaphore::release: it would have " + std::to_string(free_) +
                              " + 1 free permits of " + std::to_string(bound_) +
                              "; release once for each acquire, best by co_await semaphore.scoped()");
  hand_over();
}

void semaphore::hand_over() noexcept {
  if (!line_.wake_first()) ++free_;
}

// ── a permit ──

semaphore_permit& semaphore_permit::operator=(semaphore_permit&& other) noexcept {
  if (this == &other) return *this;
  end();
  held_.take_over(other.held_);
  return *this;
}

semaphore_permit::~semaphore_permit() { end(); }

void semaphore_permit::end() noexcept {
  auto* const of = held_.leave();
  if (!of) return;
  try {
    of->release();
  } catch (const std::exception& e) {
    detail::report(severity::error, e.what());
  }
}

void semaphore_permit::release() {
  auto* const of = held_.of();
  if (!of) throw invalid_state_error("plait: semaphore_permit::release: this guard holds no permit (any more)");
  of->release();
  static_cast<void>(held_.leave());
}

// ── who waits for one ──

namespace detail {

semaphore_acquirer::semaphore_acquirer(semaphore& wanted, const char* what) noexcept
    : line_waiter(wanted.line_, what), semaphore_(&wanted) {}

bool semaphore_acquirer::await_ready() {
  semaphore_->line_.check_loop(what());
  if (semaphore_->free_ == 0) return false;
  --semaphore_->free_;
  return true;
}

void semaphore_acquirer::pass_on() noexcept { semaphore_->hand_over(); }

semaphore_permit semaphore_scoper::await_resume() {
  static_cast<void>(arrive());
  return wanted().make_permit();
}

}  // namespace detail
}  // namespace plait::inline PLAIT_ABI
