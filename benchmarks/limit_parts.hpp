// The parts of the limit's runtime (limit_runtime.hpp has the picture): what travels, the two ways it travels, the
// two ways to sleep, and the way to wait a little before sleeping.
//
// Both sleeps are safe by the same argument (Dekker's): the sleeper says that it sleeps and then looks for work; the
// other side makes work visible and then looks for a sleeper. All four accesses are sequentially consistent, so at
// least one of the two sees the other.
#pragma once
#include <atomic>
#include <climits>
#include <coroutine>
#include <memory>
#include <system_error>
#include <utility>

#include "benchmarks/measure.hpp"
#include <linux/futex.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace bench::limit {

inline constexpr std::size_t cache_line = 64;

// One call, or one wait on the loop. Lives in the frame of the coroutine that awaits it.
struct operation {
  operation* next = nullptr;
  std::coroutine_handle<> waiter;
  std::uint64_t value = 0;
};

// First in, first out, of one thread.
class operation_list {
 public:
  bool empty() const noexcept { return first_ == nullptr; }
  void push_back(operation& op) noexcept {
    op.next = nullptr;
    append(op, op);
  }
  // A chain that is linked already, from `first` to `last`.
  void append(operation& first, operation& last) noexcept {
    (last_ != nullptr ? last_->next : first_) = &first;
    last_ = &last;
  }
  operation* pop_front() noexcept {
    operation* const op = first_;
    if (op == nullptr) return nullptr;
    first_ = op->next;
    if (first_ == nullptr) last_ = nullptr;
    return op;
  }

 private:
  operation* first_ = nullptr;
  operation* last_ = nullptr;
};

// Calls on their way to the workers. The loop is the only producer and publishes once a turn. At most `size` calls
// may be in flight, counted from push to completion: then a slot is never written while its call is still wanted.
class submission_ring {
 public:
  // The slots are left untouched, so that they cost memory only as they are used.
  explicit submission_ring(std::size_t size) : mask_(size - 1), slots_(std::make_unique_for_overwrite<slot[]>(size)) {
    require(size > 0 && (size & mask_) == 0, "the ring's size must be a power of two");
  }

  void push(operation& op) noexcept { at(written_++).store(&op, std::memory_order_relaxed); }

  // Makes what was pushed visible to pop(). Returns whether there was anything.
  bool publish() noexcept {
    if (written_ == tail_.load(std::memory_order_relaxed)) return false;
    tail_.store(written_, std::memory_order_seq_cst);  // pairs with pop's load
    return true;
  }

  // Any thread.
  operation* pop() noexcept {
    auto head = head_.load(std::memory_order_relaxed);
    while (head != tail_.load(std::memory_order_seq_cst)) {  // pairs with publish; what `op` points to is seen too
      operation* const op = at(head).load(std::memory_order_relaxed);
      if (head_.compare_exchange_weak(head, head + 1, std::memory_order_relaxed)) return op;
    }
    return nullptr;
  }

  // Any thread.
  bool empty() const noexcept {
    // The tail pairs with publish, as in pop: runtime::take relies on it when it has stopped looking.
    return head_.load(std::memory_order_relaxed) == tail_.load(std::memory_order_seq_cst);
  }

 private:
  using slot = operation*;
  std::atomic_ref<slot> at(std::uint64_t i) const noexcept { return std::atomic_ref(slots_[i & mask_]); }

  const std::size_t mask_;
  const std::unique_ptr<slot[]> slots_;
  std::uint64_t written_ = 0;  // the loop's own
  alignas(cache_line) std::atomic<std::uint64_t> tail_{0};
  alignas(cache_line) std::atomic<std::uint64_t> head_{0};
};

// Calls on their way back. Any thread pushes, the loop takes all at once.
class alignas(cache_line) completion_stack {
 public:
  void push(operation& op) noexcept {
    op.next = top_.load(std::memory_order_relaxed);
    // Releases the result to take_all_into's exchange; comes before loop_bell::must_ring's look (see above).
    while (!top_.compare_exchange_weak(op.next, &op, std::memory_order_seq_cst, std::memory_order_relaxed)) {
    }
  }
  bool empty() const noexcept { return top_.load(std::memory_order_seq_cst) == nullptr; }

  // Appends all to `list`, oldest first.
  void take_all_into(operation_list& list) noexcept {
    if (top_.load(std::memory_order_relaxed) == nullptr) return;
    operation* const newest = top_.exchange(nullptr, std::memory_order_acquire);  // pairs with push
    operation* oldest = nullptr;
    for (operation* op = newest; op != nullptr;) {
      operation* const older = std::exchange(op->next, oldest);
      oldest = std::exchange(op, older);
    }
    list.append(*oldest, *newest);
  }

 private:
  std::atomic<operation*> top_{nullptr};
};

