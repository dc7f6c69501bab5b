#include <plait/core/home.hpp>
#include <plait/core/report.hpp>
#include <plait/loop/gathering.hpp>
#include <plait/loop/internal/relay.hpp>

#include <new>
#include <string>
#include <string_view>

namespace plait::inline PLAIT_ABI::detail {

// Who may touch the children. `inside` counts the children that are not done, and who looks at the list meanwhile (a
// cancel, a failure that is being published). Whoever brings it to 0 is alone from then on, and finishes.
//
// Of the first failure and the first cancel one decides how the gather ends; the other comes too late.
struct gather_state::work {
  enum class fate : std::uint8_t { undecided, failed, cancelled };
  struct child : waiter {
    child() noexcept
        : waiter([](waiter& w) noexcept {
            auto& self = static_cast<child&>(w);
            self.parent->one_done(*self.whose.get());
          }) {}
    gather_state* parent = nullptr;
    state_handle whose;
    sync::atomic<bool> waits{true};  // only who sets it to false may take the waiter off the child's list
  };
  template <void (gather_state::*member)() noexcept> struct step : relayed {
    explicit step(gather_state& whose) noexcept
        : relayed([](relayed& r) noexcept { (static_cast<step&>(r).whose.*member)(); }), whose(whose) {}
    gather_state& whose;
  };

  work(gather_state& whose, std::vector<state_handle> given, bool keeps_on)
      : keeps_on(keeps_on),
        size(given.size()),
        children(std::make_unique<child[]>(size)),
        inside(size + 1),  // start() is inside
        failing(whose),
        finishing(whose),
        cancelling(whose),
        wanting(whose) {
    for (std::size_t i = 0; i < size; ++i) {
      children[i].parent = &whose;
      children[i].whose = std::move(given[i]);
    }
  }

  const bool keeps_on;
  const std::size_t size;
  std::unique_ptr<child[]> children;  // gone when all are done
  sync::atomic<std::size_t> inside;
  sync::atomic<fate> decided{fate::undecided};
  sync::atomic<bool> cancel_is_relayed{false};
  call_status failed_as = call_status::finished;  // of who decided so
  step<&gather_state::publish_failure> failing;
  step<&gather_state::finish> finishing;
  step<&gather_state::cancel_children> cancelling;
  step<&gather_state::tell_wanted> wanting;
  sync::atomic<bool> is_wanted{false};  // a thread blocks for it
};

gather_state::gather_state(std::vector<state_handle> children, bool keeps_on)
    : work_(std::make_unique<work>(*this, std::move(children), keeps_on)) {
  begin_with_needs();
  set_status(call_status::running);
}
gather_state::~gather_state() = default;

void gather_state::destroy() noexcept {
  if (has_unread_error()) [[unlikely]] {
    constexpr std::string_view message = "nobody asked for the result of a gather, which threw";
    try {
      if (auto* const here = home::current())
        here->unhandled(message, error());
      else
        report(severity::error, std::string(message) + " " + describe(error()));
    } catch (const std::bad_alloc&) {
      report(severity::error, message);
    }
  }
  delete this;
}

std::size_t gather_state::size() const noexcept { return work_->size; }
state_handle gather_state::take_child(std::size_t index) noexcept {
  return std::exchange(work_->children[index].whose, {});
}

void gather_state::start() noexcept {
  add_keeper();
  for (std::size_t i = 0; i < work_->size; ++i) {
    auto& child = work_->children[i];
    if (!child.whose->add(child)) one_done(*child.whose.get());
  }
  leave();
}

bool gather_state::enter() noexcept {
  auto seen = work_->inside.load(std::memory_order_relaxed);
  while (seen != 0) {
    if (work_->inside.compare_exchange_weak(seen, seen + 1, std::memory_order_acquire, std::memory_order_relaxed))
      return true;
  }
  return false;
}

void gather_state::leave() noexcept {
  if (work_->inside.fetch_sub(1, std::memory_order_acq_rel) == 1) relay(work_->finishing);
}

void gather_state::one_done(state& child) noexcept {
  // Once the gather was cancelled nobody hears of a failure from it: then the child tells itself.
  if (!work_->keeps_on && work_->decided.load(std::memory_order_acquire) == work::fate::undecided) {
    const auto& error = child.error();
    const bool failed = error || child.status() == call_status::cancelled;
    auto undecided = work::fate::undecided;
    if (failed && work_->decided.compare_exchange_strong(undecided, work::fate::failed, std::memory_order_acq_rel)) {
      if (error)
        set_error(error);
      else
        work_->failed_as = call_status::cancelled;
      relay(work_->failing);  // which leaves for this child
      return;
    }
  }
  leave();
}

void gather_state::publish_failure() noexcept {
  publish(work_->failed_as);
  leave();
}

void gather_state::finish() noexcept {
  auto status = call_status::finished;
  const auto decided = work_->decided.load(std::memory_order_acquire);
  const bool is_open = decided != work::fate::failed;  // else that was published
  if (decided == work::fate::cancelled) {
    status = call_status::cancelled;
  } else if (is_open) {
    try {
      assemble();
    } catch (const cancelled_error&) {
      status = call_status::cancelled;
    } catch (...) {
      set_error(caught_exception());
    }
  }
  work_->children.reset();  // before anybody hears of it: who reads the result finds them let go
  if (is_open) publish(status);
  drop_keeper();
}

cancel_outcome gather_state::cancel() noexcept {
  if (done() || !enter()) return cancel_outcome::too_late;
  auto undecided = work::fate::undecided;
  if (!work_->decided.compare_exchange_strong(undecided, work::fate::cancelled, std::memory_order_acq_rel) &&
      undecided == work::fate::failed) {
    leave();
    return cancel_outcome::too_late;
  }
  if (work_->cancel_is_relayed.exchange(true, std::memory_order_acq_rel))
    leave();  // the one that waits for its turn will do for both
  else
    relay(work_->cancelling);  // which leaves
  return done() ? cancel_outcome::dropped : cancel_outcome::asked;
}

void gather_state::cancel_children() noexcept {
  work_->cancel_is_relayed.store(false, std::memory_order_release);
  for (std::size_t i = 0; i < work_->size; ++i) {
    auto& child = work_->children[i];
    if (child.whose->done() || child.whose->cancel() != cancel_outcome::abandoned) continue;
    if (child.waits.exchange(false, std::memory_order_acq_rel) && child.whose->remove(child)) leave();
  }
  leave();
}

void gather_state::tell_needs(need_listener& to) noexcept {
  if (!enter()) return;
  for (std::size_t i = 0; i < work_->size; ++i) to.needs(*work_->children[i].whose.get());
  leave();
}

void gather_state::wanted_by_thread() noexcept {
  if (!work_->is_wanted.exchange(true, std::memory_order_acq_rel) && enter()) relay(work_->wanting);  // which leaves
}

void gather_state::tell_wanted() noexcept {
  for (std::size_t i = 0; i < work_->size; ++i) work_->children[i].whose->wanted_by_thread();
  leave();
}

withdrawal delegating_awaiter::withdraw() noexcept {
  return state_->cancel() == cancel_outcome::too_late ? withdrawal::under_way : withdrawal::delegated;
}

}  // namespace plait::inline PLAIT_ABI::detail
