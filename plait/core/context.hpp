// What context variables hold, and for whom.
//
//    this thread's slot ──► context_copy ──► context_map: variable → value │ variable → value │ …
//      │
//      ├─ of the task whose coroutine runs (task_context::drive puts it there)
//      ├─ of the call or the callback that runs (context_scope)
//      └─ of the thread itself, where none of those runs
//
// create_task, submit, call_soon, … take a copy of what their caller's slot holds: one count more of the same map. A
// map never changes: set() makes a new one, and puts it into the slot of who called set(). So a child sees what its
// parent had set when it was made, and neither sees what the other sets later. Coroutines that a task awaits are
// driven with the task's slot, and share it.
//
// Guarantees
// - Where nothing was set there is no map: a copy is two loads and two null checks, a slot is two words of zeros,
//   nothing is allocated.
// - A map and its values never change, so any number of threads may look into it. Who drops the last copy destroys
//   the values, on its own thread: a worker's, the loop's.
// - A slot belongs to one thread at a time, and a value is found by a walk over the map: variables are few.
#pragma once

#include <plait/core/sync.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace plait::inline PLAIT_ABI::detail {

/// How the values of one variable travel to another process; see portable/.
class context_traveler;

/// Something that is shared and never changes.
class PLAIT_API counted {
 public:
  counted(const counted&) = delete;
  counted& operator=(const counted&) = delete;
  void hold() const noexcept { holders_.fetch_add(1, std::memory_order_relaxed); }
  void release() const noexcept {
    if (holders_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
  }

 protected:
  counted() noexcept = default;  // with one holder
  virtual ~counted();

 private:
  mutable sync::atomic<std::uint32_t> holders_{1};
};

template <class T> class counted_pointer {
 public:
  counted_pointer() noexcept = default;
  /// Takes over one count.
  explicit counted_pointer(const T* owned) noexcept : held_(owned) {}
  counted_pointer(const counted_pointer& other) noexcept : held_(other.held_) {
    if (held_) held_->hold();
  }
  counted_pointer(counted_pointer&& other) noexcept : held_(std::exchange(other.held_, nullptr)) {}
  counted_pointer& operator=(counted_pointer other) noexcept {
    std::swap(held_, other.held_);
    return *this;
  }
  ~counted_pointer() {
    if (held_) held_->release();
  }
  void reset() noexcept {
    if (held_) std::exchange(held_, nullptr)->release();
  }

  [[nodiscard]] const T* get() const noexcept { return held_; }
  const T& operator*() const noexcept { return *held_; }
  const T* operator->() const noexcept { return held_; }
  explicit operator bool() const noexcept { return held_ != nullptr; }
  friend bool operator==(const counted_pointer&, const counted_pointer&) noexcept = default;

 private:
  const T* held_ = nullptr;
};

/// Which variable is meant. Its address stays taken while any map has a value of it, so that no other variable is
/// mistaken for one that is gone.
class PLAIT_API context_key final : public counted {
 public:
  context_key(std::string_view name, const context_traveler* traveler) : name(name), traveler(traveler) {}
  ~context_key() override;

  const std::string name;
  const context_traveler* const traveler;  // null: its values stay in this process
};

class PLAIT_API context_value : public counted {
 protected:
  ~context_value() override;
};

template <class T> class typed_context_value final : public context_value {
 public:
  template <class... Given> explicit typed_context_value(Given&&... given) : value(std::forward<Given>(given)...) {}
  const T value;
};

class PLAIT_API context_map final : public counted {
 public:
  struct entry {
    counted_pointer<context_key> variable;
    counted_pointer<context_value> value;
  };

  explicit context_map(std::vector<entry> entries) noexcept : entries(std::move(entries)) {}
  ~context_map() override;
  /// Null where the variable has none.
  [[nodiscard]] const counted_pointer<context_value>* find(const context_key& variable) const noexcept {
    for (const auto& each : entries)
      if (each.variable.get() == &variable) return &each.value;
    return nullptr;
  }

  const std::vector<entry> entries;
};

/// What is set, as somebody saw it; null: nothing.
using context_copy = counted_pointer<context_map>;

/// Where set() puts what it made.
struct context_slot {
  context_copy values;
  std::uint64_t id = 0;  // given when something is set: tells this slot from one that had its memory before
};

/// Of the task, the call, the callback or the thread that runs here now; null where that is the thread and nothing
/// was ever set there. Each offloaded call looks at it several times, so it is found without a call: it is a few
/// bytes of the memory that the program's loader has for the thread-locals of libraries that come later.
[[gnu::tls_model("initial-exec")]] PLAIT_API extern constinit thread_local context_slot* current_context_slot;

/// What is set here.
[[nodiscard]] inline context_copy copy_context() noexcept {
  const auto* const slot = current_context_slot;
  return slot ? slot->values : context_copy();
}
/// The same with another value for one variable; a null one: with none.
[[nodiscard]] PLAIT_API context_copy with_value(const context_copy& before,
                                                const counted_pointer<context_key>& variable,
                                                counted_pointer<context_value> value);

/// This thread's; makes its own where it has none.
[[nodiscard]] context_slot& context_slot_here() noexcept;

/// While it lives, this thread sees `as`, and what is set is forgotten with it. Where nothing is set, as around most
/// calls, it needs no slot: what is set then goes to the thread's own, which it clears at its end.
class PLAIT_API context_scope {
 public:
  explicit context_scope(const context_copy& as) noexcept : outer_(current_context_slot) {
    if (as || outer_) begin(as);
  }
  explicit context_scope(context_copy&& as) noexcept : outer_(current_context_slot) {
    if (as || outer_) begin(std::move(as));
  }
  context_scope(const context_scope&) = delete;
  context_scope& operator=(const context_scope&) = delete;
  ~context_scope() {
    if (current_context_slot != outer_) end();
  }

 private:
  void begin(context_copy as) noexcept;
  void end() noexcept;

  context_slot mine_;
  context_slot* const outer_;
};

}  // namespace plait::inline PLAIT_ABI::detail
