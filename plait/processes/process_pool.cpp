// Calls: submitted, written down, placed. Cancels are in process_pool_cancel.cpp, replies in
// process_pool_replies.cpp, workers in process_pool_workers.cpp, the end in process_pool_end.cpp.
#include <plait/core/internal/cpus.hpp>
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
#include <mutex>

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace plait::inline PLAIT_ABI::detail {
namespace {

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
      processors_beside_loop_(static_cast<std::size_t>(std::max(1, usable_cpus() - 1))),
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
  item.plain = item.variables() ? std::uint8_t{0} : static_cast<std::uint8_t>(item.plain_size());
  auto* const here = home::current();
  if (item.plain != 0) {
    attach(here);
    if (!may_wait_in_inbox(here, item) || !put_into_inbox(item)) place_now(item, nullptr);
    return;
  }
  const desk place_to_write;
  outgoing what;
  try {
    write_down(item, place_to_write.memory(), what);
  } catch (...) {
    return refuse_unfit(item, caught_exception());
  }
  attach(here);
  if (may_wait_in_inbox(here, item) && !what.large && what.beside.empty()) {
    item.luggage = parcel::make(what);
    if (put_into_inbox(item)) return;
    drop_parcel(item);
  }
  place_now(item, &what);
}

void process_pool::place_now(work_item& item, outgoing* what) {
  if (inbox_.holds_calls()) hand_over();  // those before it
  afterwards later;
  {
    const std::lock_guard lock(mutex_);
    throw_if_closed();
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
  settle(later);
}

// It can't be written down: that is its future's error, unless nothing would be accepted at all.
void process_pool::refuse_unfit(work_item& item, const std::exception_ptr& why) {
  {
    const std::lock_guard lock(mutex_);
    throw_if_closed();
  }
  fail(item, why);
}

void process_pool::throw_if_closed() const {
  if (phase_ == phase::broken) throw broken_executor("plait: the executor is broken: " + broken_because_, broken_by_);
  if (process_is_leaving()) throw shut_down_error("plait: submit while the program is leaving");
  if (phase_ == phase::closing) throw shut_down_error("plait: submit to an executor that was shut down");
}

// To the loop of this thread, if it has one and no other was first.
void process_pool::attach(home* here) noexcept {
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

// Of each submit of the attached loop, once: it is counted.
bool process_pool::may_wait_in_inbox(const home* here, const work_item& item) noexcept {
  if (!here || here != attached_.load(std::memory_order_relaxed)) return false;
  if (++submits_of_turn_ <= placed_at_once) return false;
  if (item.priority() != 0 || item.has_deadline()) return false;
  return attendant_runs_.load(std::memory_order_relaxed) && !process_is_leaving();
}

// True: the item may be anywhere by now. False where the inbox is closed.
bool process_pool::put_into_inbox(work_item& item) noexcept {
  item.served.store(work_item::served_by::loop, std::memory_order_relaxed);
  if (!inbox_.push(item)) {
    item.served.store(work_item::served_by::no_need, std::memory_order_relaxed);
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

// ── again, and after the lock ──

std::unique_ptr<process_pool::parcel> process_pool::written_down(const work_item& item) {
  const desk here;
  outgoing what;
  write_down(item, here.memory(), what);
  return std::unique_ptr<parcel>(parcel::make(what));
}

// What was taken back goes to the front of the queue, in the order that it had.
void process_pool::send_again(std::vector<flight>& taken_back) noexcept {
  std::ranges::sort(taken_back, std::ranges::greater(), &flight::order);
  std::vector<std::pair<work_item*, std::unique_ptr<parcel>>> written;
  afterwards later;
  for (const auto& each : taken_back) {
    try {
      written.emplace_back(each.item, each.item->plain != 0 ? nullptr : written_down(*each.item));
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

// Ends a call that has its value.
void process_pool::succeed(work_item& item) noexcept {
  if (item.to_be_cancelled) return fail(item, outcome<void>());
  if (item.has_deadline()) alarms_.clear(&item);
  item.forget_arguments();
  item.complete();
}

// Ends a call that is in nobody's hands but ours, and counted no more.
void process_pool::fail(work_item& item, outcome<void> how) noexcept {
  if (std::exchange(item.counted, false)) settings_.room->leave(item.bytes());
  if (item.has_deadline()) alarms_.clear(&item);
  item.forget_arguments();        // whoever keeps the future need not keep them
  item.complete(std::move(how));  // who reads it is the last to let go of an exception
}

}  // namespace plait::inline PLAIT_ABI::detail
