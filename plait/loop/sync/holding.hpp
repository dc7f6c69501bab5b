// What a guard is made of: a link in the list of its primitive's guards.
//
//    semaphore ── holdings ── permit ⇄ permit ⇄ permit      wherever they were moved
//
// Guarantees: a guard that outlives its primitive holds nothing any more and lets go of nothing. (A loop cancels the
// tasks that are left after main's locals are gone: guards in their frames would else reach into a dead lock.)
#pragma once

#include <plait/core/config.hpp>

#include <utility>

namespace plait::inline PLAIT_ABI::detail {

template <class Primitive> class holdings;

template <class Primitive> class holding {
 public:
  holding() noexcept = default;
  holding(Primitive& of, holdings<Primitive>& list) noexcept : of_(&of), list_(&list) { enter(); }
  holding(holding&& other) noexcept : of_(other.of_), list_(other.list_) {
    if (!of_) return;
    other.leave();
    enter();
  }
  holding& operator=(holding&&) = delete;
  ~holding() { leave(); }

  [[nodiscard]] Primitive* of() const noexcept { return of_; }
  /// Holds nothing from now on; what it held.
  Primitive* leave() noexcept {
    if (!of_) return nullptr;
    (prev_ ? prev_->next_ : list_->first_) = next_;
    if (next_) next_->prev_ = prev_;
    return std::exchange(of_, nullptr);
  }
  /// Takes over what `other` holds; holds nothing itself before.
  void take_over(holding& other) noexcept {
    if (!other.of_) return;
    list_ = other.list_;
    of_ = other.leave();
    enter();
  }

 private:
  friend class holdings<Primitive>;
  void enter() noexcept {
    prev_ = nullptr;
    next_ = std::exchange(list_->first_, this);
    if (next_) next_->prev_ = this;
  }

  Primitive* of_ = nullptr;
  holdings<Primitive>* list_ = nullptr;
  holding* next_ = nullptr;
  holding* prev_ = nullptr;
};

template <class Primitive> class holdings {
 public:
  holdings() noexcept = default;
  holdings(const holdings&) = delete;
  holdings& operator=(const holdings&) = delete;
  ~holdings() {
    for (auto* h = first_; h; h = h->next_) h->of_ = nullptr;
  }
  [[nodiscard]] bool empty() const noexcept { return !first_; }

 private:
  friend class holding<Primitive>;
  holding<Primitive>* first_ = nullptr;
};

}  // namespace plait::inline PLAIT_ABI::detail
