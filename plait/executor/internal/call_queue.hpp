// The calls that wait in an executor.
#pragma once

#include <plait/executor/work_item.hpp>

#include <cstddef>
#include <functional>
#include <map>
#include <utility>

namespace plait::inline PLAIT_ABI::detail {

/// A doubly linked list through the items. What the first one has as `prev` means nothing.
class call_list {
 public:
  void push_back(work_item& item) noexcept;
  void push_front(work_item& item) noexcept;
  /// A chain from the newest to the oldest, by `next`, as call_inbox gives it: behind all others, the oldest first,
  /// and marked as queued. Gives how many they are.
  std::size_t queue_newest_first(work_item& newest) noexcept;
  void remove(work_item& item) noexcept;
  [[nodiscard]] work_item* front() const noexcept { return first_; }
  /// Null where it is empty.
  [[nodiscard]] work_item* pop_front() noexcept {
    auto* const item = first_;
    if (!item) return nullptr;
    first_ = std::exchange(item->next, nullptr);
    if (!first_) last_ = nullptr;
    return item;
  }
  [[nodiscard]] bool empty() const noexcept { return first_ == nullptr; }

 private:
  work_item* first_ = nullptr;
  work_item* last_ = nullptr;
};

/// First in, first out, higher priorities first. Not thread-safe: its owner's lock guards it and the items' links.
class call_queue {
 public:
  /// May throw std::bad_alloc for a priority that it has not seen.
  void push(work_item& item);
  /// For one that stood here before: ahead of all others of its priority.
  void push_front(work_item& item);
  /// A chain from the newest to the oldest, by `next`, none of which has a priority.
  void push_newest_first(work_item& newest) noexcept;
  /// The one that pop() gives; null where there is none.
  [[nodiscard]] work_item* front() noexcept { return others_.empty() ? usual_.front() : first_of_all(); }
  [[nodiscard]] work_item* pop() noexcept {
    auto* const item = others_.empty() ? usual_.pop_front() : first_of_all();
    if (!item) return nullptr;
    if (!others_.empty()) lane(item->priority()).remove(*item);
    item->queued = false;
    --size_;
    return item;
  }
  /// False where the item does not stand here.
  bool remove(work_item& item) noexcept;
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  /// No call had a priority so far.
  [[nodiscard]] bool is_plain() const noexcept { return others_.empty(); }

 private:
  [[nodiscard]] call_list& lane(int priority);
  [[nodiscard]] work_item* first_of_all() noexcept;

  call_list usual_;                                  // priority 0
  std::map<int, call_list, std::greater<>> others_;  // kept once made: a program uses few
  std::size_t size_ = 0;
};

}  // namespace plait::inline PLAIT_ABI::detail
