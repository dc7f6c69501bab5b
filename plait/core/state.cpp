#include <plait/core/home.hpp>
#include <plait/core/internal/prefetch.hpp>
#include <plait/core/state.hpp>

#include <optional>

namespace plait::inline PLAIT_ABI {

const char* to_string(call_status status) noexcept {
  switch (status) {
    case call_status::pending:
      return "pending";
    case call_status::running:
      return "running";
    case call_status::finished:
      return "finished";
    case call_status::cancelled:
      return "cancelled";
  }
  return "?";
}

const char* to_string(cancel_outcome outcome) noexcept {
  switch (outcome) {
    case cancel_outcome::dropped:
      return "dropped";
    case cancel_outcome::asked:
      return "asked";
    case cancel_outcome::killed:
      return "killed";
    case cancel_outcome::abandoned:
      return "abandoned";
    case cancel_outcome::too_late:
      return "too_late";
  }
  return "?";
}

namespace detail {
namespace {

std::uintptr_t word_of(waiter* w) noexcept { return reinterpret_cast<std::uintptr_t>(w); }
waiter* waiter_of(std::uintptr_t word) noexcept { return reinterpret_cast<waiter*>(word); }

}  // namespace

state::~state() = default;

call_status state::status() const noexcept {
  // The status is written before the mark: without the mark, a final status would promise a result that is not there.
  const bool is_done = done();
  auto status = status_.load(std::memory_order_relaxed);
  if (is_done) return status;
  if (status == call_status::pending) {
    look_again();
    status = status_.load(std::memory_order_relaxed);
  }
  return status == call_status::pending ? status : call_status::running;
}

void state::rethrow() const {
  if (error_) std::rethrow_exception(error());
  if (status_.load(std::memory_order_relaxed) == call_status::cancelled) throw cancelled_error();
}

// Returns the list's newest waiter with the list locked, or a mark with nothing locked.
state::word state::lock_list() noexcept {
  word seen = waiters_.load(std::memory_order_acquire);
  for (;;) {
    if (seen == done_mark || seen == orphan_mark) return seen;
    if (seen & lock_bit) {
      sync::yield();  // the holder is a few instructions from its end
      seen = waiters_.load(std::memory_order_acquire);
    } else if (waiters_.compare_exchange_weak(seen, seen | lock_bit, std::memory_order_acquire)) {
      return seen;
    }
  }
}

bool state::add(waiter& w) noexcept {
  w.next = w.prev = nullptr;
  word seen = empty;
  if (waiters_.compare_exchange_strong(seen, word_of(&w), std::memory_order_acq_rel, std::memory_order_acquire))
    return true;
  seen = lock_list();
  if (seen == done_mark) return false;
  if (seen != empty) {
    w.next = waiter_of(seen);
    w.next->prev = &w;
  }
  waiters_.store(word_of(&w), std::memory_order_release);
  return true;
}

bool state::remove(waiter& w) noexcept {
  word newest = lock_list();  // even where `w` seems to be alone: its links change under the lock only
  if (newest == done_mark) return false;
  if (w.prev) w.prev->next = w.next;
  if (w.next) w.next->prev = w.prev;
  if (newest == word_of(&w)) newest = word_of(w.next);
  waiters_.store(newest, std::memory_order_release);
  return true;
}

void state::publish(call_status status) noexcept {
  status_.store(status, std::memory_order_relaxed);
  word seen = waiters_.load(std::memory_order_relaxed);
  for (;;) {
    if (seen & lock_bit) {
      sync::yield();
      seen = waiters_.load(std::memory_order_relaxed);
    } else if (waiters_.compare_exchange_weak(seen, done_mark, std::memory_order_acq_rel,
                                              std::memory_order_relaxed)) {
      break;
    }
  }
  if (seen == orphan_mark) return destroy();
  if (seen == empty) return;
  waiter* oldest = waiter_of(seen);
  while (oldest->next) oldest = oldest->next;
  while (oldest) {
    waiter* const newer = oldest->prev;
    oldest->fire(*oldest);
    oldest = newer;
  }
}

void state::prefetch_waiter() const noexcept {
#if !defined(PLAIT_SIMULATED)  // a look that changes nothing would only multiply the schedules
  constexpr auto marks = lock_bit | done_mark | orphan_mark;
  const auto seen = waiters_.load(std::memory_order_relaxed);
  if (seen & ~marks) prefetch_to_write(reinterpret_cast<const char*>(seen & ~marks) - before_waiter, around_waiter);
#endif
}

void state::last_handle_gone() noexcept {
  word seen = empty;
  // Mostly it is done: then there is nothing to be agreed on with publish().
  if (waiters_.load(std::memory_order_acquire) != done_mark &&
      waiters_.compare_exchange_strong(seen, orphan_mark, std::memory_order_acq_rel, std::memory_order_acquire))
    return;   // publish() ends it
  destroy();  // done: nobody waits on a state that has no handle
}

bool state::wait_until(time_point deadline) {
  if (done()) return true;
  if (home::current())
    throw_invalid_state(
        "plait: a blocking wait for a result that is not there yet, on the thread of a running event loop: it would "
        "stop the loop; co_await the future instead");

  struct sleeper : waiter {
    sleeper() noexcept
        : waiter([](waiter& w) noexcept {
            auto& woken = static_cast<sleeper&>(w).woken;
            woken.store(1, std::memory_order_release);
            sync::futex_wake(woken, 1);  // by address: the sleeper may have gone already
          }) {}
    sync::atomic<std::uint32_t> woken{0};  // fire's release pairs with the loads below
  } sleeping;

  if (!add(sleeping)) return true;
  wanted_by_thread();
  std::optional<blocked_mark> mark;  // who waits for a time only is no part of a deadlock
  if (deadline == sync::forever) mark.emplace(*this);
  while (sleeping.woken.load(std::memory_order_acquire) == 0) {
    if (sync::futex_wait(sleeping.woken, 0, deadline)) continue;
    if (remove(sleeping)) return false;
    deadline = sync::forever;  // it is being fired: the wake-up is on its way
  }
  return true;
}

}  // namespace detail
}  // namespace plait::inline PLAIT_ABI
