// Replies: taken off the rings, delivered. Which of the parent's threads does it: process_pool_bells.cpp.
#include <plait/core/internal/thread_spare.hpp>
#include <plait/portable/exceptions.hpp>
#include <plait/processes/internal/pool_worker.hpp>
#include <plait/processes/internal/process_figures.hpp>
#include <plait/processes/internal/process_pool.hpp>
#include <plait/processes/internal/shared_pages.hpp>

#include <algorithm>
#include <cerrno>
#include <mutex>
#include <system_error>

namespace plait::inline PLAIT_ABI::detail {
namespace {

using namespace std::chrono_literals;

/// How long what is sent ahead to one worker may take in all: long enough that a worker never waits for the parent's
/// next turn, short enough that hardly anything must be taken back where another worker becomes free.
constexpr nanoseconds ahead{500us};
/// And how many calls at most, of those that its ring has room for.
constexpr std::size_t most_ahead = 1024;

}  // namespace

/// This thread's batch, so that its memory is used again. Who comes here from a callback of another pool has one
/// made.
class process_pool::batch_on_loan {
 public:
  batch_on_loan() : mine_(spare::take()) {
    if (!mine_) mine_ = std::make_unique<batch>();
  }
  batch_on_loan(const batch_on_loan&) = delete;
  batch_on_loan& operator=(const batch_on_loan&) = delete;
  ~batch_on_loan() {
    if (mine_->bytes.capacity() <= most_kept) spare::give(std::move(mine_));
  }

  [[nodiscard]] batch& get() const noexcept { return *mine_; }

