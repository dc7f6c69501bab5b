#include <plait/core/report.hpp>
#include <plait/loop/shield.hpp>

#include <memory>
#include <new>
#include <string>

namespace plait::inline PLAIT_ABI::detail {
namespace {

void tell(const state& failed) noexcept {
  try {
    const auto name = failed.name().empty() ? std::string() : " \"" + std::string(failed.name()) + "\"";
    report(severity::error,
           "what was shielded" + name + " failed, and nobody awaits it any more: " + describe(failed.error()));
  } catch (const std::bad_alloc&) {
    report(severity::error, "what was shielded failed, and nobody awaits it any more (no memory to say how)");
  }
}

/// Stands in the list of a state that some were cancelled away from. Keeps it alive, but has no handle: it must not
/// keep others from moving the result out.
struct watcher final : waiter {
  explicit watcher(state& whose) noexcept : waiter(&fired), whose((whose.add_keeper(), &whose)) {}
  static void fired(waiter& w) noexcept {
    const std::unique_ptr<watcher> self(&static_cast<watcher&>(w));
    auto& watched = *self->whose.get();
    if (!watched.has_no_handle())
      watched.give_back_watch();  // who was cancelled in this turn may be the last, and tells then
    else if (watched.error())
      tell(watched);
  }
  state_keeper whose;
};

}  // namespace

void shield_awaiter::watch() noexcept {
  if (!state_->claim_watch()) return;
  auto* const added = new (std::nothrow) watcher(*state_.get());
  if (!added)
    report(severity::warning, "shield: no memory left to watch what goes on: a failure of it will not be told");
  else if (!state_->add(*added))
    watcher::fired(*added);
}

withdrawal shield_awaiter::withdraw() noexcept {
  if (!stop_waiting()) return withdrawal::under_way;
  watch();
  return withdrawal::withdrawn;
}

void shield_awaiter::waited() {
  try {
    resumed();
  } catch (const cancelled_error&) {
    // Done at the same time: it was not withdrawn, so nobody watches.
    if (state_->done() && state_->has_one_handle() && state_->claim_watch() && state_->error()) tell(*state_.get());
    throw;
  }
}

}  // namespace plait::inline PLAIT_ABI::detail
