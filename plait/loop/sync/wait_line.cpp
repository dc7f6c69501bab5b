#include <plait/core/errors.hpp>
#include <plait/loop/internal/loop_core.hpp>
#include <plait/loop/sync/wait_line.hpp>

#include <string>
#include <utility>

namespace plait::inline PLAIT_ABI::detail {

// ── the one who waits ──

line_waiter::~line_waiter() {
  // Only a coroutine that is not plait's can be destroyed while it is suspended.
  static_cast<void>(leave());
}

void line_waiter::join() { line_->join(*this); }

line_waiter::stage line_waiter::leave() noexcept {
  const auto was = std::exchange(stage_, stage::idle);
  if (was == stage::waiting) line_->waiting_.remove(*this);
  if (was == stage::woken) line_->woken_.remove(*this);
  return was;
}

bool line_waiter::arrive() {
  switch (leave()) {
    case stage::idle:
      return false;
    case stage::woken:
      try {
        resumed();
      } catch (...) {
        pass_on();
        throw;
      }
      return true;
    case stage::orphaned:
      resumed();
      throw_orphaned();
    case stage::begun:
    case stage::waiting:
    case stage::released:
      break;
  }
  resumed();
  return true;
}

withdrawal line_waiter::withdraw() noexcept {
  if (stage_ != stage::waiting) return withdrawal::under_way;
  static_cast<void>(leave());
  stage_ = stage::begun;
  return withdrawal::withdrawn;
}

void line_waiter::throw_orphaned() const {
  throw invalid_state_error(std::string("plait: ") + what_ +
                            ": what the task waited for was destroyed while it was awaited; it must live as long as "
                            "the tasks that use it: declare it before them, or end them first");
}

// ── the line ──

void wait_line::list::append(line_waiter& w) noexcept {
  w.next_ = nullptr;
  w.prev_ = last;
  (last ? last->next_ : first) = &w;
  last = &w;
  ++count;
}

void wait_line::list::remove(line_waiter& w) noexcept {
  (w.prev_ ? w.prev_->next_ : first) = w.next_;
  (w.next_ ? w.next_->prev_ : last) = w.prev_;
  --count;
}

wait_line::~wait_line() {
  // Those that were woken are on their way already.
  for (auto* w = woken_.first; w; w = w->next_) w->stage_ = line_waiter::stage::orphaned;
  while (auto* const w = take_first()) {
    w->stage_ = line_waiter::stage::orphaned;
    wake(w->where(), *w);
  }
}

void wait_line::check_loop(const char* what) const {
  const auto* const any = waiting_.first ? waiting_.first : woken_.first;
  if (any) check_same_loop(any->where(), what);
}

void wait_line::join(line_waiter& last) noexcept {
  last.line_ = this;
  last.stage_ = line_waiter::stage::waiting;
  waiting_.append(last);
}

line_waiter* wait_line::take_first() noexcept {
  auto* const first = waiting_.first;
  if (!first) return nullptr;
  waiting_.remove(*first);
  first->stage_ = line_waiter::stage::begun;
  return first;
}

void wait_line::push(line_waiter& w, line_waiter::stage how) noexcept {
  w.stage_ = how;
  wake(w.where(), w);  // between two polls of a hosted loop it is a post: the host must hear of it
}

line_waiter* wait_line::wake_first() noexcept {
  auto* const first = take_first();
  if (!first) return nullptr;
  woken_.append(*first);
  push(*first, line_waiter::stage::woken);
  return first;
}

line_waiter* wait_line::release_first() noexcept {
  auto* const first = take_first();
  if (first) push(*first, line_waiter::stage::released);
  return first;
}

void wait_line::release_all() noexcept {
  while (release_first()) {
  }
}

void wait_line::forget(const void* gone) noexcept {
  for (auto* w = waiting_.first; w; w = w->next_) w->forget(gone);
  for (auto* w = woken_.first; w; w = w->next_) w->forget(gone);
}

void check_same_loop(const home& theirs, const char* what) {
  const auto* const here = home::current();
  if (here == &theirs) return;
  if (!here) {
    const auto* const loop = dynamic_cast<const loop_core*>(&theirs);
    if (loop && !loop->is_running()) return;
  }
  throw invalid_state_error(
      std::string("plait: ") + what +
      (here ? ": used or awaited from the wrong loop: tasks of another event loop wait here. "
            : ": used from the wrong thread: tasks of an event loop that runs on another one wait here. ") +
      "It serves the coroutines of one loop: give each loop its own, and let other threads speak to that loop by "
      "call_soon_threadsafe");
}

}  // namespace plait::inline PLAIT_ABI::detail
