// How a pool ends: shutdown, the destructor, an initializer that throws.
#include <plait/core/report.hpp>
#include <plait/threads/internal/thread_pool.hpp>
#include <plait/threads/internal/worker.hpp>

#include <algorithm>
#include <mutex>

namespace plait::inline PLAIT_ABI::detail {
namespace {

void answer(promise<bool>& waiting, bool ended) noexcept {
  if (waiting.set_running_or_notify_cancel()) waiting.set_value(ended);
}

}  // namespace

std::vector<thread_pool::worker*> thread_pool::wake_all() {
  std::vector<worker*> woken;
  woken.reserve(workers_.size());
  while (sleeping_) woken.push_back(wake_last());
  return woken;
}

std::vector<work_item*> thread_pool::empty_queue() {
  std::vector<work_item*> items;
  items.reserve(queue_.size());
  while (auto* const item = queue_.pop()) {
    if (item->has_deadline()) alarms_.clear(item);
    items.push_back(item);
  }
  waiting_calls_.store(0, std::memory_order_relaxed);
  return items;
}

void thread_pool::complete_all(const std::vector<work_item*>& items, const outcome<void>& how) noexcept {
  for (auto* const item : items) {
    if (item->counted) settings_.room->leave(item->bytes());
    item->complete(how);
  }
}

future<bool> thread_pool::begin_shutdown(shutdown_mode mode, nanoseconds deadline) {
  promise<bool> waiting;
  auto result = waiting.get_future();
  std::vector<work_item*> cancelled;
  std::vector<std::stop_source> asked;
  std::vector<worker*> woken;
  bool all_ended = false;
  {
    const std::lock_guard lock(mutex_);
    if (phase_ == phase::open) phase_ = phase::closing;
    if (mode != shutdown_mode::drain) cancelled = empty_queue();
    if (mode == shutdown_mode::kill) {
      for (const auto& w : workers_)
        if (w->current.load(std::memory_order_relaxed)) asked.push_back(w->stop_source());
    }
    woken = wake_all();
    all_ended = workers_.empty();
    if (!all_ended && deadline > nanoseconds::zero()) {
      auto& added = end_waiters_.emplace_back(std::move(waiting));
      if (deadline != nanoseconds::max())
        alarms_.set(&added, from_now(deadline), [this, &added] { end_deadline_came(added); });
    }
  }
  if (settings_.room)
    settings_.room->close(std::make_exception_ptr(shut_down_error("plait: the executor was shut down")));
  for (auto* const sleeper : woken) wake(*sleeper);
  complete_all(cancelled, {});
  for (auto& call : asked) call.request_stop();
  if (all_ended || deadline == nanoseconds::zero()) answer(waiting, all_ended);
  return result;
}

void thread_pool::end_deadline_came(const promise<bool>& whose) noexcept {
  std::list<promise<bool>> late;
  {
    const std::lock_guard lock(mutex_);
    const auto found = std::ranges::find_if(end_waiters_, [&](const auto& waiter) { return &waiter == &whose; });
    if (found != end_waiters_.end()) late.splice(late.end(), end_waiters_, found);
  }
  for (auto& waiter : late) answer(waiter, false);
}

void thread_pool::leave(worker& self) noexcept {
  std::list<promise<bool>> informed;
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(self.searching, false)) --searchers_;
    const auto at = std::ranges::find(workers_, &self, &std::unique_ptr<worker>::get);
    left_.push_back(std::move(*at));
    workers_.erase(at);
    if (workers_.empty() && phase_ != phase::open) informed.swap(end_waiters_);
  }
  for (auto& waiter : informed) {
    alarms_.clear(&waiter);
    answer(waiter, true);
  }
}

bool thread_pool::ended() noexcept {
  const std::lock_guard lock(mutex_);
  return phase_ != phase::open && workers_.empty();
}

void thread_pool::break_with(std::exception_ptr cause) noexcept {
  report(severity::error, "the initializer of the executor " + settings_.prefix + " threw " + describe(cause) +
                              "; the executor is broken");
  const auto error = std::make_exception_ptr(
      broken_executor("plait: the executor is broken: its initializer threw " + describe(cause), cause));
  std::vector<work_item*> lost;
  std::vector<worker*> woken;
  {
    const std::lock_guard lock(mutex_);
    if (phase_ != phase::broken) broken_by_ = std::move(cause);
    phase_ = phase::broken;
    lost = empty_queue();
    woken = wake_all();
  }
  if (settings_.room) settings_.room->close(error);
  for (auto* const sleeper : woken) wake(*sleeper);
  complete_all(lost, error);
}

void thread_pool::join() noexcept {
  std::vector<std::unique_ptr<worker>> ended;
  {
    const std::lock_guard lock(mutex_);
    ended.swap(left_);
  }
  for (const auto& gone : ended)
    if (gone->thread.joinable()) gone->thread.join();
}

void thread_pool::abandon() noexcept {
  static_cast<void>(begin_shutdown(shutdown_mode::kill, nanoseconds::zero()));
  std::string busy;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& w : workers_) {
      if (w->current.load(std::memory_order_relaxed)) {
        busy.append(busy.empty() ? " " : ", ").append(settings_.prefix).append("_").append(std::to_string(w->number));
        if (!w->current_name.empty()) busy.append(" (\"").append(w->current_name).append("\")");
      }
      if (w->thread.joinable()) w->thread.detach();
    }
    for (const auto& w : left_)
      if (w->thread.joinable()) w->thread.detach();
  }
  if (!busy.empty())
    report(severity::warning, "the executor " + settings_.prefix +
                                  " was destroyed where it may not wait (on a running event loop's thread "
                                  "or on one of its own), while calls were running:" +
                                  busy +
                                  "; what waited was cancelled, these were asked to stop and end by themselves");
}

}  // namespace plait::inline PLAIT_ABI::detail
