#include <plait/core/internal/owner_gate.hpp>
#include <plait/core/report.hpp>
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
    : task_context(loop), loop_(&loop), name_(name.empty() ? nullptr : std::make_unique<const std::string>(name)) {}

// The loop's first step with it. Cancelled before that, its body never runs, also where the request is still on its
// way.
void task_state::run() noexcept {
  if (cancel_requests_ > 0 || messages_.load(std::memory_order_acquire) > 0) return finish({});
  started_ = true;
  set_status(call_status::running);
  drive(coroutine_);
}

void task_state::ended() noexcept { finish(take_end()); }

void task_state::finish(outcome<void> how) noexcept {
  std::exchange(coroutine_, nullptr).destroy();
  loop_->disown(*this);
  if (how.exception()) {
    set_error(how.exception());
    if (loop_->is_ending_tasks())
      report(severity::warning, "a task " + (name_ ? "\"" + *name_ + "\" " : std::string()) +
                                    "that was cancelled at the end of its loop threw " + describe(how.exception()));
  }
  const bool cancelled = how.cancelled();
  const state_keeper last(this);  // the loop's own
  publish(cancelled ? call_status::cancelled : call_status::finished);
}

void task_state::cancel_here() noexcept {
  ++cancel_requests_;
  if (started_) request_cancel();
}

int task_state::uncancel() noexcept {
  if (cancel_requests_ > 0 && --cancel_requests_ == 0) forget_cancel();
  return cancel_requests_;
}

cancel_outcome task_state::cancel() noexcept {
  if (done()) return cancel_outcome::too_late;
  if (home::current() == loop_) {
    cancel_here();
    return cancel_outcome::asked;
  }

  struct message final : ready {
    explicit message(task_state& to) noexcept : to(to), alive((to.add_keeper(), &to)) {
      to.messages_.fetch_add(1, std::memory_order_release);
    }
    void run() noexcept override {
      to.messages_.fetch_sub(1, std::memory_order_relaxed);
      if (!to.done()) to.cancel_here();
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
  if (!loop_->try_post(*request)) request->drop();
  return cancel_outcome::asked;
}

}  // namespace plait::inline PLAIT_ABI::detail
