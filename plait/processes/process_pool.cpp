// Calls: submitted, written down, placed. Cancels are in process_pool_cancel.cpp, replies in
// process_pool_replies.cpp, workers in process_pool_workers.cpp, the end in process_pool_end.cpp.
#include <plait/core/internal/owner_gate.hpp>
#include <plait/core/internal/thread_spare.hpp>
#include <plait/core/report.hpp>
#include <plait/portable/code_address.hpp>
#include <plait/portable/context.hpp>
#include <plait/processes/internal/block_storage.hpp>
#include <plait/processes/internal/pool_worker.hpp>
#include <plait/processes/internal/process_pool.hpp>
#include <plait/processes/internal/shared_pages.hpp>

#include <algorithm>
#include <cstring>
#include <mutex>
#include <new>

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace plait::inline PLAIT_ABI::detail {
namespace {

/// About what waking a sleeping process costs, on both sides.
constexpr nanoseconds worth_a_wake{10'000};
/// How many of the calls of one turn that are not placed at once are placed together: workers begin while the turn
/// goes on.
constexpr unsigned placed_together = 32;

/// Where this thread writes a call down before it is known where it goes. What encodes may submit in its turn: then
/// that one gets a buffer of its own.
class desk {
 public:
  desk() : sheet_(spare::take()) {
    if (!sheet_) sheet_ = std::make_unique_for_overwrite<sheet>();
  }
  desk(const desk&) = delete;
  desk& operator=(const desk&) = delete;
  ~desk() { spare::give(std::move(sheet_)); }

  [[nodiscard]] std::span<std::byte> memory() const noexcept { return sheet_->bytes; }

 private:
  struct sheet {
    std::byte bytes[inline_limit];
  };
  using spare = thread_spare<sheet>;
  std::unique_ptr<sheet> sheet_;
};

}  // namespace

process_pool::process_pool(settings chosen)
    : settings_(std::move(chosen)),
      fork_generation_(fork_generation()),
      owner_pid_(getpid()),
      loop_bell_(above_stdio(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd")),
      attendant_bell_(above_stdio(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd")),
      epoll_(above_stdio(epoll_create1(EPOLL_CLOEXEC), "epoll_create1")),
      // A sandboxed worker must not read what another's calls were given.
      blocks_({.sharing = sandboxed() ? block_sharing::none : block_sharing::arguments}) {}

process_pool::~process_pool() {
  if (is_foreign()) {  // what lives in the parent is not ours to end
    for (auto& w : workers_) static_cast<void>(new auto(std::move(w)));
    return;
  }
  alarms_.stop();
  pass_owner_gate();
}

// ── submitting ──

void process_pool::write_down(const work_item& item, std::span<std::byte> memory, outgoing& what) {
  block_storage more(blocks_);
  byte_writer to(memory, more);
  what.flags = encode_context(to, item.variables()) ? call_has_context : 0;
  item.encode(to);
  what.thunk = address_of_code(item.thunk());
  what.bytes = to.bytes();
  if (more.outgrown()) what.large = more.take();
  what.beside = more.take_beside();
  if (!what.beside.empty()) check_count(what.beside);
}

void process_pool::accept(work_item& item) {
  if (is_foreign())
    throw broken_executor("plait: this executor belongs to process " + std::to_string(owner_pid_) +
                          ", of which this one (" + std::to_string(getpid()) + ") was forked; make one here");
  item.set_owner(*this);
  const desk here;
  outgoing what;
  std::exception_ptr unfit;
  try {
    write_down(item, here.memory(), what);
  } catch (...) {
    unfit = caught_exception();
  }
  attach_this_loop();
  if (!unfit && put_into_inbox(item, what)) return;
  if (inbox_.holds_calls()) hand_over();  // those before it
  afterwards later;
  {
    const std::lock_guard lock(mutex_);
    throw_if_closed();
    if (!unfit) {
      if (item.has_deadline()) set_deadline(item);
      count_in(item);
      try {
        place(item, what, later);
      } catch (...) {
        leaves(item);
        if (item.has_deadline()) alarms_.clear(&item);
        throw;
      }
    }
  }
  if (unfit) return fail(item, unfit);
  settle(later);
}

void process_pool::throw_if_closed() const {
  if (phase_ == phase::broken) throw broken_executor("plait: the executor is broken: " + broken_because_, broken_by_);
  if (process_is_leaving()) throw shut_down_error("plait: submit while the program is leaving");
  if (phase_ == phase::closing) throw shut_down_error("plait: submit to an executor that was shut down");
}

void process_pool::attach_this_loop() noexcept {
  auto* const here = home::current();
  home* nobody = nullptr;
  if (!here || attached_.load(std::memory_order_relaxed) || !attached_.compare_exchange_strong(nobody, here)) return;
  if (!here->attach(shared_from_this())) attached_ = nullptr;
}

void process_pool::count_in(work_item& item) noexcept {
  const auto* const here = home::current();
  const bool loops = here && here == attached_.load(std::memory_order_relaxed);
  item.served.store(loops ? work_item::served_by::loop : work_item::served_by::anybody, std::memory_order_relaxed);
  outstanding_.store(outstanding_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  if (loops)
    ++by_loop_;
  else if (attendant_asleep_ && outstanding_.load(std::memory_order_relaxed) == by_loop_ + 1)
    begin_duty();  // the first that needs the attendant
}

void process_pool::leaves(work_item& item) noexcept {
  if (item.served.load(std::memory_order_relaxed) == work_item::served_by::loop) --by_loop_;
  item.served.store(work_item::served_by::no_need, std::memory_order_relaxed);
  outstanding_.store(outstanding_.load(std::memory_order_relaxed) - 1, std::memory_order_relaxed);
  look_after_loop();  // it may have been the last for which the attendant was needed
}

// ── many of one turn ──

// True: the item may be anywhere by now.
bool process_pool::put_into_inbox(work_item& item, outgoing& what) {
  const auto* const here = home::current();
  if (!here || here != attached_.load(std::memory_order_relaxed)) return false;
  if (++submits_of_turn_ <= placed_at_once) return false;
  if (item.priority() != 0 || item.has_deadline() || what.large || !what.beside.empty()) return false;
  if (!attendant_runs_.load(std::memory_order_relaxed) || process_is_leaving()) return false;
  item.luggage = parcel::make(what);
  item.served.store(work_item::served_by::loop, std::memory_order_relaxed);
  if (!inbox_.push(item)) {  // it is closed
    item.served.store(work_item::served_by::no_need, std::memory_order_relaxed);
    drop_parcel(item);
    return false;
  }
  if (!loop_is_watched_.load(std::memory_order_seq_cst)) {
    const std::lock_guard lock(mutex_);
    look_after_loop();
  }
  if (++put_since_hand_over_ >= placed_together) {
    put_since_hand_over_ = 0;
    hand_over();
  }
  return true;
}

// Not inside of itself: calls that fail here have done callbacks, which may submit.
void process_pool::hand_over() noexcept {
  static constinit thread_local bool handing_over = false;
  if (std::exchange(handing_over, true)) return;
  afterwards later;
  {
    const std::lock_guard lock(mutex_);
    if (bring_over()) pump(later);
  }
  settle(later);
  handing_over = false;
}

// Under the lock. True where some were there: who brings them over has them sent.
bool process_pool::bring_over() noexcept {
  auto* const newest = inbox_.take_all();
  if (newest) to_queue(newest);
  return newest != nullptr;
}

// For who only looks for a call: the loop sends them in its next turn.
bool process_pool::bring_over_unsent() noexcept {
  if (!bring_over()) return false;
  unsent_.store(true, std::memory_order_relaxed);
  return true;
}

// Under the lock. What is submitted from now on is refused by the phase.
void process_pool::close_inbox() noexcept {
  if (auto* const newest = inbox_.close()) to_queue(newest);
}

void process_pool::to_queue(work_item* newest) noexcept {
  const auto before = queue_.size();
  queue_.push_newest_first(*newest);
  const auto brought = queue_.size() - before;
  outstanding_.store(outstanding_.load(std::memory_order_relaxed) + brought, std::memory_order_relaxed);
  by_loop_ += brought;
}

// ── placing ──

process_pool::parcel* process_pool::parcel::make(outgoing& what) {
  const auto inside = static_cast<std::uint32_t>(what.large ? 0 : what.bytes.size());
  std::unique_ptr<bulk> more;
  if (what.large || !what.beside.empty())
    more = std::make_unique<bulk>(std::move(what.large), std::move(what.beside));
  auto* const made = ::new (take_memory(sizeof(parcel) + inside)) parcel;
  made->thunk = what.thunk;
  made->flags = what.flags;
  made->inside = inside;
  made->size = what.bytes.size();
  made->more = std::move(more);
  if (inside > 0) std::memcpy(made->behind(), what.bytes.data(), inside);
  return made;
}

void process_pool::parcel::operator delete(parcel* one, std::destroying_delete_t) noexcept {
  const auto size = sizeof(parcel) + one->inside;
  one->~parcel();
  give_memory(one, size);
}

process_pool::outgoing process_pool::parcel::take() noexcept {
  outgoing what{thunk, flags, {behind(), size}};
  if (!more) return what;
  what.large = std::move(more->large);
  what.beside = std::move(more->beside);
  if (what.large) what.bytes = std::span<const std::byte>(what.large.memory()).first(size);
  return what;
}

// To a worker, or into the queue. Throws where no worker can be had at all.
void process_pool::place(work_item& item, outgoing& what, afterwards& later) {
  auto* const to = queue_.size() == 0 ? find_worker(item, what.bytes.size(), !what.beside.empty(), later) : nullptr;
  if (to) {
    send(*to, item, what, later);
    return publish(*to, later);
  }
  std::unique_ptr<parcel> waits(parcel::make(what));
  queue_.push(item);
  item.luggage = waits.release();
  look_after_loop();
  if (item.priority() > 0) take_back_sent_ahead(later);
}

// The one that became idle last, of those that have room: in the ring, and for a call with shared buffers in the
// control socket. What was taken back from an idle worker takes room until the worker has gone past it.
process_pool::worker* process_pool::find_idle(std::size_t payload, bool lends) noexcept {
  if (idle_.empty()) return nullptr;
  const auto found = std::find_if(idle_.rbegin(), idle_.rend(), [&](worker* w) {
    if (!knows_modules(*w) && !w->line.is_clear()) return false;
    return w->line.has_room(payload) && (!lends || w->line.may_lend());
  });
  if (found != idle_.rend()) return *found;
  // It goes past it and takes off what it has when it wakes, and tells nobody.
  if (!std::exchange(look_for_room_, true) && attendant_asleep_) ring_attendant();
  return nullptr;
}

// It is told of new ones while it has nothing to do: its ring has room for that then.
bool process_pool::knows_modules(const worker& w) noexcept { return w.known_modules == module_count(); }

process_pool::worker* process_pool::find_worker(const work_item& item, std::size_t payload, bool lends,
                                                afterwards& later) {
  const bool may_wait_there = may_go_ahead(item, payload, lends);
  if (auto* const chosen = find_idle(payload, lends)) {
    if (may_wait_there && chosen->line.sleeps()) {
      // Quick calls that one worker takes in less time than it takes to wake another are that one's.
      for (const auto& w : workers_)
        if (!w->flights.empty() && is_quick(*w, w->flights.size()) && may_be_sent_ahead(*w, payload)) return w.get();
    }
    std::erase(idle_, chosen);
    return chosen;
  }
  const auto living = std::ranges::count_if(workers_, [](const auto& w) { return w->takes_calls(); });
  if (living < settings_.max_workers) {
    if (living > 0 && next_start_ != time_point() && next_start_ > sync::now()) {
      if (attendant_asleep_) ring_attendant();  // it is to wake when one may be tried for
    } else {
      next_start_ = {};
      try {
        return &start_worker();
      } catch (const std::exception& error) {
        if (living == 0) throw;
        no_further_worker(error.what(), later);
      }
    }
  }
  if (!may_wait_there) return nullptr;
  worker* best = nullptr;
  for (const auto& w : workers_)
    if ((!best || w->flights.size() < best->flights.size()) && may_be_sent_ahead(*w, payload)) best = w.get();
  return best;
}

// Before others are done that the worker was sent.
bool process_pool::may_go_ahead(const work_item& item, std::size_t payload, bool lends) noexcept {
  return item.priority() == 0 && payload <= inline_limit && !lends;
}

// It takes that many calls in less time than it takes to wake another.
bool process_pool::is_quick(const worker& w, std::size_t calls) noexcept {
  return w.each.count() > 0 && w.each * static_cast<std::int64_t>(calls) < worth_a_wake;
}

bool process_pool::may_be_sent_ahead(worker& to, std::size_t payload) noexcept {
  return to.takes_calls() && to.flights.size() < to.most_flights && !to.is_spent() && knows_modules(to) &&
         to.line.has_room(payload);
}

void process_pool::send(worker& to, work_item& item, outgoing& what, afterwards& later) {
  const bool begins_now = to.flights.empty() || !to.flights.back().item;
  to.flights.push_back({0, next_order_++, &item, what.bytes.size()});
  if (to.flights.size() == 2) {
    to.last_sign = sync::now();
    if (!idle_.empty()) look_for_stuck();
    look_after_loop();
  }
  // Before it is sent: the worker may have answered by the time that send returns, and nobody looks again.
  if (loop_asleep_)
    to.line.arm(bell::loop);
  else if (attendant_asleep_ && attendant_needed())
    to.line.arm(bell::helper);
  try {
    tell_modules(to);
    const auto lent = what.beside.empty() ? std::vector<int>() : descriptors_of(what.beside);
    const call_target target{.module = what.thunk.module, .thunk = what.thunk.offset, .flags = what.flags};
    to.flights.back().sequence =
        what.large ? to.line.send(request_kind::call, target, std::move(what.large), what.bytes.size(), lent)
                   : to.line.send(request_kind::call, target, what.bytes, lent);
  } catch (...) {
    to.flights.pop_back();
    if (to.flights.empty()) become_idle(to);
    if (to.line.publish()) to.line.wake();  // what it was told of modules
    throw;
  }
  if (begins_now) begins(item, later);
}

// After the last call that was sent to it.
void process_pool::publish(worker& sent_to, afterwards& later) noexcept {
  if (!sent_to.line.publish()) return;
  try {
    later.wake.push_back(sent_to.shared_from_this());
  } catch (const std::bad_alloc&) {
    sent_to.line.wake();
  }
}

void process_pool::begins(work_item& item, afterwards& later) noexcept {
  item.mark_running_unless_done();
  if (std::exchange(item.counted, false)) later.left.push_back(item.bytes());
  if (settings_.memory_limit != 0) watch_memory();
}

// Sends from the queue what can be sent. Quick ones go to one worker, as many as it takes in less time than it takes
// to wake another; then it is chosen anew.
void process_pool::pump(afterwards& later) noexcept {
  unsent_.store(false, std::memory_order_relaxed);
  worker* to = nullptr;
  std::size_t in_a_row = 0;
  while (auto* const item = queue_.pop()) {
    auto& waits = *static_cast<parcel*>(item->luggage);
    if (!to || !takes_also(*to, *item, waits, in_a_row)) {
      if (to) publish(*to, later);
      to = nullptr;
      in_a_row = 0;
      try {
        to = find_worker(*item, waits.size, waits.lends(), later);
      } catch (...) {
        later.no_worker = caught_exception();
      }
    }
    if (!to) {
      queue_.push_front(*item);
      return look_after_loop();
    }
    auto what = waits.take();
    try {
      send(*to, *item, what, later);
      ++in_a_row;
    } catch (...) {
      leaves(*item);
      later.failed.emplace_back(item, caught_exception());
      publish(*to, later);
      to = nullptr;  // it may have become idle
    }
    drop_parcel(*item);
  }
  if (to) publish(*to, later);
}

bool process_pool::takes_also(worker& chosen, const work_item& item, const parcel& waits,
                              std::size_t in_a_row) noexcept {
  if (!may_go_ahead(item, waits.size, waits.lends()) || !is_quick(chosen, in_a_row)) return false;
  return may_be_sent_ahead(chosen, waits.size);
}

void process_pool::drop_parcel(work_item& item) noexcept {
  delete static_cast<parcel*>(std::exchange(item.luggage, nullptr));
}

// A more urgent call has come: what was sent ahead waits its turn again.
void process_pool::take_back_sent_ahead(afterwards& later) {
  for (const auto& w : workers_) {
    while (w->sent_ahead() > 0 && w->flights.back().item && w->line.withdraw(w->flights.back().sequence)) {
      later.again.push_back(w->flights.back());
      w->flights.pop_back();
    }
    w->most_flights = 1;
  }
}

// What was taken back goes to the front of the queue, in the order that it had.
void process_pool::send_again(std::vector<flight>& taken_back) noexcept {
  std::ranges::sort(taken_back, std::ranges::greater(), &flight::order);
  std::vector<std::pair<work_item*, std::unique_ptr<parcel>>> written;
  afterwards later;
  for (const auto& each : taken_back) {
    try {
      const desk here;
      outgoing what;
      write_down(*each.item, here.memory(), what);
      written.emplace_back(each.item, parcel::make(what));
    } catch (...) {
      later.failed.emplace_back(each.item, caught_exception());
    }
  }
  {
    const std::lock_guard lock(mutex_);
    for (auto& [item, how] : later.failed) leaves(*item);
    const auto no_more = turned_away();
    for (auto& [item, waits] : written) {
      if (no_more || item->to_be_cancelled) {
        leaves(*item);
        later.failed.emplace_back(item, item->to_be_cancelled ? outcome<void>() : *no_more);
        continue;
      }
      // Its alarm may have rung while it was in nobody's queue.
      if (item->has_deadline() && item->extras()->deadline <= sync::now()) {
        leaves(*item);
        later.expired.push_back(item);
        continue;
      }
      item->luggage = waits.release();
      queue_.push_front(*item);
    }
    pump(later);
    if (phase_ != phase::open) ring_attendant();  // it waits for these
  }
  settle(later);
}

void process_pool::settle(afterwards& later) noexcept {
  for (const auto& w : later.wake) w->line.wake();
  for (const auto bytes : later.left) settings_.room->leave(bytes);
  for (auto& [item, how] : later.failed) fail(*item, std::move(how));
  for (auto* const item : later.expired) {
    if (std::exchange(item->counted, false)) settings_.room->leave(item->bytes());
    alarms_.clear(item);
    item->expire(true);
  }
  if (!later.report.empty()) report(severity::warning, later.report);
  if (later.no_worker) no_worker_can_be_had(later.no_worker);
  if (!later.again.empty()) send_again(later.again);
}

// Ends a call that is in nobody's hands but ours, and counted no more.
void process_pool::fail(work_item& item, outcome<void> how) noexcept {
  if (std::exchange(item.counted, false)) settings_.room->leave(item.bytes());
  if (item.has_deadline()) alarms_.clear(&item);
  item.forget_arguments();        // whoever keeps the future need not keep them
  item.complete(std::move(how));  // who reads it is the last to let go of an exception
}

}  // namespace plait::inline PLAIT_ABI::detail
