// The counting and waiting of all queues; what holds the items is in typed_queue.hpp.
//
//    put ── no room ──► putters ── a getter took one: room is promised ──► resumes, places its item
//    get ── no item ──► getters ── an item was placed: one is promised ──► resumes, takes the first of the queue
//    join ────────────► joiners ── task_done for the last one ───────────► resume
//
// Promised are numbers, not items: an item stays in the queue until its getter runs, and a putter keeps its own until
// it may place it. So nothing has to be put back when one of them is cancelled: only the promise goes on to the next,
// and the order of the queue is what it was.
//
// Guarantees
// - stored <= max_size, always; stored >= promised items, until an immediate shutdown.
// - A getter waits only while every item is promised to others; a putter only while all room is taken or promised.
// - What T throws when it is moved or compared comes out of the put or get that did it, and nothing was done by that.
#pragma once

#include <plait/loop/sync/errors.hpp>
#include <plait/loop/sync/wait_line.hpp>

#include <coroutine>
#include <cstddef>
#include <cstdint>

namespace plait::inline PLAIT_ABI {

/// What becomes of the items that are in a queue when it is shut down.
enum class queue_shutdown : std::uint8_t {
  drain,      ///< they can still be got
  immediate,  ///< they are dropped
};

namespace detail {

class queue_core;

/// Who waits for room or for an item: what was promised to it is a count in the queue.
class PLAIT_API queue_waiter : public line_waiter {
 protected:
  queue_waiter(wait_line& line, const char* what, queue_core& core) noexcept
      : line_waiter(line, what), core_(&core) {}
  friend class queue_core;
  queue_core* core_;
  bool promised_ = false;  // and counted in the queue
};

class PLAIT_API queue_putter : public queue_waiter {
 public:
  explicit queue_putter(queue_core& core) noexcept;
  [[nodiscard]] bool await_ready() const;

 protected:
  /// After it: there is room, and the item must be placed now.
  void finish();

 private:
  void pass_on() noexcept override;
};

class PLAIT_API queue_getter : public queue_waiter {
 public:
  explicit queue_getter(queue_core& core) noexcept;
  [[nodiscard]] bool await_ready() const;

 protected:
  /// After it: there is an item, which must be taken now.
  void finish();

 private:
  void pass_on() noexcept override;
};

/// co_await queue.join()
class PLAIT_API queue_joiner final : public line_waiter {
 public:
  explicit queue_joiner(queue_core& core) noexcept;
  [[nodiscard]] bool await_ready() const;
  void await_resume() { static_cast<void>(arrive()); }

 private:
  queue_core* core_;
};

class PLAIT_API queue_core {
 public:
  explicit queue_core(std::size_t max_size) noexcept : max_size_(max_size) {}

  /// That nobody was promised.
  [[nodiscard]] std::size_t size() const noexcept {
    return stored_ > promised_items_ ? stored_ - promised_items_ : 0;
  }
  [[nodiscard]] bool full() const noexcept { return max_size_ != 0 && stored_ + promised_room_ >= max_size_; }
  [[nodiscard]] std::size_t max_size() const noexcept { return max_size_; }
  [[nodiscard]] bool is_shut_down() const noexcept { return shut_down_; }

  void task_done();
  /// Throws where nothing can be put, or got, at once.
  void check_put_nowait() const;
  void check_get_nowait() const;
  /// An item was placed.
  void placed() noexcept;
  /// Placing it threw.
  void not_placed() noexcept { promise_room(); }
  /// An item was taken.
  void taken() noexcept;
  /// Taking it threw: it is still there.
  void not_taken() noexcept { promise_item(); }
  void check_loop(const char* what) const;
  /// No more items; all who wait resume. Only after check_loop.
  void shut_down() noexcept;
  /// All items are dropped. Only when it is shut down.
  void forget_items() noexcept;

 private:
  friend class queue_putter;
  friend class queue_getter;
  friend class queue_joiner;
  [[noreturn]] void throw_shut_down(const char* what) const;
  void promise_room() noexcept;
  void promise_item() noexcept;
  void finish_tasks(std::size_t n) noexcept;

  const std::size_t max_size_;  // 0: as many as there come
  std::size_t stored_ = 0;
  std::size_t promised_items_ = 0;
  std::size_t promised_room_ = 0;
  std::size_t unfinished_ = 0;  // put, and no task_done yet
  bool shut_down_ = false;
  wait_line putters_;
  wait_line getters_;
  wait_line joiners_;
};

}  // namespace detail
}  // namespace plait::inline PLAIT_ABI
