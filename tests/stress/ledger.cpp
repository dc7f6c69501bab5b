#include "ledger.hpp"

#include <plait/core/errors.hpp>
#include <plait/processes/worker_died.hpp>

#include <cstdio>

#include "calls.hpp"

namespace stress {

ending ledger::ending_of(const std::exception_ptr& error, expectation what, std::string& told) {
  try {
    std::rethrow_exception(error);
  } catch (const failure& expected) {
    if (what.may_fail) return ending::failed;
    told = std::string("a failure that nobody threw: ") + expected.what();
  } catch (const plait::worker_died&) {
    return ending::died;
  } catch (const plait::timeout_error& late) {
    if (what.may_time_out) return ending::timed_out;
    told = std::string("a timeout where there was none: ") + late.what();
  } catch (const plait::broken_executor&) {
    return ending::broken;
  } catch (const plait::cancelled_error&) {
    return ending::cancelled;
  } catch (...) {
    told = plait::detail::describe(std::current_exception());
  }
  return ending::wrong;
}

std::atomic<std::uint8_t>& ledger::add() {
  const std::lock_guard lock(mutex_);
  return calls_.emplace_back(0);
}

void ledger::completed(std::atomic<std::uint8_t>& completions, ending how, const std::string& told) {
  const std::lock_guard lock(mutex_);
  ++endings_[static_cast<std::size_t>(how)];
  if (how == ending::wrong) complaints_.push_back(told);
  if (completions.fetch_add(1, std::memory_order_relaxed) == 0) ++completed_;
  changed_.notify_all();
}

void ledger::complain(const std::string& what) {
  const std::lock_guard lock(mutex_);
  complaints_.push_back(what);
}

void ledger::wait_for_all() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return completed_ == calls_.size(); });
}

bool ledger::is_right() {
  const std::lock_guard lock(mutex_);
  std::size_t not_once = 0;
  for (const auto& completions : calls_) not_once += completions.load(std::memory_order_relaxed) != 1;
  if (not_once != 0) std::fprintf(stderr, "stress: %zu calls did not complete exactly once\n", not_once);
  for (const auto& each : complaints_) std::fprintf(stderr, "stress: %s\n", each.c_str());
  return not_once == 0 && complaints_.empty();
}

std::string ledger::summary() {
  const std::lock_guard lock(mutex_);
  auto text = std::to_string(calls_.size()) + " calls";
  for (std::size_t i = 0; i < endings_.size(); ++i)
    text.append(i == 0 ? ": " : ", ").append(std::to_string(endings_[i])).append(" ").append(names_of_endings[i]);
  return text.append("; ").append(std::to_string(refused_.load())).append(" refused");
}

}  // namespace stress
