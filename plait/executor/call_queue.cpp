#include <plait/core/internal/prefetch.hpp>
#include <plait/executor/internal/call_queue.hpp>

namespace plait::inline PLAIT_ABI::detail {

void call_list::push_back(work_item& item) noexcept {
  item.prev = last_;
  item.next = nullptr;
  (last_ ? last_->next : first_) = &item;
  last_ = &item;
}

void call_list::push_front(work_item& item) noexcept {
  item.next = first_;
  (first_ ? first_->prev : last_) = &item;
  first_ = &item;
}

std::size_t call_list::queue_newest_first(work_item& newest) noexcept {
  std::size_t size = 0;
  work_item* later = nullptr;
  for (auto* item = &newest; item; ++size) {
    auto* const older = item->next;
    prefetch_to_write(item->prev, usual_size_of_call);  // which call_inbox left there
    item->prefetch_waiter();
    item->next = later;
    item->prev = older ? older : last_;
    item->queued = true;
    later = item;
    item = older;
  }
  (last_ ? last_->next : first_) = later;
  last_ = &newest;
  return size;
}

void call_list::remove(work_item& item) noexcept {
  auto* const before = &item == first_ ? nullptr : item.prev;
  (before ? before->next : first_) = item.next;
  (item.next ? item.next->prev : last_) = before;
  item.next = item.prev = nullptr;
}

call_list& call_queue::lane(int priority) { return priority == 0 ? usual_ : others_[priority]; }

void call_queue::push(work_item& item) {
  lane(item.priority()).push_back(item);
  item.queued = true;
  ++size_;
}

void call_queue::push_front(work_item& item) {
  lane(item.priority()).push_front(item);
  item.queued = true;
  ++size_;
}

void call_queue::push_newest_first(work_item& newest) noexcept { size_ += usual_.queue_newest_first(newest); }

work_item* call_queue::first_of_all() noexcept {
  for (auto& [priority, lane] : others_) {
    if (priority < 0) break;
    if (!lane.empty()) return lane.front();
  }
  if (!usual_.empty()) return usual_.front();
  for (auto& [priority, lane] : others_) {
    if (!lane.empty()) return lane.front();
  }
  return nullptr;
}

bool call_queue::remove(work_item& item) noexcept {
  if (!item.queued) return false;
  lane(item.priority()).remove(item);
  item.queued = false;
  --size_;
  return true;
}

}  // namespace plait::inline PLAIT_ABI::detail
