// What a worker does on its own thread while it runs a call, and how calls that wait for each other are found.
#include <plait/core/report.hpp>
#include <plait/threads/internal/worker.hpp>

#include <algorithm>
#include <mutex>

namespace plait::inline PLAIT_ABI::detail {

const thread_pool::worker*& thread_pool::worker::of_this_thread() noexcept {
  static thread_local const worker* here = nullptr;
  return here;
}

std::stop_source& thread_pool::worker::stop_source() {
  if (!stop_source_) stop_source_.emplace();
  return *stop_source_;
}

std::stop_token thread_pool::worker::stop_token() {
  const std::lock_guard lock(pool.mutex_);
  return stop_source().get_token();
}

void thread_pool::worker::goes_on() noexcept {
  const std::lock_guard lock(pool.mutex_);
  blocked_on = nullptr;
}

void thread_pool::blocks_on(worker& self, const state& awaited) noexcept {
  try {
    std::string found;
    {
      const std::lock_guard lock(mutex_);
      self.blocked_on = &awaited;
      collect();  // what is awaited may be there
      if (!deadlock_reported_) found = describe_deadlock();
      deadlock_reported_ |= !found.empty();
    }
    if (!found.empty()) report(severity::error, found);
  } catch (const std::bad_alloc&) {  // then without a report
  }
}

// Empty unless every worker that there may be blocks for a result that only this pool can bring: of a call that waits
// in its queue, or that one of these blocked workers runs.
std::string thread_pool::describe_deadlock() const {
  if (workers_.size() < static_cast<std::size_t>(settings_.max_workers)) return {};
  const auto shown = [](std::string_view name) {
    return name.empty() ? "(no name)" : "\"" + std::string(name) + "\"";
  };
  std::string waits;
  for (const auto& w : workers_) {
    const auto* const awaited = dynamic_cast<const work_item*>(w->blocked_on);
    if (!awaited || awaited->done() || !awaited->is_owned_by(*this)) return {};
    const bool runs_here =
        std::ranges::any_of(workers_, [&](const auto& other) { return other->current.load() == awaited; });
    if (!awaited->queued && !runs_here) return {};
    waits.append(waits.empty() ? " " : "; ").append(shown(w->current_name)).append(" waits for ");
    waits.append(shown(awaited->name())).append(awaited->queued ? ", which is queued" : ", which runs");
  }
  return "deadlock: all " + std::to_string(workers_.size()) + " workers of the executor " + settings_.prefix +
         " block for calls of the same executor:" + waits +
         ". Submit those to another executor, or await them in a coroutine";
}

}  // namespace plait::inline PLAIT_ABI::detail
