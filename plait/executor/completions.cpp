#include <plait/core/internal/mutex.hpp>
#include <plait/core/promise.hpp>
#include <plait/executor/completions.hpp>

#include <mutex>
#include <optional>

namespace plait::inline PLAIT_ABI::detail {

// Which are done, in the order in which they were, and who waits for the next.
struct completions::done_list {
  struct node final : waiter {
    node(std::shared_ptr<done_list> to, std::uint64_t key, state_keeper state) noexcept
        : waiter(&fired), to(std::move(to)), key(key), state(std::move(state)) {}
    static void fired(waiter& w) noexcept {
      const std::unique_ptr<node> self(&static_cast<node&>(w));
      self->to->arrived(self->key);
    }
    std::shared_ptr<done_list> to;
    std::uint64_t key;
    state_keeper state;
  };

  void arrived(std::uint64_t key) noexcept {
    std::optional<promise<void>> waiting;
    {
      const std::lock_guard lock(lock_);
      keys.push_back(key);
      waiting.swap(wanted);
    }
    if (waiting && waiting->set_running_or_notify_cancel()) waiting->set_value();
  }

  mutex lock_;  // guards what follows
  std::deque<std::uint64_t> keys;
  std::optional<promise<void>> wanted;
};

completions::completions(bool ordered) : done_(ordered ? nullptr : std::make_shared<done_list>()) {}
completions::completions(completions&&) noexcept = default;
completions::~completions() {
  for (auto& [key, waiting] : on_their_way_) {
    if (waiting.node && waiting.state->remove(*waiting.node)) delete static_cast<done_list::node*>(waiting.node);
  }
}

void completions::add(entry added) {
  const auto key = added_++;
  const auto state = added.state;
  auto node = done_ ? std::make_unique<done_list::node>(done_, key, state_keeper(state)) : nullptr;
  on_their_way_.emplace(key, waited_for{std::move(added), node.get()});
  if (!done_) return;
  if (state->add(*node))
    static_cast<void>(node.release());  // fired() takes it over
  else
    done_->arrived(key);
}

bool completions::ready() const {
  if (!done_) return on_their_way_.at(first_).state->done();
  const std::lock_guard lock(done_->lock_);
  return !done_->keys.empty();
}

state_handle completions::next_to_wait_for() {
  if (!done_) return on_their_way_.at(first_).state;
  promise<void> next;
  auto handle = next.get_future().handle();
  const std::lock_guard lock(done_->lock_);
  if (done_->keys.empty())
    done_->wanted.emplace(std::move(next));
  else
    next.set_value();
  return handle;
}

completions::entry completions::take() {
  auto key = first_;
  if (done_) {
    const std::lock_guard lock(done_->lock_);
    key = done_->keys.front();
    done_->keys.pop_front();
  } else {
    ++first_;
  }
  const auto found = on_their_way_.find(key);
  auto taken = std::move(found->second);
  on_their_way_.erase(found);
  return taken;
}

void completions::want_all() noexcept {
  for (auto& [key, waiting] : on_their_way_) waiting.state->wanted_by_thread();
}

void completions::cancel_all() noexcept {
  for (auto& [key, waiting] : on_their_way_) waiting.state->cancel();
}

}  // namespace plait::inline PLAIT_ABI::detail
