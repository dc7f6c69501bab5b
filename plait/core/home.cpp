#include <plait/core/errors.hpp>
#include <plait/core/home.hpp>

#include <utility>

namespace plait::inline PLAIT_ABI::detail {
namespace {

thread_local home* running_home = nullptr;
thread_local task_context* running_context = nullptr;
thread_local blocking_observer* this_threads_observer = nullptr;

}  // namespace

home* home::current() noexcept { return running_home; }
home* home::set_current(home* h) noexcept { return std::exchange(running_home, h); }

void wake(home& where, ready& what) noexcept {
  if (home::current() == &where)
    where.push(what);
  else
    where.post(what);
}

void suspension::run() noexcept {
  auto& context = *context_;
  if (context.suspended_ == this) context.suspended_ = nullptr;
  if (std::exchange(context.cancel_at_next_await_, false)) cancelled_ = true;
  context.drive(coroutine_);
}

bool suspension::begin_in(std::coroutine_handle<> coroutine, task_context* context) {
  coroutine_ = coroutine;
  context_ = context;
  cancelled_ = false;  // it may be awaited a second time
  if (std::exchange(context->cancel_at_next_await_, false)) {
    cancelled_ = true;
    return true;
  }
  context->suspended_ = this;
  return false;
}

bool suspension::begin_delegating_in(std::coroutine_handle<> coroutine, task_context* context) {
  coroutine_ = coroutine;
  context_ = context;
  cancelled_ = false;
  context->suspended_ = this;
  return std::exchange(context->cancel_at_next_await_, false);
}

void suspension::not_suspended() noexcept { context_->suspended_ = nullptr; }
void suspension::resumed() const {
  if (cancelled_) throw cancelled_error();
}
home& suspension::where() const noexcept { return context_->where(); }

task_context* task_context::current() noexcept { return running_context; }

void task_context::drive(std::coroutine_handle<> coroutine) noexcept {
  auto* const outer = std::exchange(running_context, this);
  // Inside foreign coroutines there may be another drive of this context further out: what was handed to that one,
  // and the end, are left to it.
  const bool outermost = !std::exchange(driven_, true);
  const auto for_outer_drive = std::exchange(next_, nullptr);
  while (coroutine) {
    coroutine.resume();
    coroutine = std::exchange(next_, nullptr);
  }
  next_ = for_outer_drive;
  running_context = outer;
  if (!outermost) return;
  driven_ = false;
  if (std::exchange(ended_, false)) ended();
}

void task_context::request_cancel() noexcept {
  // Withdrawing may run what users wrote (stop callbacks, destructors of arguments), and that may cancel this task
  // again: it then finds nothing suspended.
  auto* const at = std::exchange(suspended_, nullptr);
  if (!at) {
    cancel_at_next_await_ = true;
    return;
  }
  switch (at->withdraw()) {
    case withdrawal::withdrawn:
      at->cancelled_ = true;
      home_->push(*at);
      break;
    case withdrawal::under_way:
      suspended_ = at;
      cancel_at_next_await_ = true;
      break;
    case withdrawal::delegated:
      suspended_ = at;
      break;
  }
}

task_context& stranger_context(const char* what) {
  if (auto* const here = home::current()) return here->stranger();
  throw_no_running_loop(what);
}

blocking_observer* blocking_observer::install(blocking_observer* observer) noexcept {
  return std::exchange(this_threads_observer, observer);
}

blocked_mark::blocked_mark(state& awaited) noexcept : observer_(this_threads_observer) {
  if (observer_) observer_->blocks_on(awaited);
}
blocked_mark::~blocked_mark() {
  if (observer_) observer_->goes_on();
}

}  // namespace plait::inline PLAIT_ABI::detail