 private:
  static constexpr std::size_t most_kept = 256 * 1024;  // a thread's memory for good
  using spare = thread_spare<batch>;
  std::unique_ptr<batch> mine_;
};

void process_pool::take_replies() noexcept {
  batch_on_loan loan;
  auto& taken = loan.get();
  for (bool more = true; more;) {
    afterwards later;
    more = false;
    taken.replies.clear();
    taken.bytes.clear();
    {
      const std::lock_guard lock(mutex_);
      for (std::size_t i = 0; i < workers_.size(); ++i) {  // by index: pump may add one
        auto& w = *workers_[i];
        if (!w.dead && !w.held && w.line.has_reply()) more |= collect(w, taken, later);
      }
      if (stuck_look_is_due()) free_the_stuck(later);
      if (bring_over() || queue_.size() > 0) pump(later);
      if (phase_ != phase::open) stop_idle();
      if (!taken.replies.empty()) ++delivering_;
    }
    settle(later);
    if (taken.replies.empty()) return;
    for (auto& each : taken.replies) deliver(each, std::span(taken.bytes).subspan(each.offset, each.size));
    taken.replies.clear();  // this thread keeps the batch, which must keep no worker: the pool may end now
    const std::lock_guard lock(mutex_);
    if (--delivering_ == 0 && phase_ != phase::open) ring_attendant();
  }
}

// True where it stopped before the last reply.
bool process_pool::collect(worker& from, batch& into, afterwards& later) noexcept {
  std::size_t replies = 0;
  std::uint64_t copied_up_to = 0;
  bool more = false;
  try {
    small_reply small;
    while (!more) {
      if (from.line.next_small_reply(small)) {
        take_small(from, small, into, later);
        copied_up_to = small.position;
      } else if (auto other = from.line.next_reply()) {
        const auto position = other->position;
        const bool stays = other->large || other->kind == reply_kind::need_block;
        take_one(from, *other, into, later);
        if (!stays) copied_up_to = position;
      } else {
        break;
      }
      ++replies;
      more = from.held || into.replies.size() >= batch::most;
    }
    if (copied_up_to != 0) from.line.release_up_to(copied_up_to);
    if (replies > 0 && !from.flights.empty() && from.flights.front().item) begins(*from.flights.front().item, later);
  } catch (const std::exception& error) {
    from.dead = true;
    kill_worker(from, std::string("it broke the protocol, and was killed (") + error.what() + ")");
    return false;
  }
  answered(from, replies);
  return more;
}

void process_pool::take_small(worker& from, const small_reply& one, batch& into, afterwards& later) {
  auto* const item = asked_for(from, one);
  if (item && one.kind == reply_kind::value && item->keep_plain_result(one.payload))
    into.replies.push_back({arrived::kind::kept, item});
  else
    take_copy(one, item, into);
  is_done(from, item, one, later);
}

void process_pool::take_copy(const small_reply& of, work_item* item, batch& into) {
  arrived made{arrived::kind_of(of, item), item};
  copy_into(into, of, made);
  if (item || made.what != arrived::kind::value) into.replies.push_back(std::move(made));
}

void process_pool::take_one(worker& from, reply& one, batch& into, afterwards& later) {
  if (one.kind == reply_kind::need_block) {
    auto wish = std::make_unique<arrived::bulk>(from.shared_from_this(), std::move(one));
    into.replies.push_back({arrived::kind::wants_memory, nullptr, 0, 0, std::move(wish)});
    return;
  }
  const small_reply head = one;
  auto* const item = asked_for(from, head);
  arrived made{arrived::kind_of(head, item), item};
  made.more = std::make_unique<arrived::bulk>();
  made.more->lent = std::move(one.lent);
  made.more->lent_lost = one.lent_lost;
  if (one.large) {
    made.more->from = from.shared_from_this();
    made.more->held = std::move(one);
    from.held = true;
  } else {
    copy_into(into, head, made);
  }
  into.replies.push_back(std::move(made));
  is_done(from, item, head, later);
}

// The call that it answers; null for the initializer.
work_item* process_pool::asked_for(const worker& from, const small_reply& answer) {
  if (from.flights.empty() || from.flights.front().sequence != answer.sequence)
    throw protocol_error("plait: a reply to nothing that was asked");
  return from.flights.front().item;
}

process_pool::arrived::kind process_pool::arrived::kind_of(const small_reply& answer,
                                                           const work_item* item) noexcept {
  if (answer.kind == reply_kind::value) return arrived::kind::value;
  return item ? arrived::kind::error : arrived::kind::initializer_failed;
}

void process_pool::copy_into(batch& into, const small_reply& from, arrived& made) {
  made.offset = into.bytes.size();
  made.size = from.payload.size();
  into.bytes.insert(into.bytes.end(), from.payload.begin(), from.payload.end());
}

void process_pool::is_done(worker& by, work_item* item, const small_reply& answer, afterwards& later) {
  by.flights.pop_front();
  if (!item) {
    if (answer.kind != reply_kind::value) return;
    by.ready = true;
    failed_starts_ = 0;
    return;
  }
  // How long calls ran, as the worker says: a worker that lies is sent too many calls, or too few.
  if (const nanoseconds ran(answer.flags); ran.count() > 0)
    by.each = by.each.count() == 0 ? ran : (7 * by.each + ran) / 8;
  leaves(*item);
  if (std::exchange(item->counted, false)) later.left.push_back(item->bytes());
  ++by.calls_done;
  if (by.pushed.at != ladder::rung::none) forget_ladder(by, answer.sequence);
  if (settings_.memory_limit != 0 && answer.own_pages * page_size() > settings_.memory_limit)
    replace_outgrown(by, answer.sequence, later);
}

// How many calls may be sent ahead to it follows from how quick it was.
void process_pool::answered(worker& by, std::size_t replies) noexcept {
  if (replies == 0) return;
  by.last_sign = sync::now();
  if (by.each.count() > 0)
    by.most_flights = std::clamp(static_cast<std::size_t>(ahead / by.each), std::size_t{1}, most_ahead);
  if (by.flights.empty()) become_idle(by);
}

void process_pool::become_idle(worker& idle) noexcept {
  // While it is held it is not: it becomes so when who holds it lets go.
  if (!idle.ready || idle.held) return;
  if (idle.pushed.at == ladder::rung::terminated) return stop_worker(idle);  // its call has outlived SIGTERM
  if (!idle.takes_calls()) return;
  if (idle.is_spent()) return stop_worker(idle);
  idle_.push_back(&idle);
  if (settings_.idle_timeout) {
    idle.idle_since = sync::now();
    set_idle_alarm(idle.idle_since + *settings_.idle_timeout);
  }
  look_for_stuck();
}

// A worker is free, or could be started, and calls that were sent ahead to others may be stuck by and by.
void process_pool::look_for_stuck() noexcept {
  auto next = sync::forever;
  for (const auto& w : workers_)
    if (w->sent_ahead() > 0) next = std::min(next, w->last_sign + worker::stuck_after);
  if (next >= stuck_look_.load(std::memory_order_relaxed)) return;
  stuck_look_.store(next, std::memory_order_relaxed);
  leave_stuck_to_attendant();
}

// Unless the loop sees to it, or the attendant wakes before.
void process_pool::leave_stuck_to_attendant() noexcept {
  if (attendant_asleep_ && !loop_looks_out() && stuck_look_.load(std::memory_order_relaxed) < attendant_until_)
    ring_attendant();
}

bool process_pool::stuck_look_is_due() const noexcept {
  const auto when = stuck_look_.load(std::memory_order_relaxed);
  return when != sync::forever && when <= sync::now();
}

// Calls were sent ahead to one worker, while another is free or could be started.
bool process_pool::some_may_be_stuck() const noexcept {
  const auto living = std::ranges::count_if(workers_, [](const auto& w) { return w->takes_calls(); });
  if (idle_.empty() && living >= settings_.max_workers) return false;
  return std::ranges::any_of(workers_, [&](const auto& w) {
    return w->sent_ahead() > 0 && !w->dead && (w->ready || !idle_.empty());  // to start one more is no quicker
  });
}

// Where they wait behind a long one they are taken back.
void process_pool::free_the_stuck(afterwards& later) noexcept {
  const auto now = sync::now();
  stuck_look_.store(sync::forever, std::memory_order_relaxed);
  if (!some_may_be_stuck()) return;
  auto next = sync::forever;
  for (const auto& w : workers_) {
    if (w->sent_ahead() == 0) continue;
    if (now - w->last_sign < worker::stuck_after) {
      next = std::min(next, w->last_sign + worker::stuck_after);
      continue;
    }
    w->last_sign = now;  // what can't be taken back now is tried for later, and not again and again
    const bool may_be_tried = !w->dead && !w->held && (w->ready || !idle_.empty());
    while (may_be_tried && w->sent_ahead() > 0 && w->line.withdraw(w->flights.back().sequence)) {
      later.again.push_back(w->flights.back());
      w->flights.pop_back();
    }
    if (may_be_tried) {
      w->most_flights = 1;
      w->each = std::max(w->each, worker::stuck_after);  // its next replies may not tell
    }
    if (w->sent_ahead() > 0) next = std::min(next, now + worker::stuck_after);
  }
  stuck_look_.store(next, std::memory_order_relaxed);
}

// ── delivering, outside the lock ──

outcome<void> process_pool::read_answer(arrived& what, std::span<const std::byte> bytes) {
  if (what.more && what.more->lent_lost)
    throw std::system_error(EMFILE, std::system_category(), "plait: recvmsg of a result's shared buffers");
  auto beside = what.more ? received(std::move(what.more->lent)) : freight();
  byte_reader in(bytes, &beside);
  if (what.what == arrived::kind::value) {
    if (what.item) what.item->decode_result(in);
    return std::monostate();
  }
  auto came = decode_thrown(in);
  if (what.item && !came.trace.empty()) what.item->keep_trace(std::move(came.trace));
  return std::move(came.error);
}

void process_pool::deliver(arrived& what, std::span<const std::byte> bytes) noexcept {
  if (what.what == arrived::kind::kept) return succeed(*what.item);
  if (what.what == arrived::kind::wants_memory) return grant_memory(what);
  if (const auto* const held = what.held()) bytes = held->payload;
  outcome<void> how;
  try {
    // One that was to be killed was cancelled then for every waiter, though it was quicker.
    if (!what.item || !what.item->to_be_cancelled) how = read_answer(what, bytes);
  } catch (...) {
    how = caught_exception();
  }
  if (auto* const held = what.held()) {
    const std::lock_guard lock(mutex_);
    auto& w = *what.more->from;
    w.held = false;
    if (!w.dead) w.line.release(std::move(*held));
    if (!w.dead && w.flights.empty()) become_idle(w);
    if (w.has_ended) ring_attendant();
  }
  what.more.reset();
  if (what.what == arrived::kind::initializer_failed)
    return break_with(how.exception(),
                      (settings_.initializer ? "its initializer threw " : "a worker could not begin: ") +
                          describe(how.exception()));
  if (what.item) deliver_to(*what.item, std::move(how));
}

void process_pool::deliver_to(work_item& item, outcome<void> how) noexcept {
  if (const auto error = how.exception()) {
    if (item.try_again(error)) {
      {
        const std::lock_guard lock(mutex_);
        count_in(item);
      }
      std::vector<flight> once{{0, 0, &item}};
      return send_again(once);
    }
    try {
      std::rethrow_exception(error);
    } catch (const cancelled_error&) {
      how = outcome<void>();
    } catch (...) {
    }
  }
  fail(item, std::move(how));
}

void process_pool::grant_memory(arrived& wish) noexcept {
  auto& w = *wish.more->from;
  auto& asked = *wish.more->held;
  const auto sequence = asked.sequence;
  block memory;
  int refused = 0;
  try {
    memory = blocks_.take(asked.wanted, w.line.id());
  } catch (const std::system_error& error) {
    refused = error.code().value();
  } catch (...) {
    refused = ENOMEM;
  }
  const std::lock_guard lock(mutex_);
  if (w.dead) return;
  try {
    w.line.release(std::move(asked));
    if (refused)
      w.line.refuse(sequence, refused);
    else
      w.line.grant(sequence, std::move(memory));
  } catch (const std::exception& error) {
    kill_worker(w, std::string("memory for its result could not be handed to it (") + error.what() + ")");
  }
}

}  // namespace plait::inline PLAIT_ABI::detail
