#include <plait/loop/sync/queue_core.hpp>

#include <string>
#include <utility>

namespace plait::inline PLAIT_ABI::detail {
namespace {

/// With no promise: each looks again.
void wake_all(wait_line& line) noexcept {
  while (line.wake_first()) {
  }
}

}  // namespace

// ── put ──

queue_putter::queue_putter(queue_core& core) noexcept : queue_waiter(core.putters_, "queue::put", core) {}

bool queue_putter::await_ready() const {
  core_->check_loop(what());
  return core_->shut_down_ || !core_->full();
}

void queue_putter::finish() {
  if (arrive() && std::exchange(promised_, false)) --core_->promised_room_;
  if (core_->shut_down_) core_->throw_shut_down(what());
}

void queue_putter::pass_on() noexcept {
  if (!std::exchange(promised_, false)) return;
  --core_->promised_room_;
  core_->promise_room();
}

// ── get ──

queue_getter::queue_getter(queue_core& core) noexcept : queue_waiter(core.getters_, "queue::get", core) {}

bool queue_getter::await_ready() const {
  core_->check_loop(what());
  // Of a queue that is shut down, an item that is promised may still become free: its getter may be cancelled.
  return core_->size() > 0 || (core_->shut_down_ && core_->stored_ == 0);
}

void queue_getter::finish() {
  if (arrive() && std::exchange(promised_, false)) --core_->promised_items_;
  if (core_->size() == 0) core_->throw_shut_down(what());
}

void queue_getter::pass_on() noexcept {
  if (!std::exchange(promised_, false)) return;
  --core_->promised_items_;
  core_->promise_item();
}

// ── join ──

queue_joiner::queue_joiner(queue_core& core) noexcept : line_waiter(core.joiners_, "queue::join"), core_(&core) {}

bool queue_joiner::await_ready() const {
  core_->check_loop(what());
  return core_->unfinished_ == 0;
}

// ── the counts ──

void queue_core::check_loop(const char* what) const {
  putters_.check_loop(what);
  getters_.check_loop(what);
  joiners_.check_loop(what);
}

void queue_core::throw_shut_down(const char* what) const {
  throw queue_shut_down(std::string("plait: ") + what + ": the queue was shut down" +
                        (what == std::string_view("queue::put") || what == std::string_view("queue::put_nowait")
                             ? " and takes no more items"
                             : " and has no item left"));
}

void queue_core::check_put_nowait() const {
  check_loop("queue::put_nowait");
  if (shut_down_) throw_shut_down("queue::put_nowait");
  if (full())
    throw queue_full("plait: queue::put_nowait: the queue holds " + std::to_string(stored_) + " of " +
                     std::to_string(max_size_) + " items" +
                     (promised_room_ > 0 ? ", and room is promised to who waits for it" : "") +
                     "; co_await put() waits for room");
}

void queue_core::check_get_nowait() const {
  check_loop("queue::get_nowait");
  if (size() > 0) return;
  if (shut_down_ && stored_ == 0) throw_shut_down("queue::get_nowait");
  throw queue_empty(std::string("plait: queue::get_nowait: the queue is empty") +
                    (stored_ > 0 ? " but for what is promised to who waits for it" : "") +
                    "; co_await get() waits for an item");
}

void queue_core::promise_room() noexcept {
  if (shut_down_ || full() || putters_.empty()) return;
  ++promised_room_;
  static_cast<queue_waiter*>(putters_.wake_first())->promised_ = true;
}

void queue_core::promise_item() noexcept {
  if (size() == 0 || getters_.empty()) return;
  ++promised_items_;
  static_cast<queue_waiter*>(getters_.wake_first())->promised_ = true;
}

void queue_core::placed() noexcept {
  ++stored_;
  ++unfinished_;
  promise_item();
}

void queue_core::taken() noexcept {
  --stored_;
  if (shut_down_ && stored_ == 0) wake_all(getters_);
  promise_room();
}

void queue_core::finish_tasks(std::size_t n) noexcept {
  unfinished_ -= n;
  if (unfinished_ == 0) joiners_.release_all();
}

void queue_core::task_done() {
  check_loop("queue::task_done");
  if (unfinished_ == 0)
    throw invalid_state_error(
        "plait: queue::task_done: called more often than items were put; call it once for each item got");
  finish_tasks(1);
}

void queue_core::shut_down() noexcept {
  shut_down_ = true;
  // All items are promised where somebody waits for one. Who is promised nothing looks once more when it resumes: an
  // item may be left over then, from one that was cancelled.
  wake_all(getters_);
  wake_all(putters_);
}

void queue_core::forget_items() noexcept {
  const auto dropped = std::exchange(stored_, 0);
  finish_tasks(dropped < unfinished_ ? dropped : unfinished_);
}

}  // namespace plait::inline PLAIT_ABI::detail
