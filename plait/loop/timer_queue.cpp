#include <plait/loop/internal/timer_queue.hpp>

#include <algorithm>

namespace plait::inline PLAIT_ABI::detail {
namespace {

constexpr std::size_t children = 4;

}  // namespace

bool timer_queue::before(const entry& a, const entry& b) noexcept {
  if (a.when != b.when) return a.when < b.when;
  return a.timer->timer_number < b.timer->timer_number;
}

void timer_queue::put(std::size_t place, entry e) noexcept {
  heap_[place] = e;
  e.timer->timer_place = static_cast<std::uint32_t>(place);
}

void timer_queue::sift_up(std::size_t place, entry e) noexcept {
  while (place > 0) {
    const auto parent = (place - 1) / children;
    if (!before(e, heap_[parent])) break;
    put(place, heap_[parent]);
    place = parent;
  }
  put(place, e);
}

void timer_queue::sift_down(std::size_t place, entry e) noexcept {
  for (;;) {
    const auto first = place * children + 1;
    if (first >= heap_.size()) break;
    const auto begin = heap_.begin() + static_cast<std::ptrdiff_t>(first);
    const auto end = heap_.begin() + static_cast<std::ptrdiff_t>(std::min(first + children, heap_.size()));
    const auto least = std::min_element(begin, end, before);
    if (!before(*least, e)) break;
    const auto next = static_cast<std::size_t>(least - heap_.begin());
    put(place, *least);
    place = next;
  }
  put(place, e);
}

void timer_queue::add(timed& t, time_point when) {
  if (due_.capacity() <= heap_.size()) due_.reserve(2 * heap_.size() + 1);
  heap_.push_back({when, &t});
  t.timer_number = added_++;
  sift_up(heap_.size() - 1, heap_.back());
}

timed* timer_queue::take(std::size_t place) noexcept {
  auto* const taken = heap_[place].timer;
  taken->timer_place = timed::nowhere;
  const auto last = heap_.back();
  heap_.pop_back();
  if (place < heap_.size()) {
    if (place > 0 && before(last, heap_[(place - 1) / children]))
      sift_up(place, last);
    else
      sift_down(place, last);
  }
  return taken;
}

void timer_queue::remove(timed& t) noexcept {
  if (t.timer_place == timed::nowhere) return;
  if ((t.timer_place & gathered) == 0) {
    take(t.timer_place);
    return;
  }
  due_[t.timer_place & ~gathered] = nullptr;
  t.timer_place = timed::nowhere;
}

void timer_queue::gather(time_point now) noexcept {
  due_.clear();
  next_due_ = 0;
  while (!heap_.empty() && heap_.front().when <= now) {
    auto* const due = take(0);
    due->timer_place = gathered | static_cast<std::uint32_t>(due_.size());
    due_.push_back(due);
  }
}

timed* timer_queue::take_gathered() noexcept {
  while (has_gathered()) {
    auto* const due = due_[next_due_++];
    if (!due) continue;
    due->timer_place = timed::nowhere;
    return due;
  }
  return nullptr;
}

}  // namespace plait::inline PLAIT_ABI::detail
