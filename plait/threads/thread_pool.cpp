// Calls and workers; cancels and deadlines are in thread_pool_cancel.cpp, how it all ends in thread_pool_end.cpp.
#include <plait/core/internal/backlog.hpp>
#include <plait/core/internal/owner_gate.hpp>
#include <plait/core/internal/spin.hpp>
#include <plait/core/report.hpp>
#include <plait/core/thread_name.hpp>
#include <plait/executor/internal/process_end.hpp>
#include <plait/threads/internal/thread_pool.hpp>
#include <plait/threads/internal/worker.hpp>

#include <algorithm>
#include <mutex>
#include <system_error>

#include <unistd.h>

namespace plait::inline PLAIT_ABI::detail {

thread_pool::thread_pool(settings chosen)
    : settings_(std::move(chosen)), fork_generation_(fork_generation()), owner_pid_(getpid()) {}

thread_pool::~thread_pool() {
  alarms_.stop();
  pass_owner_gate();
}

// ── submitting ──

void thread_pool::accept(work_item& item) {
  if (is_foreign()) throw_foreign();
  item.set_owner(*this);
  const bool in_inbox = put_into_inbox(item);
  if (!in_inbox || look_for_worker_.load(std::memory_order_seq_cst)) look_for_worker(item, in_inbox);
}

void thread_pool::throw_foreign() const {
  throw broken_executor("plait: this executor belongs to process " + std::to_string(owner_pid_) +
                        ", of which this one (" + std::to_string(getpid()) + ") was forked; make one here");
}

// What needs no look at anything but the inbox. True: the item is in other hands by now.
bool thread_pool::put_into_inbox(work_item& item) noexcept {
  return !item.has_deadline() && item.priority() == 0 && !process_is_leaving() && inbox_.push(item);
}

// `in_inbox`: somebody else may have it by now. Who submits has a handle to it, so it lives.
void thread_pool::look_for_worker(work_item& item, bool in_inbox) {
  next_worker next;
  {
    const std::lock_guard lock(mutex_);
    collect();
    if (in_inbox) {
      // A shutdown that came in between has said that all had ended, and nobody is left to run this.
      if (phase_ != phase::open && workers_.empty() && queue_.remove(item)) {
        note_queue();
        throw_if_closed();
      }
    } else {
      throw_if_closed();
      queue_.push(item);
      try {
        if (item.has_deadline()) set_deadline(item);
      } catch (...) {
        queue_.remove(item);
        throw;
      }
      note_queue();
    }
    if (queue_.size() == 0) return;
    try {
      next = find_worker();
    } catch (...) {
      if (!workers_.empty()) return;  // no memory for one more: those that are there will take it
      if (!queue_.remove(item)) return;
      note_queue();
      alarms_.clear(&item);
      throw;
    }
    static_cast<void>(post_notice());  // a submit takes nobody away, so it can only say that none is to be looked for
  }
  try {
    take_care_of(next);
  } catch (...) {
    if (!refuse_without_worker(item, caught_exception())) return;
    alarms_.clear(&item);
    throw;
  }
}

// Brings what is in the inbox to the queue. False where it was empty.
bool thread_pool::collect() noexcept {
  auto* const newest = inbox_.take_all();
  if (!newest) return false;
  queue_.push_newest_first(*newest);
  note_queue();
  return true;
}

void thread_pool::note_queue() noexcept {
  const bool now = queue_.size() > 0;
  if (queued_.load(std::memory_order_relaxed) != now) queued_.store(now, std::memory_order_relaxed);
}

// To be called once searchers, sleepers or workers have changed. True where calls came meanwhile that looked for no
// worker, since there was a searcher when they came, and now none is: they are in the queue, and whoever called this
// has to look for one.
bool thread_pool::post_notice() noexcept {
  const bool now = may_find_worker();
  if (now == look_for_worker_.load(std::memory_order_relaxed)) return false;
  look_for_worker_.store(now, std::memory_order_seq_cst);
  return now && collect();
}

// The first worker could not be started. Calls that came meanwhile relied on it: they fail as `item` does, and a
// shutdown that waits for it has its end. False where `item` is in other hands by now.
bool thread_pool::refuse_without_worker(work_item& item, const std::exception_ptr& why) noexcept {
  bool mine = false;
  call_list others;
  std::list<promise<bool>> informed;
  {
    const std::lock_guard lock(mutex_);
    if (!workers_.empty()) return false;
    collect();
    mine = queue_.remove(item);
    empty_queue(others);
    if (phase_ != phase::open) informed.swap(end_waiters_);
  }
  complete_all(others, why);
  tell_of_end(informed);
  return mine;
}

void thread_pool::throw_if_closed() const {
  if (phase_ == phase::broken)
    throw broken_executor("plait: the executor is broken: its initializer threw " + describe(broken_by_), broken_by_);
  if (process_is_leaving()) throw shut_down_error("plait: submit while the program is leaving");
  if (phase_ == phase::closing) throw shut_down_error("plait: submit to an executor that was shut down");
}

// A call waits: whom to wake or to start for it. Nobody, where somebody is on the way to the queue already.
thread_pool::next_worker thread_pool::find_worker() {
  if (searchers_ > 0) return {};
  if (sleeping_) return {.wake = wake_last()};
  if (!needs_another_worker()) return {};
  int number = 0;  // the lowest that is free
  while (std::ranges::any_of(workers_, [&](const auto& w) { return w->number == number; })) ++number;
  auto& fresh = *workers_.emplace_back(std::make_unique<worker>(*this, number));
  // A worker that has to initialize itself first may be long in coming: the next call does not wait for it.
  fresh.searching = !settings_.initializer;
  if (fresh.searching) ++searchers_;
  return {.start = &fresh};
}

// For what a worker leaves behind. Where there is no memory for one more, those that are there have to do.
thread_pool::next_worker thread_pool::find_worker_for_rest() noexcept {
  // As mostly, where many calls wait: then there is nobody, and nothing has changed.
  if (!may_find_worker() && !look_for_worker_.load(std::memory_order_relaxed)) return {};
  const auto find = [this]() noexcept -> next_worker {
    try {
      return find_worker();
    } catch (const std::bad_alloc&) {
      return {};
    }
  };
  next_worker next;
  if (queue_.size() > 0 || collect()) next = find();
  if (post_notice() && !next.start) next = find();
  return next;
}

bool thread_pool::needs_another_worker() const noexcept {
  if (workers_.size() >= static_cast<std::size_t>(settings_.max_workers)) return false;
  const auto busy = std::ranges::count_if(
      workers_, [](const auto& w) { return w->current.load(std::memory_order_acquire) != nullptr; });
  return static_cast<std::size_t>(busy) + queue_.size() > workers_.size();
}

thread_pool::worker* thread_pool::wake_last() noexcept {
  auto* const woken = sleeping_;
  sleeping_ = woken->next_asleep;
  woken->asleep = false;
  woken->searching = true;
  ++searchers_;
  return woken;
}

void thread_pool::wake(worker& sleeper) noexcept {
  sleeper.woken.store(1, std::memory_order_release);
  sync::futex_wake(sleeper.woken, 1);
}

void thread_pool::take_care_of(next_worker next) {
  if (next.wake) wake(*next.wake);
  if (next.start) start(*next.start);
}

// Throws where no thread is to be had and the pool has none.
void thread_pool::start(worker& fresh) {
  try {
    sync::thread thread([self = shared_from_this(), &fresh] { self->work(fresh); });
    {
      const std::lock_guard lock(mutex_);
      if (abandoned_)
        thread.detach();
      else
        fresh.thread = std::move(thread);  // it may have left by now, but nobody joins or frees it before this
    }
    join();  // those that were idle for too long
  } catch (const std::exception& error) {
    next_worker instead;
    bool none_left = false;
    {
      const std::lock_guard lock(mutex_);
      if (fresh.searching) --searchers_;
      std::erase_if(workers_, [&](const auto& w) { return w.get() == &fresh; });
      none_left = workers_.empty();
      collect();
      if (queue_.size() > 0 && sleeping_) instead.wake = wake_last();
      if (post_notice() && sleeping_) instead.wake = wake_last();
    }
    if (instead.wake) wake(*instead.wake);
    if (none_left) {
      const auto* const from_system = dynamic_cast<const std::system_error*>(&error);
      throw std::system_error(
          from_system ? from_system->code() : std::make_error_code(std::errc::not_enough_memory),
          "plait: no thread could be started for the executor " + settings_.prefix + " (pthread_create)");
    }
    report(severity::warning, "the executor " + settings_.prefix + " could start no further thread: " + error.what());
  }
}

// ── a worker's life ──

void thread_pool::work(worker& self) noexcept {
  set_thread_name(settings_.prefix + "_" + std::to_string(self.number));
  worker::of_this_thread() = &self;
  blocking_observer::install(&self);
  if (initialize()) {
    do {
      while (auto* const item = take(self)) finish(self, *item, item->execute(self));
      spin(self);
    } while (sleep(self));
  }
  blocking_observer::install(nullptr);  // what thread-locals do at their end is no call's
  worker::of_this_thread() = nullptr;
  leave(self);
}

bool thread_pool::initialize() noexcept {
  if (!settings_.initializer) return true;
  try {
    settings_.initializer();
    return true;
  } catch (...) {
    break_with(caught_exception());
    return false;
  }
}

work_item* thread_pool::take(worker& self) noexcept {
  leaves_backlog::set(false);  // what the next call posts is not this one's result
  work_item* item = nullptr;
  next_worker next;
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(self.searching, false)) --searchers_;
    const auto many = leaves_backlog::many * workers_.size();
    if (queue_.size() < many || !queue_.is_plain()) collect();
    item = queue_.pop();
    if (!item && post_notice()) item = queue_.pop();
    if (!item) return nullptr;
    item->mark_running();
    self.current.store(item, std::memory_order_relaxed);
    self.forget_stop_source();
    deadlock_reported_ = false;
    try {
      if (const auto name = item->name(); name.empty())
        self.current_name.clear();
      else
        self.current_name = name;
    } catch (const std::bad_alloc&) {  // then without a name
    }
    next = find_worker_for_rest();
    note_queue();
    self.left_backlog = queue_.size() >= many;
  }
  try {
    take_care_of(next);
  } catch (...) {  // can't be: this worker is there
  }
  if (item->counted) settings_.room->leave(item->bytes());
  return item;
}

