#include "ledger.hpp"

#include <plait/core/errors.hpp>
#include <plait/portable/errors.hpp>
#include <plait/processes/sandbox.hpp>
#include <plait/processes/worker_died.hpp>

#include <algorithm>
#include <cstdio>
#include <string_view>
#include <system_error>

#include "calls.hpp"

namespace stress {
namespace {

// A sandboxed worker makes no shared memory, and gives none back.
bool is_of_a_sandbox(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const plait::not_portable&) {
    return true;
  } catch (const std::system_error& other) {
    return other.code() == std::errc::operation_not_permitted;
  } catch (...) {
    return false;
  }
}

// Of those that plait killed for it; where the kernel may have, it says "probably".
bool is_for_memory(const plait::worker_died& death) { return death.cause().starts_with("out of memory"); }

}  // namespace

ending ledger::ending_of(const std::exception_ptr& error, const expectation& what, std::string& told) {
  try {
    std::rethrow_exception(error);
  } catch (const failure& expected) {
    if (what.may_fail) return ending::failed;
    told = std::string("a failure that nobody threw: ") + expected.what();
  } catch (const plait::sandbox_violation& violation) {
    if (what.forbidden && violation.system_call() == what.forbidden) return ending::broke_out;
    told = std::string("a violation of nothing that was forbidden: ") + violation.what();
  } catch (const plait::worker_died& death) {
    if (!is_for_memory(death)) return ending::died;
    if (what.may_run_out) return ending::ran_out;
    told = std::string("a death for memory of which it took none: ") + death.what();
  } catch (const plait::timeout_error& late) {
    if (what.may_time_out) return ending::timed_out;
    told = std::string("a timeout where there was none: ") + late.what();
  } catch (const plait::broken_executor&) {
    return ending::broken;
  } catch (const plait::cancelled_error&) {
    return ending::cancelled;
  } catch (...) {
    if (what.not_allowed && is_of_a_sandbox(error)) return ending::not_allowed;
    told = plait::detail::describe(error);
  }
  return ending::wrong;
}

ledger::record& ledger::add(const expectation& what) {
  const std::lock_guard lock(mutex_);
  return calls_.emplace_back(record{.what = what});
}

void ledger::completed(record& its, ending how, const std::string& told) {
  const std::lock_guard lock(mutex_);
  ++endings_[static_cast<std::size_t>(how)];
  if (how == ending::wrong) complaints_.push_back(told);
  its.how = how;
  if (its.completions++ == 0) ++completed_;
  changed_.notify_all();
}

void ledger::cancelled(record& its, plait::cancel_outcome how) {
  const std::lock_guard lock(mutex_);
  its.dropped |= how == plait::cancel_outcome::dropped;
  its.killed |= how == plait::cancel_outcome::killed;
}

void ledger::complain(const std::string& what) {
  const std::lock_guard lock(mutex_);
  complaints_.push_back(what);
}

void ledger::wait_for_all() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return completed_ == calls_.size(); });
}

bool ledger::is_right(std::size_t killed_at_most) {
  const std::lock_guard lock(mutex_);
  const auto not_once = std::ranges::count_if(calls_, [](const auto& call) { return call.completions != 1; });
  const auto not_cancelled = std::ranges::count_if(
      calls_, [](const auto& call) { return (call.dropped || call.killed) && call.how != ending::cancelled; });
  const auto suicides = std::ranges::count_if(calls_, [](const auto& call) { return call.what.dies; });
  const auto deaths = endings_[static_cast<std::size_t>(ending::died)];
  const bool too_many_died = deaths > killed_at_most + static_cast<std::size_t>(suicides);
  if (not_once != 0) std::fprintf(stderr, "stress: %td calls did not complete exactly once\n", not_once);
  if (not_cancelled != 0)
    std::fprintf(stderr, "stress: %td calls were dropped or killed, and did not end cancelled\n", not_cancelled);
  if (too_many_died)
    std::fprintf(stderr, "stress: %zu calls died; %td that do by themselves, and at most %zu that kills can cost\n",
                 deaths, suicides, killed_at_most);
  for (const auto& each : complaints_) std::fprintf(stderr, "stress: %s\n", each.c_str());
  return not_once == 0 && not_cancelled == 0 && !too_many_died && complaints_.empty();
}

std::string ledger::summary() {
  const std::lock_guard lock(mutex_);
  auto text = std::to_string(calls_.size()) + " calls";
  for (std::size_t i = 0; i < endings_.size(); ++i)
    text.append(i == 0 ? ": " : ", ").append(std::to_string(endings_[i])).append(" ").append(names_of_endings[i]);
  return text.append("; ").append(std::to_string(refused_.load())).append(" refused");
}

}  // namespace stress
