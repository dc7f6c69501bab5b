#include <plait/core/internal/owner_gate.hpp>
#include <plait/loop/internal/loop_core.hpp>
#include <plait/loop/task_handle.hpp>

#include <mutex>

namespace plait::inline PLAIT_ABI::detail {

outcome<void> outcome_of(const std::exception_ptr& error) noexcept {
  try {
    if (error) std::rethrow_exception(error);
  } catch (const cancelled_error&) {
    return {};
  } catch (...) {
    return error;
  }
  return {};
}

task_state::task_state(loop_core& loop, std::string_view name)
    : task_context(loop), name_(2 * loop.next_task_number() + 1) {  // one with a name has a number as well
  if (!name.empty())
    name_.store(reinterpret_cast<name_or_number>(new const std::string(name)), std::memory_order_relaxed);
  begin_with_needs();
}

task_state::~task_state() { delete as_name(name_.load(std::memory_order_relaxed)); }

loop_core& task_state::loop() const noexcept { return static_cast<loop_core&>(where()); }

std::string_view task_state::name() const noexcept {
  auto word = name_.load(std::memory_order_acquire);
  if (const auto* const known = as_name(word)) return *known;
  try {
    auto made = std::make_unique<const std::string>("Task-" + std::to_string(word / 2));
    if (!name_.compare_exchange_strong(word, reinterpret_cast<name_or_number>(made.get()), std::memory_order_acq_rel,
                                       std::memory_order_acquire))
      return *as_name(word);  // another's
    return *made.release();
  } catch (...) {  // no memory
    return "Task";
  }
}

// The loop's first step with it. Cancelled before that, its body never runs, also where the request is still on its
// way.
void task_state::run() noexcept {
  if (cancel_requests_ > 0 || messages_.load(std::memory_order_acquire) > 0) return finish({});
  started_ = true;
  set_status(call_status::running);
  drive(coroutine_);
}

// A request that no await has seen cancels it still: who asked is not told of success instead.
void task_state::ended() noexcept {
  finish(take_end(has_unseen_cancel() ? returned_value::dropped : returned_value::kept));
}

void task_state::finish(outcome<void> how) noexcept {
  std::exchange(coroutine_, nullptr).destroy();
  forget_variables();
  loop().disown(*this);
  if (how.exception()) {
    set_error(how.exception());
    if (loop().is_ending_tasks()) {
      std::string message;
      try {
        message = shown_task(name()) + " that was cancelled at the end of its loop threw";
      } catch (const std::bad_alloc&) {
      }
      loop().watch().tell({.message = message.empty() ? "a task that was cancelled threw" : std::string_view(message),
                           .exception = error(),
                           .task_name = name(),
                           .created_at = origin_});
    }
  }
  const bool cancelled = how.cancelled();
  const state_keeper last(this);  // the loop's own
  publish(cancelled ? call_status::cancelled : call_status::finished);
}

// Another loop's task may change at any moment.
void task_state::tell_needs(need_listener& to) noexcept {
  if (home::current() != &where()) return;
  tell_what_it_awaits(to);
}

void task_state::give_up() noexcept {
  std::exchange(coroutine_, nullptr).destroy();
  publish(call_status::cancelled);
}

void task_state::destroy() noexcept {
  if (has_unread_error()) [[unlikely]]
    tell_of_unread_error();
  delete this;
}

void task_state::cancel_here() noexcept {
  cancel_reached_ = true;
  // Each task is told once by a loop that ends, whether by the loop or by the task that awaits it.
  if (loop().is_telling_tasks_to_end() && std::exchange(told_to_end_, true)) return;
  ++cancel_requests_;
  if (started_) loop().deliver_cancel(*this);
}

int task_state::uncancel() noexcept {
  if (cancel_requests_ > 0 && --cancel_requests_ == 0) forget_cancel();
  return cancel_requests_;
}

cancel_outcome task_state::cancel() noexcept {
  if (done()) return cancel_outcome::too_late;
  if (home::current() == &where()) {
    if (closes_circle_) return cancel_outcome::abandoned;
    cancel_here();
    return cancel_outcome::asked;
  }

  struct message final : ready {
    explicit message(task_state& to) noexcept : to(to), alive((to.add_keeper(), &to)) {
      to.messages_.fetch_add(1, std::memory_order_release);
    }
    void run() noexcept override {
      to.messages_.fetch_sub(1, std::memory_order_relaxed);
      if (!to.done()) static_cast<void>(to.cancel());
      delete this;
    }
    void drop() noexcept override { delete this; }
    task_state& to;
    state_keeper alive;
  };

  const std::lock_guard inside(owner_gate());
  if (done()) return cancel_outcome::too_late;
  auto* const request = new (std::nothrow) message(*this);
  if (!request) return cancel_outcome::abandoned;
  if (!loop().try_post(*request)) request->drop();
  return cancel_outcome::asked;
}

// ── awaiting one ──

bool task_awaiter::start(bool cancelled) {
  sent_away_ = false;
  try {  // before the cancel goes on: in a circle it would go round for ever
    check_no_cycle(*state_.get());
  } catch (...) {
    if (cancelled) leave_cancel_to_next_await();
    throw;
  }
  if (cancelled && cancel_task() == cancel_outcome::too_late) leave_cancel_to_next_await();
  return wait();
}

cancel_outcome task_awaiter::cancel_task() noexcept {
  const auto outcome = state_->cancel();
  sent_away_ = outcome == cancel_outcome::asked && &awaited().where() != &where();
  return outcome;
}

withdrawal task_awaiter::withdraw() noexcept {
  switch (cancel_task()) {
    case cancel_outcome::too_late:
      return withdrawal::under_way;
    case cancel_outcome::abandoned:
      return stop_waiting() ? withdrawal::withdrawn : withdrawal::under_way;
    default:
      return withdrawal::delegated;
  }
}

void task_awaiter::waited() const {
  resumed();
  if (sent_away_ && !awaited().cancel_reached()) throw cancelled_error();
}

task_state& task_awaiter::awaited() const noexcept { return static_cast<task_state&>(*state_.get()); }

}  // namespace plait::inline PLAIT_ABI::detail