void thread_pool::finish(worker& self, work_item& item, outcome<void> how) noexcept {
  if (item.has_deadline()) alarms_.clear(&item);
  self.current.store(nullptr, std::memory_order_release);
  leaves_backlog::set(self.left_backlog && calls_wait());
  if (how.has_value()) return item.complete();
  item.complete(std::move(how));
}

// At most one worker spins: it counts as a searcher, so that a submit need not wake anybody.
void thread_pool::spin(worker& self) noexcept {
  {
    const std::lock_guard lock(mutex_);
    if (searchers_ > 0 || phase_ != phase::open) return;
    self.searching = true;
    ++searchers_;
    static_cast<void>(post_notice());
  }
  static_cast<void>(spin_until([this] { return calls_wait(); }));
}

// False where the worker is to end.
bool thread_pool::sleep(worker& self) noexcept {
  auto deadline = settings_.idle_timeout ? from_now(*settings_.idle_timeout) : sync::forever;
  {
    const std::lock_guard lock(mutex_);
    collect();
    if (queue_.size() > 0) return true;
    if (std::exchange(self.searching, false)) --searchers_;
    if (phase_ != phase::open) return false;
    self.woken.store(0, std::memory_order_relaxed);
    self.asleep = true;
    self.next_asleep = std::exchange(sleeping_, &self);
    if (post_notice()) {
      static_cast<void>(wake_last());  // itself, before it slept
      static_cast<void>(post_notice());
      return true;
    }
  }
  while (self.woken.load(std::memory_order_acquire) == 0) {
    if (sync::futex_wait(self.woken, 0, deadline)) continue;
    const std::lock_guard lock(mutex_);
    if (self.asleep) {  // idle for too long
      auto** link = &sleeping_;
      while (*link != &self) link = &(*link)->next_asleep;
      *link = self.next_asleep;
      retire(self);                      // at once: the next submit must not count on it
      static_cast<void>(post_notice());  // no searcher went
      return false;
    }
    deadline = sync::forever;  // somebody chose this worker, and its wake-up is on the way
  }
  return true;
}

// ── looking in ──

bool thread_pool::on_own_worker() const noexcept {
  const auto* const here = worker::of_this_thread();
  // Who is told of a deadline is told on the alarm clock's thread: that must not wait for the pool's end either.
  return (here && &here->pool == this) || alarms_.on_own_thread();
}

bool thread_pool::is_foreign() const noexcept { return fork_generation() != fork_generation_; }

int thread_pool::workers() noexcept {
  if (is_foreign()) return 0;
  const std::lock_guard lock(mutex_);
  return static_cast<int>(workers_.size());
}

std::size_t thread_pool::pending() noexcept {
  if (is_foreign()) return 0;
  const std::lock_guard lock(mutex_);
  collect();
  return queue_.size();
}

}  // namespace plait::inline PLAIT_ABI::detail
