#include <plait/core/errors.hpp>
#include <plait/core/report.hpp>
#include <plait/loop/internal/loop_core.hpp>
#include <plait/loop/internal/signal_table.hpp>

#include <array>
#include <cstdio>
#include <cstring>
#include <utility>

namespace plait::inline PLAIT_ABI {

signal_set::bits signal_set::bit_of(int signal) {
  detail::check_signal(signal);
  return bits{1} << (signal - 1);
}

namespace detail {

signal_table::handled& signal_table::find_or_take(int signal) {
  if (const auto found = handled_.find(signal); found != handled_.end()) return found->second;
  auto& made = handled_[signal];
  made.watch = new signal_watch(*this, inbox_, signal);
  try {
    take_signal(signal, *made.watch);
  } catch (...) {
    made.watch->remove();
    handled_.erase(signal);
    throw;
  }
  return made;
}

void signal_table::set_callback(int signal, std::unique_ptr<lasting_callback> called) {
  check_signal(signal);
  std::shared_ptr<lasting_callback> shared(std::move(called));
  find_or_take(signal).callback.swap(shared);
}

bool signal_table::remove(int signal) noexcept {
  const auto found = handled_.find(signal);
  if (found == handled_.end()) return false;
  const auto last_use = std::exchange(found->second.callback, nullptr);
  if (is_waited_for(signal)) return last_use != nullptr;
  release_signal(signal, *found->second.watch);
  found->second.watch->remove();
  handled_.erase(found);
  return true;
}

// All or none.
void signal_table::take_all(const signal_set& wanted) {
  signal_set::bits taken = 0;
  try {
    for (int signal = 1; signal <= 64; ++signal) {
      if (!wanted.contains(signal)) continue;
      if (!handled_.contains(signal)) taken |= signal_set::bits{1} << (signal - 1);
      find_or_take(signal).awaited = true;
    }
  } catch (...) {
    for (int signal = 1; signal <= 64; ++signal)
      if ((taken >> (signal - 1) & 1) != 0) remove(signal);
    throw;
  }
}

bool signal_table::await(signal_awaiter& who) {
  take_all(who.wanted_);
  for (auto& [signal, one] : handled_) {
    if (!one.kept || !who.wanted_.contains(signal)) continue;
    one.kept = false;
    who.got_ = signal;
    who.alone_ = true;
    return false;
  }
  who.got_ = 0;
  who.waits_ = true;
  who.next_ = nullptr;
  who.previous_ = std::exchange(last_, &who);
  (who.previous_ ? who.previous_->next_ : first_) = &who;
  return true;
}

bool signal_table::withdraw(signal_awaiter& who) noexcept {
  if (!who.waits_) return false;
  unlink(who);
  return true;
}

void signal_table::unlink(signal_awaiter& who) noexcept {
  (who.previous_ ? who.previous_->next_ : first_) = who.next_;
  (who.next_ ? who.next_->previous_ : last_) = who.previous_;
  who.waits_ = false;
}

void signal_table::give_back(int signal) noexcept {
  if (const auto found = handled_.find(signal); found != handled_.end()) found->second.kept = true;
}

bool signal_table::is_waited_for(int signal) const noexcept {
  for (const auto* who = first_; who; who = who->next_)
    if (who->wanted_.contains(signal)) return true;
  return false;
}

void signal_table::call(int signal) noexcept {
  const auto found = handled_.find(signal);
  if (found == handled_.end() || !found->second.callback) return;
  const auto called = found->second.callback;
  try {
    called->call();
  } catch (...) {
    const auto error = caught_exception();
    const char* const name = ::sigabbrev_np(signal);
    std::array<char, 64> message{};
    std::snprintf(message.data(), message.size(), "the handler of signal %d%s%s%s threw", signal, name ? " (SIG" : "",
                  name ? name : "", name ? ")" : "");
    home_.unhandled(message.data(), error);
  }
}

void signal_table::deliver(signal_watch& from, std::uint32_t count) noexcept {
  const int signal = from.signal();
  if (const auto found = handled_.find(signal); found != handled_.end() && found->second.awaited) {
    signal_awaiter* only = nullptr;
    int waiting = 0;
    for (auto *who = first_, *next = who; who; who = next) {
      next = who->next_;
      if (!who->wanted_.contains(signal)) continue;
      unlink(*who);
      who->got_ = signal;
      who->alone_ = false;
      home_.push(*who);
      only = who;
      ++waiting;
    }
    if (waiting == 0) found->second.kept = true;
    if (waiting == 1) only->alone_ = true;
  }
  for (; count > 0; --count) call(signal);
}

void signal_table::clear() noexcept {
  while (first_) unlink(*first_);
  for (auto& [signal, one] : handled_) {
    release_signal(signal, *one.watch);
    one.watch->remove();
  }
  handled_.clear();
}

// ── what coroutines await ──

bool signal_awaiter::start() {
  try {
    if (static_cast<loop_core&>(where()).signals().await(*this)) return true;  // a coroutine's home is always a loop
  } catch (...) {
    not_suspended();
    throw;
  }
  not_suspended();
  return false;
}

withdrawal signal_awaiter::withdraw() noexcept {
  const bool waited = static_cast<loop_core&>(where()).signals().withdraw(*this);
  return waited ? withdrawal::withdrawn : withdrawal::under_way;
}

int signal_awaiter::await_resume() {
  try {
    resumed();
  } catch (...) {
    if (got_ != 0 && alone_) static_cast<loop_core&>(where()).signals().give_back(got_);
    throw;
  }
  return std::exchange(got_, 0);
}

}  // namespace detail
}  // namespace plait::inline PLAIT_ABI
