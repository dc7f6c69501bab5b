#include <plait/core/internal/owner_gate.hpp>
#include <plait/core/time.hpp>
#include <plait/executor/internal/admission.hpp>
#include <plait/executor/work_item.hpp>

#include <algorithm>
#include <cstring>
#include <mutex>
#include <new>
#include <string>

namespace plait::inline PLAIT_ABI::detail {
namespace {

constexpr std::size_t longest_name = 1000;  // arbitrary: a name is for people

/// Worker processes that one call may cost: a first death may be an accident, and so may, rarely, a second.
constexpr int most_deaths = 3;

constexpr std::size_t rounded(std::size_t size) noexcept {
  return (size + alignof(call_extras) - 1) / alignof(call_extras) * alignof(call_extras);
}

void check_options(const call_options& options, bool copyable) {
  if (options.timeout) static_cast<void>(to_nanoseconds(*options.timeout, "timeout"));
  if (options.retries < 0) throw_invalid_argument("retries", std::to_string(options.retries), "0 or more");
  if (options.retries > 0 && !copyable)
    throw_invalid_argument("retries", std::to_string(options.retries),
                           "0, since the callable or an argument of this call can only be moved");
}

}  // namespace

void* allocate_work_item(std::size_t size, bool copyable, const call_options& options, work_item::layout& behind) {
  behind.has_extras = has_extras(options);
  if (behind.has_extras) check_options(options, copyable);
  behind.object_size = static_cast<std::uint32_t>(behind.has_extras ? rounded(size) : size);
  behind.name_length = static_cast<std::uint16_t>(std::min(options.name.size(), longest_name));
  return take_lines(behind.size());
}

void fill_behind(void* item, const work_item::layout& behind, const call_options& options) noexcept {
  auto* at = static_cast<std::byte*>(item) + behind.object_size;
  if (behind.has_extras) {
    new (at) call_extras{options.timeout ? from_now(*options.timeout) : sync::forever,
                         options.priority,
                         options.retries,
                         options.retry_on,
                         0,
                         options.cancel};
    at += sizeof(call_extras);
  }
  if (behind.name_length > 0) std::memcpy(at, options.name.data(), behind.name_length);
}

work_item::work_item(const layout& behind) noexcept : behind_(behind) {}

void work_item::set_owner(call_owner& owner) noexcept {
  owner_ = &owner;
  has_deadline_ = extras() && extras()->deadline != sync::forever;
  if (has_deadline_) add_keeper();  // the executor's own, see above
}

cancel_outcome work_item::cancel() noexcept {
  call_owner::withdrawn got{cancel_outcome::too_late};
  {
    const std::lock_guard inside(owner_gate());
    if (withdrawn_ || done()) return cancel_outcome::too_late;
    got = owner_->withdraw(*this);
    withdrawn_ = got.outcome == cancel_outcome::dropped;
  }
  if (got.room) got.room->leave(got.bytes);
  if (got.outcome == cancel_outcome::dropped) complete({});
  if (got.outcome == cancel_outcome::asked) got.ask.request_stop();
  return got.outcome;
}

void work_item::wanted_by_thread() noexcept {
  if (served.load(std::memory_order_relaxed) != served_by::loop) return;
  const std::lock_guard inside(owner_gate());
  if (!done()) owner_->wanted_by_thread(*this);
}

call_place work_item::place() const {
  call_place found;
  const std::lock_guard inside(owner_gate());
  if (owner_ && !withdrawn_ && !done()) owner_->locate(*this, found);
  return found;
}

void work_item::look_again() const noexcept {
  if (served.load(std::memory_order_relaxed) == served_by::no_need) return;
  const std::lock_guard inside(owner_gate());
  if (!done()) owner_->look_again(const_cast<work_item&>(*this));
}

void work_item::encode(byte_writer&) const { throw_invalid_state("plait: this call was made for threads"); }
void work_item::decode_result(byte_reader&) { throw_invalid_state("plait: this call was made for threads"); }

bool work_item::try_again(const std::exception_ptr& error) noexcept {
  auto* const more = mutable_extras();
  if (!more || more->retries_left == 0 || !more->retry_on || !more->retry_on(error)) return false;
  if (more->deaths >= most_deaths || done() || sync::now() >= more->deadline) return false;
  --more->retries_left;
  return true;
}

int work_item::count_death() noexcept {
  auto* const more = mutable_extras();
  if (!more || !more->retry_on) return 0;
  return ++more->deaths >= most_deaths ? more->deaths : 0;
}

outcome<void> work_item::execute(call_environment& environment) noexcept {
  auto* const more = mutable_extras();
  for (;;) {
    const context_scope inside(variables_);  // each attempt begins with what the submitter had set
    const bool last = !more || more->retries_left == 0;
    try {
      invoke(environment, last);
      if (!last) discard();
      return std::monostate();
    } catch (const cancelled_error&) {
      discard();
      return {};
    } catch (...) {
      auto error = caught_exception();
      const bool stopped = takes_stop_token() && environment.stop_token().stop_requested();
      if (!last && !stopped && try_again(error)) continue;
      discard();
      return error;
    }
  }
}

void work_item::complete(outcome<void> how) noexcept {
  const bool shared = has_deadline_;
  variables_.reset();
  if (!shared || claim()) {
    const bool cancelled = how.cancelled();
    if (cancelled) discard();
    set_error(std::move(how).exception());  // moved: who reads the result is the last to let go of the exception
    publish(cancelled ? call_status::cancelled : call_status::finished);
  }
  if (shared) drop_keeper();
}

void work_item::complete() noexcept {
  const bool shared = has_deadline_;
  variables_.reset();
  if (!shared || claim()) publish(call_status::finished);
  if (shared) drop_keeper();
}

void work_item::expire(bool was_waiting) noexcept {
  if (claim()) {
    try {
      std::string what = "plait: the call";
      if (!name().empty()) what.append(" \"").append(name()).append("\"");
      set_error(std::make_exception_ptr(timeout_error(what.append(" was not done by its deadline"))));
    } catch (...) {
      set_error(caught_exception());
    }
    if (was_waiting) {
      discard();
      variables_.reset();
    }
    publish(call_status::finished);
  }
  if (was_waiting) drop_keeper();  // else its worker does it
}

void work_item::refuse() noexcept { complete({}); }

}  // namespace plait::inline PLAIT_ABI::detail
