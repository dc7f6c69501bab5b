#if defined(PLAIT_SIMULATED)

#include <plait/core/internal/machine.hpp>

#include <algorithm>
#include <ctime>
#include <exception>
#include <limits>

#include <linux/futex.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace plait::inline PLAIT_ABI::simulated {
namespace {

// The real machine, for threads outside of a simulation.

bool real_futex_wait(const std::atomic<std::uint32_t>& word, std::uint32_t expected, time_point deadline) noexcept {
  timespec until{};
  if (deadline != time_point::max()) {
    const std::int64_t since_epoch = std::max<std::int64_t>(deadline.time_since_epoch().count(), 0);
    until = {.tv_sec = since_epoch / 1'000'000'000, .tv_nsec = since_epoch % 1'000'000'000};
  }
  const long result = syscall(SYS_futex, &word, FUTEX_WAIT_BITSET_PRIVATE, expected,
                              deadline == time_point::max() ? nullptr : &until, nullptr, FUTEX_BITSET_MATCH_ANY);
  return result == 0 || errno != ETIMEDOUT;
}

}  // namespace

void reach(operation what, const void* where) noexcept {
  fiber* const me = current_fiber();
  if (me == nullptr) return;
  unobserved hidden;
  me->owner->step(*me, what, where);
}

bool futex_wait_on(const std::atomic<std::uint32_t>& word, const void* name, std::uint32_t expected,
                   time_point deadline) noexcept {
  fiber* const me = current_fiber();
  if (me == nullptr) return real_futex_wait(word, expected, deadline);
  unobserved hidden;
  return me->owner->wait(*me, word, name, expected, deadline);
}

void futex_wake_on(const void* word, const void* name, int count) noexcept {
  fiber* const me = current_fiber();
  if (me == nullptr) {
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, count, nullptr, nullptr, 0);
    return;
  }
  unobserved hidden;
  me->owner->wake(*me, word, name, count);
}

time_point now() noexcept {
  fiber* const me = current_fiber();
  if (me == nullptr) return std::chrono::steady_clock::now();
  unobserved hidden;
  return me->owner->now();
}

void yield() noexcept {
  fiber* const me = current_fiber();
  if (me == nullptr) {
    sched_yield();
    return;
  }
  unobserved hidden;
  me->owner->yield(*me);
}

void thread::start(std::unique_ptr<work> job) {
  if (fiber* const me = current_fiber())
    simulated_ = &me->owner->spawn(me, std::move(job));
  else
    real_ = std::thread([job = std::move(job)] { job->run(); });
}

thread& thread::operator=(thread&& other) noexcept {
  if (joinable()) thread(std::move(*this));  // a failure, or the end, as a joinable one is destroyed
  real_ = std::move(other.real_);
  simulated_ = std::exchange(other.simulated_, nullptr);
  return *this;
}

thread::~thread() {
  if (simulated_ == nullptr) return;  // and std::thread does as ever
  fiber* const me = current_fiber();
  if (me == nullptr) std::terminate();
  unobserved hidden;
  me->owner->lose_joinable(*me);
}

void thread::join() {
  if (simulated_ == nullptr) return real_.join();
  fiber* const me = current_fiber();
  if (me == nullptr) std::terminate();
  me->owner->join(*me, *std::exchange(simulated_, nullptr));
}

void thread::detach() {
  if (simulated_ == nullptr) return real_.detach();
  simulated_ = nullptr;
}

thread::id thread::get_id() const noexcept {
  if (simulated_ == nullptr) return real_.get_id();
  unobserved hidden;
  return simulated_->on->os.get_id();
}

unsigned thread::hardware_concurrency() noexcept {
  return current_fiber() == nullptr ? std::thread::hardware_concurrency() : 2;
}

}  // namespace plait::inline PLAIT_ABI::simulated

#endif
