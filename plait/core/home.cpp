#include <plait/core/errors.hpp>
#include <plait/core/home.hpp>
#include <plait/core/internal/printable.hpp>
#include <plait/core/report.hpp>

#include <algorithm>
#include <new>
#include <string>
#include <typeinfo>
#include <utility>

namespace plait::inline PLAIT_ABI::detail {
namespace {

thread_local home* running_home = nullptr;
thread_local task_context* running_context = nullptr;
thread_local blocking_observer* this_threads_observer = nullptr;

}  // namespace

home* home::current() noexcept { return running_home; }
home* home::set_current(home* h) noexcept { return std::exchange(running_home, h); }

void home::unhandled(std::string_view message, const std::exception_ptr& error) noexcept {
  try {
    report(severity::error, std::string(message) + " " + describe(error));
  } catch (const std::bad_alloc&) {
    report(severity::error, message);
  }
}

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

// "plait::v0::detail::lock_awaiter" as "lock".
void suspension::describe_wait(wait_listener& to) const {
  auto name = type_name(typeid(*this));
  name.resize(std::min(name.size(), name.find('<')));
  if (const auto scope = name.rfind(':'); scope != std::string::npos) name.erase(0, scope + 1);
  if (name.ends_with("_awaiter")) name.resize(name.size() - std::string_view("_awaiter").size());
  to.waits_in(name);
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
void suspension::leave_cancel_to_next_await() noexcept { context_->cancel_at_next_await_ = true; }
void suspension::resumed() const {
  if (cancelled_) throw cancelled_error();
}
home& suspension::where() const noexcept { return context_->where(); }

task_context* task_context::current() noexcept { return running_context; }

void task_context::drive(std::coroutine_handle<> coroutine) noexcept {
  auto* const outer = std::exchange(running_context, this);
  auto* const outer_variables = std::exchange(current_context_slot, &variables_);
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
  current_context_slot = outer_variables;
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
