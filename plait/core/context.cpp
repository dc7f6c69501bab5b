#include <plait/core/context.hpp>

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <new>

namespace plait::inline PLAIT_ABI::detail {

constinit thread_local context_slot* current_context_slot = nullptr;

namespace {

// The slot of a thread for itself, made when something is set there. Its memory outlasts it: what goes after the
// thread's other objects (the program's statics, on the main thread) may set something still, which is then kept.
alignas(context_slot) constinit thread_local std::byte own_memory[sizeof(context_slot)]{};
constinit thread_local context_slot* own_slot = nullptr;

struct own_slot_end {
  own_slot_end() noexcept = default;
  own_slot_end(const own_slot_end&) = delete;
  own_slot_end& operator=(const own_slot_end&) = delete;
  ~own_slot_end() {
    if (current_context_slot == own_slot) current_context_slot = nullptr;
    own_slot->values.reset();
  }
};

}  // namespace

counted::~counted() = default;
context_key::~context_key() = default;
context_value::~context_value() = default;
context_map::~context_map() = default;

context_slot& context_slot_here() noexcept {
  if (!current_context_slot) {
    if (!own_slot) own_slot = new (own_memory) context_slot;
    static const thread_local own_slot_end at_end;
    static_cast<void>(at_end);
    current_context_slot = own_slot;
  }
  return *current_context_slot;
}

void context_scope::begin(context_copy as) noexcept {
  mine_.values = std::move(as);
  current_context_slot = &mine_;
}

void context_scope::end() noexcept {
  auto& used = *std::exchange(current_context_slot, outer_);
  if (&used == &mine_) return;
  used.id = 0;  // no token of this time is good for the next
  used.values.reset();
}

context_copy with_value(const context_copy& before, const counted_pointer<context_key>& variable,
                        counted_pointer<context_value> value) {
  std::vector<context_map::entry> entries;
  if (before) {
    entries.reserve(before->entries.size() + 1);
    std::ranges::copy_if(before->entries, std::back_inserter(entries),
                         [&](const auto& each) { return each.variable != variable; });
  }
  if (value) entries.push_back({variable, std::move(value)});
  return entries.empty() ? context_copy() : context_copy(new context_map(std::move(entries)));
}

}  // namespace plait::inline PLAIT_ABI::detail
