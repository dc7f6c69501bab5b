// Which worker a call goes to, and how it is sent there: under the lock.
#include <plait/core/memory.hpp>
#include <plait/portable/code_address.hpp>
#include <plait/processes/internal/pool_worker.hpp>
#include <plait/processes/internal/process_pool.hpp>
#include <plait/processes/internal/shared_pages.hpp>

#include <algorithm>
#include <cstring>
#include <memory>
#include <new>

namespace plait::inline PLAIT_ABI::detail {
namespace {

/// About what waking a sleeping process costs, on both sides: less is not worth it.
constexpr nanoseconds least_worth_a_wake{10'000};
/// What one worker is to take this long for is worth waking another in any case.
constexpr nanoseconds most_for_one{50'000};
/// Longer calls are worth it each.
constexpr nanoseconds short_call{2'000};

/// For what is known to fit.
class no_storage final : public byte_storage {
 public:
  std::span<std::byte> grow(std::span<const std::byte>, std::size_t) override { throw std::bad_alloc(); }
};

}  // namespace

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

// To a worker, or into the queue; `what` is null for a call of plain data. Throws where no worker can be had at all.
void process_pool::place(work_item& item, outgoing* what, afterwards& later) {
  const auto size = what ? what->bytes.size() : item.plain;
  auto* const to = queue_.size() == 0 ? find_worker(item, size, what && !what->beside.empty(), later) : nullptr;
  if (to) {
    send(*to, item, what, later);
    return publish(*to, later);
  }
  std::unique_ptr<parcel> waits(what ? parcel::make(*what) : nullptr);
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
      for (const auto& w : workers_)
        if (!w->flights.empty() && w->flights.size() < share_of(*w) && may_be_sent_ahead(*w, payload)) return w.get();
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

// How many calls may be one worker's before another one is woken for the next: those that it takes in less time than
// a wake does. Of short ones, its share of all that are there, so that no more workers are awake than there are
// processors beside the loop's, unless one has much to do. 0: how quick it is is not known.
std::size_t process_pool::share_of(const worker& w) const noexcept {
  if (w.each.count() == 0) return 0;
  const auto in = [&](nanoseconds time) { return static_cast<std::size_t>((time - nanoseconds(1)) / w.each) + 1; };
  const auto least = in(least_worth_a_wake);
  if (w.each >= short_call) return least;
  return std::clamp(outstanding_.load(std::memory_order_relaxed) / processors_beside_loop_, least, in(most_for_one));
}

bool process_pool::may_be_sent_ahead(worker& to, std::size_t payload) noexcept {
  return to.takes_calls() && to.flights.size() < to.most_flights && !to.is_spent() && knows_modules(to) &&
         to.line.has_room(payload);
}

void process_pool::send(worker& to, work_item& item, outgoing* what, afterwards& later) {
  const bool begins_now = to.flights.empty() || !to.flights.back().item;
  to.flights.add(0, next_order_++, &item);
  if (to.flights.size() == 2) one_waits_behind(to);
  // Before it is sent: the worker may have answered by the time that send returns, and nobody looks again.
  if (loop_asleep_)
    to.line.arm(bell::loop);
  else if (attendant_asleep_ && attendant_needed())
    to.line.arm(bell::helper);
  try {
    tell_modules(to);
    if (what)
      put_written(to.flights.back(), *what, to.line);
    else if (!put_plain(to.flights.back(), to.line))
      throw_invalid_state("plait: a call does not fit into a worker's ring");
  } catch (...) {
    to.flights.pop_back();
    if (to.flights.empty()) become_idle(to);
    if (to.line.publish()) to.line.wake();  // what it was told of modules
    throw;
  }
  if (begins_now) begins(item, later);
}

// The second that it has: from now on somebody looks whether it is stuck.
void process_pool::one_waits_behind(worker& at) noexcept {
  at.last_sign = sync::now();
  if (!idle_.empty()) look_for_stuck();
  look_after_loop();
}

// False: the ring has no room.
bool process_pool::put_plain(flight& made, link& into) {
  const auto memory = into.begin_call(made.item->plain);
  if (memory.empty()) return false;
  no_storage more;
  byte_writer to(memory, more);
  made.item->encode(to);
  const auto thunk = address_of_code(made.item->thunk());
  made.bytes = to.size();
  made.sequence = into.finish_call({.module = thunk.module, .thunk = thunk.offset}, to.size());
  return true;
}

void process_pool::put_written(flight& made, outgoing& what, link& into) {
  const auto lent = what.beside.empty() ? std::vector<int>() : descriptors_of(what.beside);
  const call_target target{.module = what.thunk.module, .flags = what.flags, .thunk = what.thunk.offset};
  made.bytes = what.bytes.size();
  made.sequence = what.large ? into.send(request_kind::call, target, std::move(what.large), what.bytes.size(), lent)
                             : into.send(request_kind::call, target, what.bytes, lent);
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

// Sends from the queue what can be sent. Quick ones go to one worker, up to its share; then it is chosen anew.
void process_pool::pump(afterwards& later) noexcept {
  unsent_.store(false, std::memory_order_relaxed);
  while (auto* const item = queue_.front()) {
    const auto* const waits = static_cast<parcel*>(item->luggage);
    worker* to = nullptr;
    try {
      to = find_worker(*item, waits ? waits->size : item->plain, waits && waits->lends(), later);
    } catch (...) {
      later.no_worker = caught_exception();
    }
    if (!to) return look_after_loop();
    static_cast<void>(queue_.pop());
    send_from_queue(*to, *item, later);
    send_row(*to, later);
    publish(*to, later);
  }
}

void process_pool::send_from_queue(worker& to, work_item& item, afterwards& later) noexcept {
  const std::unique_ptr<parcel> waits(static_cast<parcel*>(std::exchange(item.luggage, nullptr)));
  try {
    auto what = waits ? waits->take() : outgoing();
    send(to, item, waits ? &what : nullptr, later);
  } catch (...) {
    leaves(item);
    later.failed.emplace_back(&item, caught_exception());
  }
}

// Behind the one that it was just sent.
void process_pool::send_row(worker& to, afterwards& later) noexcept {
  if (to.flights.empty()) return;  // that one failed
  for (auto most = most_behind(to); most > 0; --most) {
    auto* const item = queue_.front();
    if (!item) return;
    try {
      if (!send_behind(to, *item, later)) return;
    } catch (...) {  // no memory: it is in the queue still, and begins the next row, or has this error there
      return;
    }
  }
}

// Itself not counted.
std::size_t process_pool::most_behind(const worker& chosen) const noexcept {
  const auto share = share_of(chosen);
  if (share == 0 || !chosen.takes_calls() || !knows_modules(chosen)) return 0;
  const auto had = chosen.flights.size();
  return std::min({share - 1, chosen.most_flights - std::min(chosen.most_flights, had), chosen.calls_left()});
}

// From the front of the queue. False: it has no room, or the call does not go behind others.
bool process_pool::send_behind(worker& to, work_item& item, afterwards& later) {
  const auto* const waits = static_cast<parcel*>(item.luggage);
  if (!may_go_ahead(item, waits ? waits->size : item.plain, waits && waits->lends())) return false;
  if (waits) {
    if (!to.line.has_room(waits->size)) return false;
    static_cast<void>(queue_.pop());
    send_from_queue(to, item, later);
    return true;
  }
  auto& made = to.flights.add(0, next_order_, &item);
  try {
    if (!put_plain(made, to.line)) {
      to.flights.pop_back();
      return false;
    }
  } catch (...) {
    to.flights.pop_back();
    throw;
  }
  ++next_order_;
  static_cast<void>(queue_.pop());
  if (to.flights.size() == 2) one_waits_behind(to);
  return true;
}

void process_pool::drop_parcel(work_item& item) noexcept {
  if (auto* const waits = static_cast<parcel*>(std::exchange(item.luggage, nullptr))) delete waits;
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

}  // namespace plait::inline PLAIT_ABI::detail
