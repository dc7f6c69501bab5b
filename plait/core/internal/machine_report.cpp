// What a failure tells of the machine: its last steps and where each thread stands.
#if defined(PLAIT_SIMULATED)

#include <plait/core/internal/machine.hpp>

#include <algorithm>

namespace plait::inline PLAIT_ABI::simulated {

void machine::record(const fiber& me, operation what, const void* where) noexcept {
  trace_[traced_++ % trace_length] = {me.number, what, where};
}

std::string machine::describe(const fiber& which) const {
  std::string text = "thread " + std::to_string(which.number);
  if (!which.name.empty()) text += " (" + which.name + ")";
  return text;
}

std::string machine::describe(operation what, const void* where) const {
  static constexpr std::array names{"start",      "load",       "store",     "exchange", "compare_exchange",
                                    "fetch_add",  "fetch_sub",  "fetch_and", "fetch_or", "fetch_xor",
                                    "futex_wait", "futex_wake", "yield",     "choose",   "spawn",
                                    "join",       "end"};
  std::string text = names[static_cast<std::size_t>(what)];
  if (where == nullptr) return text;
  if (what == operation::spawn || what == operation::join)
    return text + " " + describe(*static_cast<const fiber*>(where));
  if (const auto found = names_.find(where); found != names_.end()) return text + " " + found->second;
  static constexpr char digits[] = "0123456789abcdef";
  std::string address;
  for (auto rest = reinterpret_cast<std::uintptr_t>(where); rest != 0; rest /= 16)
    address.insert(address.begin(), digits[rest % 16]);
  return text + " 0x" + address;
}

std::string machine::report() const {
  std::string text = "last steps:\n";
  for (std::size_t i = traced_ - std::min(traced_, trace_length); i < traced_; ++i) {
    const trace_entry& each = trace_[i % trace_length];
    text += "  " + describe(fibers_[each.number]) + ": " + describe(each.what, each.where) + "\n";
  }
  text += "threads:\n";
  for (const fiber& each : fibers_) {
    text += "  " + describe(each);
    const bool runnable = (runnable_ & each.bit()) != 0;
    if (each.ended)
      text += " has ended";
    else
      text += (runnable ? " is at " : " waits in ") + describe(each.doing, each.where);
    text += "\n";
  }
  return text;
}

}  // namespace plait::inline PLAIT_ABI::simulated

#endif
