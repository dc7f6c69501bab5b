#include <plait/core/context_var.hpp>
#include <plait/core/report.hpp>

#include <new>

namespace plait::inline PLAIT_ABI {
namespace {

std::uint64_t new_slot_id() noexcept {
  static sync::atomic<std::uint64_t> last{0};
  return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

}  // namespace

no_context_value_error::~no_context_value_error() = default;

context_variable::context_variable(std::string_view name, const detail::context_traveler* traveler)
    : key_(new detail::context_key(name, traveler)) {}

const detail::context_value* context_variable::find() const noexcept {
  const auto* const slot = detail::current_context_slot;
  if (!slot || !slot->values) return nullptr;
  const auto* const found = slot->values->find(*key_);
  return found ? found->get() : nullptr;
}

context_token context_variable::set_value(detail::counted_pointer<detail::context_value> value) const {
  auto& slot = detail::context_slot_here();
  context_token token;
  token.variable_ = key_;
  token.after_ = detail::with_value(slot.values, key_, std::move(value));
  if (slot.id == 0) slot.id = new_slot_id();
  token.where_ = slot.id;
  token.before_ = std::exchange(slot.values, token.after_);
  return token;
}

const char* context_variable::why_not(const context_token& token) const noexcept {
  if (!token.variable_) return "the token was used before, or moved from; it is good for one reset";
  if (token.variable_ != key_) return "the token comes from another variable's set()";
  const auto* const slot = detail::current_context_slot;
  if (!slot || slot->id != token.where_)
    return "the token was made in another task, call, callback or thread, whose values these are not";
  return nullptr;
}

void context_variable::reset(context_token& token) const {
  if (const char* const fault = why_not(token))
    detail::throw_invalid_state(("plait: reset of the context variable \"" + key_->name + "\": " + fault).c_str());
  reset_checked(token);
}

void context_variable::put_back(context_token& token) const noexcept {
  if (why_not(token)) return;
  try {
    reset_checked(token);
  } catch (const std::bad_alloc&) {  // only where other variables were set since
    detail::report(severity::error, "no memory to reset a context variable: it stays set");
  }
}

void context_variable::reset_checked(context_token& token) const {
  auto& slot = *detail::current_context_slot;
  if (slot.values == token.after_) {  // nothing else was set since: what was before is there still
    slot.values = std::move(token.before_);
  } else {
    const auto* const found = token.before_ ? token.before_->find(*key_) : nullptr;
    slot.values =
        detail::with_value(slot.values, key_, found ? *found : detail::counted_pointer<detail::context_value>());
    token.before_.reset();
  }
  token.variable_.reset();
  token.after_.reset();
}

void context_variable::throw_no_value() const {
  throw no_context_value_error("plait: the context variable \"" + key_->name +
                               "\" has no value here, and no default; set() it in this task or in who starts it, or "
                               "use get_or()");
}

}  // namespace plait::inline PLAIT_ABI