// Where the loop sleeps.
class alignas(cache_line) loop_bell {
 public:
  loop_bell() {
    if (epoll_ < 0 || event_ < 0) throw std::system_error(errno, std::generic_category(), "epoll_create1 or eventfd");
    epoll_event interest{};
    interest.events = EPOLLIN | EPOLLET;  // edge-triggered: each write is an event of its own, nothing has to be read
    if (epoll_ctl(epoll_, EPOLL_CTL_ADD, event_, &interest) != 0)
      throw std::system_error(errno, std::generic_category(), "epoll_ctl");
  }
  ~loop_bell() {
    close(event_);
    close(epoll_);
  }
  loop_bell(const loop_bell&) = delete;
  loop_bell& operator=(const loop_bell&) = delete;

  // May return early: a ring that came after the loop had found its work already.
  template <class Ready> void sleep_unless(Ready ready, const timespec* timeout) {
    asleep_.store(true, std::memory_order_seq_cst);  // pairs with must_ring
    if (!ready()) {
      epoll_event event;
      epoll_pwait2(epoll_, &event, 1, timeout, nullptr);
    }
    asleep_.store(false, std::memory_order_relaxed);
  }

  // Whether the loop sleeps; of several who ask, one is told so, and has to ring.
  bool must_ring() noexcept {
    // The first look spares a write to a shared line.
    return asleep_.load(std::memory_order_seq_cst) && asleep_.exchange(false, std::memory_order_relaxed);
  }

  void ring() {
    const std::uint64_t one = 1;
    if (write(event_, &one, sizeof one) != sizeof one) std::terminate();
  }

 private:
  std::atomic<bool> asleep_{false};
  const int epoll_ = epoll_create1(EPOLL_CLOEXEC);
  const int event_ = eventfd(0, EFD_CLOEXEC);
};

// Who waits by a word: threads of one process, or of several that share its memory.
enum class futex_scope { one_process, shared };

// Where the workers sleep.
class alignas(cache_line) worker_bell {
 public:
  explicit worker_bell(futex_scope scope = futex_scope::one_process) noexcept
      : private_flag_(scope == futex_scope::one_process ? FUTEX_PRIVATE_FLAG : 0) {}

  // Sleeps until pop() gives something, and returns that; what pop() gives for nothing after stop().
  template <class Pop> auto sleep_unless(Pop pop) -> decltype(pop()) {
    for (;;) {
      sleepers_.fetch_add(1, std::memory_order_seq_cst);  // pairs with wake_one's look
      const auto seen = epoch_.load(std::memory_order_seq_cst);
      auto got = pop();
      if (!got && !stopped_.load(std::memory_order_seq_cst)) futex(FUTEX_WAIT, seen);
      sleepers_.fetch_sub(1, std::memory_order_relaxed);
      if (got) return got;
      if (auto late = pop()) return late;
      if (stopped_.load(std::memory_order_seq_cst)) return {};
    }
  }

  void wake_one() {
    if (sleepers_.load(std::memory_order_seq_cst) == 0) return;
    epoch_.fetch_add(1, std::memory_order_seq_cst);  // a worker between its look and its sleep does not fall asleep
    futex(FUTEX_WAKE, 1);
  }

  void stop() {
    stopped_.store(true, std::memory_order_seq_cst);
    epoch_.fetch_add(1, std::memory_order_seq_cst);
    futex(FUTEX_WAKE, INT_MAX);
  }

 private:
  void futex(int operation, std::uint32_t value) noexcept {
    static_assert(sizeof epoch_ == sizeof(std::uint32_t));
    syscall(SYS_futex, &epoch_, operation | private_flag_, value, nullptr, nullptr, 0);
  }

  const int private_flag_;
  std::atomic<std::uint32_t> epoch_{0};
  alignas(cache_line) std::atomic<int> sleepers_{0};
  std::atomic<bool> stopped_{false};
};

// Looks for work a while before its thread sleeps, yielding between looks: a partner on the same core gets to run,
// where a busy wait would keep it out. A yield that comes back late means that a stranger wanted the core: then the
// next waits go to sleep at once. Both numbers are arbitrary: lower ones give up on a quiet machine, higher ones hurt
// a busy one.
class patience {
 public:
  explicit patience(std::uint64_t spin_ns) noexcept : spin_ns_(spin_ns) {}
  bool enabled() const noexcept { return spin_ns_ != 0; }

  // Returns whether ready() became true.
  template <class Ready> bool until(Ready ready) {
    if (spin_ns_ == 0) return false;
    if (left_out_ > 0) {
      --left_out_;
      return false;
    }
    auto before = now_ns();
    const auto end = before + spin_ns_;
    while (before < end) {
      if (ready()) return true;
      sched_yield();
      const auto after = now_ns();
      if (after - before > late_ns) {
        left_out_ = waits_left_out;
        break;
      }
      before = after;
    }
    return ready();
  }

 private:
  static constexpr std::uint64_t late_ns = 1'000'000;
  static constexpr unsigned waits_left_out = 100;

  std::uint64_t spin_ns_;
  unsigned left_out_ = 0;
};

}  // namespace bench::limit
