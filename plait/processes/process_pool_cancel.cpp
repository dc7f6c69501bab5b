// What comes to a pool from a future: a cancel, a question, a thread that blocks. And what is asked of it.
#include <plait/core/time.hpp>
#include <plait/processes/internal/pool_worker.hpp>
#include <plait/processes/internal/process_pool.hpp>

#include <algorithm>
#include <iterator>
#include <mutex>

namespace plait::inline PLAIT_ABI::detail {

// For who cancels it, or whose deadline has come: out of the queue or a ring, or stopped where it runs.
call_owner::withdrawn process_pool::take_out_or_stop(work_item& item, stop_for why) noexcept {
  if (is_foreign()) return {cancel_outcome::abandoned};
  const std::lock_guard lock(mutex_);
  static_cast<void>(bring_over_unsent());
  if (queue_.remove(item)) {
    drop_parcel(item);
  } else {
    const auto [w, flight] = find_flight(item);
    if (!w) return {cancel_outcome::too_late};
    if (w->dead || !w->line.withdraw(flight->sequence)) {
      item.mark_running_unless_done();
      if (w->dead) return {cancel_outcome::abandoned};
      if (item.to_be_cancelled) return {why == stop_for::cancel ? cancel_outcome::killed : cancel_outcome::too_late};
      if (why == stop_for::deadline) return {cancel_outcome::killed};  // first its future is told, then the worker
      if (is_killable(item)) {
        if (item.has_deadline() && item.extras()->deadline <= sync::now()) return {cancel_outcome::too_late};
        item.to_be_cancelled = true;
        begin_ladder(*w, *flight, "it was ended, since the call was cancelled");
        return {cancel_outcome::killed};
      }
      if (!item.takes_stop_token()) return {cancel_outcome::abandoned};
      w->line.ask_to_stop(flight->sequence);
      return {cancel_outcome::asked};
    }
    const auto next = w->flights.erase(flight);
    if (next == w->flights.begin() && next != w->flights.end() && next->item) next->item->mark_running_unless_done();
    if (w->flights.empty()) {
      become_idle(*w);
      if (queue_.size() > 0) ring_attendant();
    }
  }
  leaves(item);
  if (phase_ != phase::open) ring_attendant();
  if (item.has_deadline()) alarms_.clear(&item);
  withdrawn dropped{cancel_outcome::dropped};
  if (std::exchange(item.counted, false)) {
    dropped.room = settings_.room;
    dropped.bytes = item.bytes();
  }
  return dropped;
}

process_pool::place_of_flight process_pool::find_flight(const work_item& item) noexcept {
  for (const auto& w : workers_) {
    const auto found = std::ranges::find(w->flights, &item, &flight::item);
    if (found != w->flights.end()) return {w.get(), found};
  }
  return {};
}

void process_pool::locate(const work_item& item, call_place& place) {
  place.executor = settings_.prefix;
  if (is_foreign()) return;
  const std::lock_guard lock(mutex_);
  const auto [w, flight] = find_flight(item);
  if (!w) return;
  place.worker = w->name;
  place.pid = w->pid > 0 ? w->pid : -1;
  place.runs = flight == w->flights.begin() || !std::prev(flight)->item;  // or will at once
}

void process_pool::look_again(work_item& item) noexcept {
  const std::lock_guard lock(mutex_);
  const auto [w, flight] = find_flight(item);
  if (w && w->line.is_taken(flight->sequence)) item.mark_running_unless_done();
}

void process_pool::wanted_by_thread(work_item& item) noexcept {
  const std::lock_guard lock(mutex_);
  if (bring_over_unsent()) ring_attendant();  // which sends it: the loop may be what blocks
  if (item.served.load(std::memory_order_relaxed) != work_item::served_by::loop) return;
  item.served.store(work_item::served_by::anybody, std::memory_order_relaxed);
  --by_loop_;
  if (attendant_asleep_) begin_duty();
}

bool process_pool::is_foreign() const noexcept { return fork_generation() != fork_generation_; }

int process_pool::workers() noexcept {
  if (is_foreign()) return 0;
  const std::lock_guard lock(mutex_);
  return static_cast<int>(workers_.size());
}

std::vector<pid_t> process_pool::pids() {
  std::vector<pid_t> found;
  if (is_foreign()) return found;
  const std::lock_guard lock(mutex_);
  for (const auto& w : workers_)
    if (w->pid != 0) found.push_back(w->pid);
  return found;
}

std::size_t process_pool::pending() noexcept {
  if (is_foreign()) return 0;
  const std::lock_guard lock(mutex_);
  static_cast<void>(bring_over_unsent());
  auto waiting = queue_.size();
  for (const auto& w : workers_) waiting += w->sent_ahead() - (w->sent_ahead() > 0 && !w->flights.front().item);
  return waiting;
}

}  // namespace plait::inline PLAIT_ABI::detail
