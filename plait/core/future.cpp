#include <plait/core/future.hpp>
#include <plait/core/internal/prefetch.hpp>

#include <new>

namespace plait::inline PLAIT_ABI::detail {

std::exception_ptr future_base::exception() const {
  wait();
  if (cancelled()) throw cancelled_error();
  return state_->error();
}

void future_base::wait_for(nanoseconds timeout) const {
  if (checked().wait_until(from_now(timeout))) return;
  std::string what = "plait: no result within the timeout of ";
  const auto ns = timeout.count();
  what.append(ns % 1'000'000 == 0 ? std::to_string(ns / 1'000'000) + " ms" : std::to_string(ns / 1'000) + " us");
  if (!name().empty()) what.append(" from the call \"").append(name()).append("\"");
  throw timeout_error(what);
}

void report_done_callback_error(const std::exception_ptr& error) noexcept {
  constexpr std::string_view message = "a done callback threw";
  if (auto* const here = home::current()) return here->unhandled(message, error);
  try {
    report(severity::error, std::string(message) + " " + describe(error));
  } catch (const std::bad_alloc&) {
    report(severity::error, message);
  }
}

bool state_awaiter::wait() noexcept {
  where_to_ = &where();
  if (state_->add(*this)) return true;
  not_suspended();
  return false;
}

void state_awaiter::fired(waiter& w) noexcept {
  auto& self = static_cast<state_awaiter&>(w);
  auto& there = *self.where_to_;
  if (home::current() == &there) return there.push(self);
  // Nobody else needs this link any more.
  self.waiter::next = static_cast<waiter*>(trail<state_awaiter>::leave(&self));
  there.post(self);
}

void state_awaiter::prefetch() const noexcept {
  prefetch_to_write(waiter::next, sizeof(state_awaiter));  // an address, and no waiter: what `fired` left there
  prefetch_to_write(state_.get(), usual_size_of_call);
}

withdrawal state_awaiter::withdraw() noexcept {
  if (!stop_waiting()) return withdrawal::under_way;
  state_->cancel();
  return withdrawal::withdrawn;
}

}  // namespace plait::inline PLAIT_ABI::detail
