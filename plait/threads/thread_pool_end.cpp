// How a pool ends: shutdown, the destructor, an initializer that throws.
#include <plait/core/report.hpp>
#include <plait/threads/internal/thread_pool.hpp>
#include <plait/threads/internal/worker.hpp>

#include <algorithm>
#include <iterator>
#include <mutex>
#include <thread>

namespace plait::inline PLAIT_ABI::detail {

void thread_pool::wake_all(std::vector<worker*>& woken) {
  while (sleeping_) woken.push_back(wake_last());
}

void thread_pool::empty_queue(call_list& items) noexcept {
  while (auto* const item = queue_.pop()) {
    if (item->has_deadline()) alarms_.clear(item);
    items.push_back(*item);
  }
  note_queue();
}

void thread_pool::complete_all(call_list& items, const outcome<void>& how) noexcept {
  while (auto* const item = items.front()) {
    items.remove(*item);
    if (item->counted) settings_.room->leave(item->bytes());
    item->complete(how);
  }
}

void thread_pool::close_inbox() noexcept {
  if (auto* const newest = inbox_.close()) queue_.push_newest_first(*newest);
  note_queue();
}

future<bool> thread_pool::begin_shutdown(shutdown_mode mode, nanoseconds deadline) {
  std::list<promise<bool>> waiting(1);
  auto& mine = waiting.front();
  auto result = mine.get_future();
  if (is_foreign()) {  // the threads are the parent's: nothing here is to be ended
    mine.set_value(true);
    return result;
  }
  const auto reason = std::make_exception_ptr(shut_down_error("plait: the executor was shut down"));
  call_list cancelled;
  std::vector<std::stop_source> asked;
  std::vector<worker*> woken;
  bool all_ended = false;
  bool waits = false;
  {
    const std::lock_guard lock(mutex_);
    // First what can throw; then nothing is half done.
    if (mode == shutdown_mode::kill) {
      for (const auto& w : workers_)
        if (w->current.load(std::memory_order_relaxed)) asked.push_back(w->stop_source());
    }
    woken.reserve(workers_.size());
    all_ended = workers_.empty();
    waits = !all_ended && deadline > nanoseconds::zero();
    if (waits && deadline != nanoseconds::max())
      alarms_.set(&mine, from_now(deadline), [this, &mine] { end_deadline_came(mine); });

    if (phase_ == phase::open) phase_ = phase::closing;
    close_inbox();
    if (mode != shutdown_mode::drain) empty_queue(cancelled);
    wake_all(woken);
    if (waits) end_waiters_.splice(end_waiters_.end(), waiting);
  }
  if (settings_.room) settings_.room->close(reason);
  for (auto* const sleeper : woken) wake(*sleeper);
  complete_all(cancelled, {});
  for (auto& call : asked) call.request_stop();
  if (!waits) answer_waiting(mine, all_ended);
  return result;
}

void thread_pool::end_deadline_came(const promise<bool>& whose) noexcept {
  std::list<promise<bool>> late;
  {
    const std::lock_guard lock(mutex_);
    const auto found = std::ranges::find_if(end_waiters_, [&](const auto& waiter) { return &waiter == &whose; });
    if (found != end_waiters_.end()) late.splice(late.end(), end_waiters_, found);
  }
  for (auto& waiter : late) answer_waiting(waiter, false);
}

void thread_pool::retire(worker& self) noexcept {
  if (std::exchange(self.searching, false)) --searchers_;
  const auto at = std::ranges::find(workers_, &self, &std::unique_ptr<worker>::get);
  if (at == workers_.end()) return;
  left_.push_back(std::move(*at));
  workers_.erase(at);
}

void thread_pool::leave(worker& self) noexcept {
  std::list<promise<bool>> informed;
  {
    const std::lock_guard lock(mutex_);
    retire(self);
    if (workers_.empty() && phase_ != phase::open) informed.swap(end_waiters_);
  }
  tell_of_end(informed);
}

void thread_pool::tell_of_end(std::list<promise<bool>>& waiters) noexcept {
  for (auto& waiter : waiters) {
    alarms_.clear(&waiter);
    answer_waiting(waiter, true);
  }
}

bool thread_pool::ended() noexcept {
  if (is_foreign()) return true;
  const std::lock_guard lock(mutex_);
  return phase_ != phase::open && workers_.empty();
}

void thread_pool::break_with(std::exception_ptr cause) noexcept {
  report(severity::error, "the initializer of the executor " + settings_.prefix + " threw " + describe(cause) +
                              "; the executor is broken");
  const auto error = std::make_exception_ptr(
      broken_executor("plait: the executor is broken: its initializer threw " + describe(cause), cause));
  call_list lost;
  std::vector<worker*> woken;
  {
    const std::lock_guard lock(mutex_);
    if (phase_ != phase::broken) broken_by_ = std::move(cause);
    phase_ = phase::broken;
    close_inbox();
    empty_queue(lost);
    wake_all(woken);
  }
  if (settings_.room) settings_.room->close(error);
  for (auto* const sleeper : woken) wake(*sleeper);
  complete_all(lost, error);
}

std::vector<std::unique_ptr<thread_pool::worker>> thread_pool::take_joinable() {
  const auto [first, last] = std::ranges::partition(left_, [](const auto& gone) { return !gone->thread.joinable(); });
  std::vector<std::unique_ptr<worker>> joinable(std::make_move_iterator(first), std::make_move_iterator(last));
  left_.erase(first, last);
  return joinable;
}

void thread_pool::join() noexcept {
  std::vector<std::unique_ptr<worker>> ended;
  {
    const std::lock_guard lock(mutex_);
    ended = take_joinable();
  }
  for (const auto& gone : ended) {
    if (gone->thread.get_id() == std::this_thread::get_id())
      gone->thread.detach();  // it has told of the end, and was told to destroy the executor
    else
      gone->thread.join();
  }
}

void thread_pool::abandon() noexcept {
  static_cast<void>(begin_shutdown(shutdown_mode::kill, nanoseconds::zero()));
  std::string busy;
  {
    const std::lock_guard lock(mutex_);
    abandoned_ = true;
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
