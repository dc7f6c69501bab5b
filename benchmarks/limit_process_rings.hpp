// The two ways between the limit's loop and its worker processes, in memory that all of them share. Both are rings
// with one slot a call; no more calls may be in flight than there are slots, so that none is written while its call
// is still wanted.
#pragma once
#include <atomic>
#include <cstdint>
#include <new>
#include <optional>
#include <system_error>
#include <utility>

#include "benchmarks/limit_parts.hpp"
#include <sys/mman.h>

namespace bench::limit {

// Memory that processes forked later share with this one. All its pages are there.
class shared_pages {
 public:
  explicit shared_pages(std::size_t size)
      : size_(size),
        at_(mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0)) {
    if (at_ == MAP_FAILED) throw std::system_error(errno, std::generic_category(), "mmap");
  }
  ~shared_pages() { munmap(at_, size_); }
  shared_pages(const shared_pages&) = delete;
  shared_pages& operator=(const shared_pages&) = delete;
  void* get() const noexcept { return at_; }

 private:
  std::size_t size_;
  void* at_;
};

// A T in such memory. It ends with its maker; that of a forked process is left alone.
template <class T> class shared {
 public:
  template <class... Args>
  explicit shared(Args&&... args) : pages_(sizeof(T)), it_(new(pages_.get()) T(std::forward<Args>(args)...)) {}
  ~shared() { it_->~T(); }
  shared(const shared&) = delete;
  shared& operator=(const shared&) = delete;
  T* operator->() const noexcept { return it_; }
  T& operator*() const noexcept { return *it_; }

 private:
  shared_pages pages_;
  T* it_;
};

// A call under way. The workers do nothing with the operation but name it in their answer.
struct message {
  operation* whose = nullptr;
  std::uint64_t value = 0;
};

inline constexpr std::uint32_t slots_of_ring = 4096;
static_assert((slots_of_ring & (slots_of_ring - 1)) == 0, "positions wrap around");

// To the workers. The loop is the only producer.
class request_ring {
 public:
  void push(const message& m) noexcept {
    auto& at = slots_[written_++ % slots_of_ring];
    std::atomic_ref(at.whose).store(m.whose, std::memory_order_relaxed);
    std::atomic_ref(at.value).store(m.value, std::memory_order_relaxed);
  }

  // Makes what was pushed visible to pop(). Returns whether there was anything.
  bool publish() noexcept {
    if (written_ == tail_.load(std::memory_order_relaxed)) return false;
    tail_.store(written_, std::memory_order_seq_cst);  // pairs with pop's load
    return true;
  }

  // Any process.
  std::optional<message> pop() noexcept {
    auto head = head_.load(std::memory_order_relaxed);
    while (head != tail_.load(std::memory_order_seq_cst)) {  // pairs with publish
      auto& at = slots_[head % slots_of_ring];
      // What is read here may be half of a newer message, where another worker was faster; then head has moved on.
      const message m{std::atomic_ref(at.whose).load(std::memory_order_relaxed),
                      std::atomic_ref(at.value).load(std::memory_order_relaxed)};
      if (head_.compare_exchange_weak(head, head + 1, std::memory_order_acq_rel, std::memory_order_relaxed)) return m;
    }
    return std::nullopt;
  }

  // Any process.
  bool empty() const noexcept {
    return head_.load(std::memory_order_relaxed) == tail_.load(std::memory_order_seq_cst);
  }

 private:
  alignas(cache_line) std::uint32_t written_ = 0;  // the loop's own
  alignas(cache_line) std::atomic<std::uint32_t> tail_{0};
  alignas(cache_line) std::atomic<std::uint32_t> head_{0};
  alignas(cache_line) message slots_[slots_of_ring];
};

// Back to the loop, in the order in which the calls end.
class reply_ring {
 public:
  // Any process.
  void push(const message& m) noexcept {
    const auto at = tail_.fetch_add(1, std::memory_order_relaxed);
    auto& s = slots_[at % slots_of_ring];
    s.content = m;
    s.turn.store(at + 1, std::memory_order_seq_cst);  // pairs with empty's load
  }

  bool empty() const noexcept {
    return slots_[head_ % slots_of_ring].turn.load(std::memory_order_seq_cst) != head_ + 1;
  }

  // Gives each to `take`, oldest first, until there are no more. Returns whether there were any.
  template <class Take> bool take_all(Take take) {
    const auto first = head_;
    while (!empty()) {
      const message& m = slots_[head_++ % slots_of_ring].content;
      m.whose->value = m.value;
      take(*m.whose);
    }
    return head_ != first;
  }

 private:
  struct alignas(cache_line / 2) slot {  // none lies in two lines
    std::atomic<std::uint32_t> turn{0};
    message content;
  };
  alignas(cache_line) std::uint32_t head_ = 0;  // the loop's own
  alignas(cache_line) std::atomic<std::uint32_t> tail_{0};
  alignas(cache_line) slot slots_[slots_of_ring];
};

}  // namespace bench::limit
