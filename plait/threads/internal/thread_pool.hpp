// The machinery behind thread_pool_executor.
//
//   any thread                    thread_pool (one lock)                   worker thread n
//   ──────────                    ──────────────────────                   ───────────────
//   submit ──accept(item)──►  inbox, no lock
//                               │ collect()
//                               ▼
//                             queue ─────────────take()──────────────►  execute(item)
//                             wake one, start one, or nothing              │ current = null: counts as free
//   cancel ──withdraw(item)─► out of the queue, or the stop source         ▼
//                             of the worker that runs it                 complete(item) ──► whoever waits
//   shutdown ─begin()───────► closing; idle workers end                    │
//                                                        ◄──── take() ─────┘
//
// Guarantees
// - A call belongs to the queue until a worker takes it or a cancel withdraws it, under the lock: it is never run and
//   cancelled, never lost, never completed twice. What is in the inbox counts as queued: whoever has the lock and
//   looks at the queue brings it there first, or needs none of it.
// - While calls wait, somebody awake will look at the queue again, or every worker is busy and no more may start.
//   "Somebody awake" is a searcher: a worker that was woken, was just started, or spins. At most one is made at a
//   time; a searcher that finds a call and leaves others makes the next. So a burst of submits makes one wake-up.
// - A submit takes the lock only where somebody has to be woken or started (look_for_worker_). Who makes that true
//   looks into the inbox after it, and a submit looks at it after its push: one of them sees the other.
// - A worker counts as free before its call completes: who was answered and submits again finds a free worker.
// - It says whether many calls wait behind the one that it completes (backlog.hpp): then no loop need be woken for
// it.
// - No user code (calls, callbacks, initializer, stop callbacks) runs under the lock.
// - The pool lives until its last worker has let go of it; an executor that may not wait leaves it to them.
#pragma once

#include <plait/core/home.hpp>
#include <plait/core/internal/alarm_clock.hpp>
#include <plait/core/internal/mutex.hpp>
#include <plait/core/promise.hpp>
#include <plait/executor/executor.hpp>
#include <plait/executor/internal/admission.hpp>
#include <plait/executor/internal/call_inbox.hpp>
#include <plait/executor/internal/call_queue.hpp>
#include <plait/executor/internal/process_end.hpp>
#include <plait/executor/work_item.hpp>

#include <atomic>
#include <exception>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace plait::inline PLAIT_ABI::detail {

class thread_pool final : public call_owner,
                          public ends_with_program,
                          public std::enable_shared_from_this<thread_pool> {
 public:
  struct settings {
    int max_workers;
    std::string prefix;
    std::function<void()> initializer;
    std::optional<nanoseconds> idle_timeout;
    std::shared_ptr<admission> room;
  };

  explicit thread_pool(settings chosen);
  ~thread_pool();

  void accept(work_item& item);
  [[nodiscard]] withdrawn withdraw(work_item& item) noexcept override;
  void locate(const work_item& item, call_place& place) override;
  future<bool> begin_shutdown(shutdown_mode mode, nanoseconds deadline) override;
  void join() noexcept override;
  /// Gives up waiting: what waits is cancelled, what runs is asked and named in a warning, the threads end alone.
  void abandon() noexcept;

  [[nodiscard]] const settings& chosen() const noexcept { return settings_; }
  [[nodiscard]] const std::shared_ptr<admission>& room() const noexcept { return settings_.room; }
  [[nodiscard]] bool ended() noexcept;
  [[nodiscard]] bool on_own_worker() const noexcept;
  [[nodiscard]] int workers() noexcept;
  [[nodiscard]] std::size_t pending() noexcept;
  [[nodiscard]] bool is_foreign() const noexcept override;

 private:
  class worker;
  enum class phase : std::uint8_t { open, closing, broken };

  /// What is to be done about workers, once the lock is released.
  struct next_worker {
    worker* wake = nullptr;
    worker* start = nullptr;
  };

  // Under the lock.
  /// No searcher is there, but somebody sleeps or may be started.
  [[nodiscard]] bool may_find_worker() const noexcept {
    return searchers_ == 0 && (sleeping_ || workers_.size() < static_cast<std::size_t>(settings_.max_workers));
  }
  [[nodiscard]] next_worker find_worker();
  [[nodiscard]] next_worker find_worker_for_rest() noexcept;
  [[nodiscard]] bool needs_another_worker() const noexcept;
  [[nodiscard]] worker* wake_last() noexcept;
  void wake_all(std::vector<worker*>& woken);
  bool collect() noexcept;
  [[nodiscard]] bool post_notice() noexcept;
  void note_queue() noexcept;
  void close_inbox() noexcept;
  void empty_queue(call_list& items) noexcept;
  void retire(worker& self) noexcept;
  [[nodiscard]] std::vector<std::unique_ptr<worker>> take_joinable();
  void throw_if_closed() const;
  void set_deadline(work_item& item);
  [[nodiscard]] std::string describe_deadlock() const;

  // Without it.
  [[noreturn]] void throw_foreign() const;
  [[nodiscard]] bool put_into_inbox(work_item& item) noexcept;
  void look_for_worker(work_item& item, bool in_inbox);
  [[nodiscard]] bool calls_wait() const noexcept {
    return queued_.load(std::memory_order_relaxed) || inbox_.holds_calls();
  }
  void take_care_of(next_worker next);
  static void wake(worker& sleeper) noexcept;
  void start(worker& fresh);
  void work(worker& self) noexcept;
  [[nodiscard]] bool initialize() noexcept;
  [[nodiscard]] work_item* take(worker& self) noexcept;
  void spin(worker& self) noexcept;
  [[nodiscard]] bool sleep(worker& self) noexcept;
  void leave(worker& self) noexcept;
  void finish(worker& self, work_item& item, outcome<void> how) noexcept;
  void deadline_came(work_item& item) noexcept;
  void end_deadline_came(const promise<bool>& whose) noexcept;
  [[nodiscard]] bool refuse_without_worker(work_item& item, const std::exception_ptr& why) noexcept;
  void tell_of_end(std::list<promise<bool>>& waiters) noexcept;
  void complete_all(call_list& items, const outcome<void>& how) noexcept;
  void break_with(std::exception_ptr cause) noexcept;
  void blocks_on(worker& self, const state& awaited) noexcept;

  const settings settings_;
  const unsigned fork_generation_;
  const int owner_pid_;

  static constexpr std::size_t cache_line = 64;  // who submits and who takes do not write to the same

  alignas(cache_line) call_inbox inbox_;
  /// What may_find_worker() said last. Written under the lock.
  alignas(cache_line) sync::atomic<bool> look_for_worker_{true};
  sync::atomic<bool> queued_{false};  // the queue is not empty, for a spinning worker; written under the lock

  alignas(cache_line) mutex mutex_;  // guards all below, and the links and `queued` of the items in the queue
  call_queue queue_;
  std::vector<std::unique_ptr<worker>> workers_;  // that live or are being started
  std::vector<std::unique_ptr<worker>> left_;     // that end or have ended; to be joined once their thread is noted
  worker* sleeping_ = nullptr;                    // the one that fell asleep last; a list
  int searchers_ = 0;
  phase phase_ = phase::open;
  std::exception_ptr broken_by_;
  std::list<promise<bool>> end_waiters_;  // who removes one answers it
  bool deadlock_reported_ = false;
  bool abandoned_ = false;  // threads that start from now on are nobody's to join

  alarm_clock alarms_;
};

}  // namespace plait::inline PLAIT_ABI::detail
