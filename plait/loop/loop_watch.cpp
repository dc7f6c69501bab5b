#include <plait/loop/internal/loop_core.hpp>
#include <plait/loop/internal/loop_watch.hpp>

#include <new>

#include <pthread.h>

namespace plait::inline PLAIT_ABI::detail {

loop_registry& loop_registry::get() {
  static auto* const instance = [] {
    // Whoever forks does it while nobody else is at the loops, so that the child finds them whole and the lock free.
    pthread_atfork([] { get().mutex.lock(); }, [] { get().mutex.unlock(); }, [] { get().mutex.unlock(); });
    return new loop_registry;
  }();
  return *instance;
}

void loop_watch::enter() {
  auto& all = loop_registry::get();
  {
    const std::lock_guard lock(all.mutex);
    number = ++all.last_number;
    next = all.first;
    if (next) next->prev = this;
    all.first = this;
    entered_ = true;
    set_inspected(all.inspected);
  }
  begin_as_environment_says();
}

void loop_watch::leave() noexcept {
  if (!entered_) return;
  if (debug()) set_debug(false);
  auto& all = loop_registry::get();
  const std::lock_guard lock(all.mutex);
  (prev ? prev->next : all.first) = next;
  if (next) next->prev = prev;
  entered_ = false;
}

void loop_watch::set_inspected(bool on) noexcept {
  inspected_ = on;
  watches_ = inspected_ || debug();
}

void loop_watch::ask() noexcept {
  if (asked_) return;
  asked_ = loop_.try_post(question_);
}

// A loop that is closed before it comes to the question has left the registry: nobody waits for the answer.
void loop_watch::answer() noexcept {
  loop_snapshot picture;
  try {
    picture = picture_of(loop_);
  } catch (const std::bad_alloc&) {
    picture.instead = "no memory";  // short: it needs none
  }
  auto& all = loop_registry::get();
  {
    const std::lock_guard lock(all.mutex);
    answer_ = std::move(picture);
    asked_ = false;
  }
  all.answers.fetch_add(1, std::memory_order_release);
  sync::futex_wake(all.answers, sync::everybody);
}

}  // namespace plait::inline PLAIT_ABI::detail
