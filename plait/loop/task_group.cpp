#include <plait/loop/internal/loop_core.hpp>
#include <plait/loop/internal/this_task.hpp>
#include <plait/loop/task_group.hpp>

#include <algorithm>
#include <string>
#include <vector>

namespace plait::inline PLAIT_ABI {

struct task_group::child : detail::waiter {
  explicit child(task_group& of) noexcept
      : waiter([](waiter& w) noexcept {
          child_place self(&static_cast<child&>(w));
          auto& group = self->group;
          group.child_done(std::move(self));
        }),
        group(of) {}
  task_group& group;
  detail::state_keeper task;  // not a handle: whoever has the last one may move the result out
  std::exception_ptr failure;
  child* older = nullptr;
  child* newer = nullptr;
};

void task_group::child_deleter::operator()(child* c) const noexcept { delete c; }

task_group::task_group() : loop_(get_running_loop()), parent_(detail::this_task("with_task_group")) {}

task_group::~task_group() {
  while (failures_) {
    const child_place gone(failures_);
    failures_ = gone->older;
  }
}

void task_group::check_takes_tasks() const {
  if (detail::loop_core::running() != &loop_)
    detail::throw_invalid_state(
        "plait: task_group::create_task on another thread than that of its loop; go there by call_soon_threadsafe");
  if (aborting_)
    detail::throw_invalid_state(
        "plait: task_group::create_task: the group is ending, since a task of it or its body failed or was "
        "cancelled; "
        "it takes no more tasks");
  if (body_left_ && !children_)
    detail::throw_invalid_state(
        "plait: task_group::create_task: the group has ended: its body has returned and its tasks are done");
}

task_group::child_place task_group::new_place() { return child_place(new child(*this)); }

void task_group::add(child_place place, const detail::state_handle& task) noexcept {
  auto* const added = place.release();
  added->task = detail::state_keeper(task);
  added->older = children_;
  if (children_) children_->newer = added;
  children_ = added;
  static_cast<void>(task->add(*added));  // it begins in the next turn: it is not done yet
}

// At the end of the child, on the loop's thread. The parent is suspended, or its wake-up is under way.
void task_group::child_done(child_place done) noexcept {
  (done->newer ? done->newer->older : children_) = done->older;
  if (done->older) done->older->newer = done->newer;
  if (!children_ && joining_) parent_.where().push(*std::exchange(joining_, nullptr));

  done->failure = done->task->error();
  if (!done->failure) return;
  done->older = failures_;
  failures_ = done.release();
  if (aborting_) return;
  abort();
  cancelled_parent_ = true;
  parent_.cancel_here();
}

void task_group::abort() noexcept {
  aborting_ = true;
  for (auto* c = children_; c; c = c->older) c->task->cancel();
}

namespace detail {
namespace {

std::string headline_of(std::size_t tasks, bool body) {
  std::string who = body ? "the body" : "";
  if (body && tasks > 0) who += " and ";
  if (tasks > 0) who += std::to_string(tasks) + (tasks == 1 ? " task" : " tasks");
  return who + " of the group failed";
}

}  // namespace

void group_scope::body_threw(const std::exception_ptr& error) noexcept {
  body_left_ = true;
  (outcome_of(error).cancelled() ? cancellation_ : body_failure_) = error;
  if (!aborting_) abort();
}

withdrawal group_scope::join_awaiter::withdraw() noexcept {
  return std::exchange(group_->joining_, nullptr) ? withdrawal::withdrawn : withdrawal::under_way;
}

void group_scope::join_awaiter::describe_wait(wait_listener& to) const {
  for (const auto* c = group_->children_; c; c = c->older) to.waits_for(*c->task.get());
}

void group_scope::join_awaiter::tell_needs(need_listener& to) const noexcept {
  for (const auto* c = group_->children_; c; c = c->older) to.needs(*c->task.get());
}

// Already suspended: a task that is cancelled here finds the parent waiting.
void group_scope::join_awaiter::look_for_circle() noexcept {
  std::exception_ptr found;
  try {
    for (const auto* c = group_->children_; c && !found; c = c->older) found = find_cycle(*c->task.get());
  } catch (...) {  // no memory to say which
    found = caught_exception();
  }
  if (!found) return;
  if (!group_->aborting_) group_->body_failure_ = found;
  group_->parent_.set_closes_circle(true);
  group_->abort();
}

void group_scope::parent_cancelled() noexcept {
  if (aborting_) return;
  cancellation_ = std::make_exception_ptr(cancelled_error());
  abort();
}

void group_scope::leave() {
  if (cancelled_parent_ && parent_.uncancel() == 0) cancellation_ = nullptr;  // nobody else cancelled it
  std::vector<std::exception_ptr> failures;
  for (auto* c = failures_; c; c = c->older) failures.push_back(c->failure);
  std::reverse(failures.begin(), failures.end());
  const auto tasks = failures.size();
  if (body_failure_) failures.push_back(body_failure_);

  if (failures.empty()) {
    if (cancellation_) std::rethrow_exception(cancellation_);
    return;
  }
  // Cancelled from outside as well: the failures come out first, the cancel at the next await. The count stays.
  if (parent_.cancelling() > 0) {
    parent_.uncancel();
    parent_.cancel_here();
  }
  throw exception_group(std::move(failures), headline_of(tasks, body_failure_ != nullptr));
}

}  // namespace detail
}  // namespace plait::inline PLAIT_ABI
