#include <plait/core/errors.hpp>
#include <plait/core/report.hpp>
#include <plait/loop/internal/descriptor_table.hpp>

#include <array>
#include <cerrno>
#include <cstdio>
#include <string>
#include <system_error>
#include <utility>

namespace plait::inline PLAIT_ABI::detail {
namespace {

[[nodiscard]] constexpr std::uint8_t interest_in(direction way) noexcept {
  return way == direction::reading ? to_read : to_write;
}

[[noreturn]] void throw_unwatchable(int error, const char* who, int descriptor) {
  throw std::system_error(error, std::system_category(),
                          std::string("plait: ") + who + ": descriptor " + std::to_string(descriptor));
}

}  // namespace

lasting_callback::~lasting_callback() = default;

// ── a callback ──

void descriptor_callback::becomes_due(home& where) noexcept {
  if (std::exchange(due_, true)) return;
  where.push(*this);
}

void descriptor_callback::run() noexcept {
  if (!removed_) {
    try {
      called_->call();
    } catch (...) {
      const auto error = caught_exception();
      std::array<char, 64> message{};
      std::snprintf(message.data(), message.size(), "a %s of descriptor %d threw",
                    way_ == direction::reading ? "reader" : "writer", descriptor_);
      table_->where().unhandled(message.data(), error);
    }
  }
  drop();
  // `this` may be gone.
}

void descriptor_callback::drop() noexcept {
  due_ = false;
  if (removed_)
    delete this;
  else
    table_->called(descriptor_);
}

void descriptor_callback::remove() noexcept {
  removed_ = true;
  if (!due_) delete this;
}

// ── a descriptor ──

std::uint8_t watched_descriptor::wanted() const noexcept {
  std::uint8_t interests = no_interest;
  for (const auto way : {direction::reading, direction::writing}) {
    const auto& side = sides[static_cast<int>(way)];
    if (side.first || (side.callback && !side.callback->is_due())) interests |= interest_in(way);
  }
  return interests;
}

// ── the table ──

watched_descriptor& descriptor_table::find_or_add(int descriptor) {
  auto& found = watched_[descriptor];
  found.number = descriptor;
  return found;
}

void descriptor_table::await(descriptor_awaiter& who) {
  auto& which = find_or_add(who.descriptor_);
  auto& side = which.of(who.way_);
  who.watched_ = &which;
  who.next_ = nullptr;
  who.previous_ = std::exchange(side.last, &who);
  (who.previous_ ? who.previous_->next_ : side.first) = &who;
  const int error = update(which);
  if (error == 0) return;
  unlink(who);
  fire(which, to_read | to_write);  // others who wait for it see the same
  forget_unused(which);
  throw_unwatchable(error, who.way_ == direction::reading ? "readable" : "writable", who.descriptor_);
}

bool descriptor_table::withdraw(descriptor_awaiter& who) noexcept {
  auto* const which = who.watched_;
  if (!which) return false;
  unlink(who);
  if (which->wanted() != which->armed && update(*which) != 0) fire(*which, to_read | to_write);
  forget_unused(*which);
  return true;
}

void descriptor_table::unlink(descriptor_awaiter& who) noexcept {
  auto& side = who.watched_->of(who.way_);
  (who.previous_ ? who.previous_->next_ : side.first) = who.next_;
  (who.next_ ? who.next_->previous_ : side.last) = who.previous_;
  who.watched_ = nullptr;
}

void descriptor_table::set_callback(int descriptor, direction way, std::unique_ptr<lasting_callback> called) {
  auto& which = find_or_add(descriptor);
  auto& side = which.of(way);
  auto* const made = new descriptor_callback(*this, descriptor, way, std::move(called));
  auto* const former = std::exchange(side.callback, made);
  if (const int error = update(which); error != 0) {
    side.callback = former;
    made->remove();
    fire(which, to_read | to_write);
    forget_unused(which);
    throw_unwatchable(error, way == direction::reading ? "add_reader" : "add_writer", descriptor);
  }
  if (former) former->remove();
}

bool descriptor_table::remove_callback(int descriptor, direction way) noexcept {
  const auto found = watched_.find(descriptor);
  if (found == watched_.end()) return false;
  auto& which = found->second;
  auto* const removed = std::exchange(which.of(way).callback, nullptr);
  if (!removed) return false;
  removed->remove();
  if (which.wanted() != which.armed && update(which) != 0) fire(which, to_read | to_write);
  forget_unused(which);
  return true;
}

void descriptor_table::called(int descriptor) noexcept {
  const auto found = watched_.find(descriptor);
  if (found == watched_.end()) return;
  auto& which = found->second;
  const int error = update(which);
  if (error == 0) return;
  report(severity::warning, "descriptor " + std::to_string(descriptor) + " can't be watched any more (" +
                                std::system_category().message(error) +
                                "): its reader and its writer are removed. Remove them before closing it");
  for (auto& side : which.sides)
    if (auto* const removed = std::exchange(side.callback, nullptr)) removed->remove();
  forget_unused(which);
}

void descriptor_table::ready_now(int descriptor, std::uint32_t generation, std::uint8_t interests) noexcept {
  const auto found = watched_.find(descriptor);
  if (found == watched_.end() || found->second.generation != generation) return;  // of a former file
  auto& which = found->second;
  set_armed(which, no_interest);
  fire(which, interests);
  if (which.wanted() != no_interest && update(which) != 0) fire(which, to_read | to_write);
}

void descriptor_table::fire(watched_descriptor& which, std::uint8_t interests) noexcept {
  for (const auto way : {direction::reading, direction::writing}) {
    if ((interests & interest_in(way)) == 0) continue;
    auto& side = which.of(way);
    while (auto* const who = side.first) {
      unlink(*who);
      home_.push(*who);
    }
    if (side.callback) side.callback->becomes_due(home_);
  }
}

int descriptor_table::update(watched_descriptor& which) noexcept {
  const auto wanted = which.wanted();
  if (wanted == no_interest) {
    if (which.armed != no_interest) {
      poller_.forget(which.number);
      which.generation = 0;
      set_armed(which, no_interest);
    }
    return 0;
  }
  int error = ENOENT;
  if (which.generation != 0) error = poller_.arm_known(which.number, which.generation, wanted);
  if (error == ENOENT) {
    if (++last_generation_ == 0) ++last_generation_;  // 0 is nobody's
    error = poller_.arm_new(which.number, last_generation_, wanted);
    which.generation = last_generation_;
  }
  if (error != 0) which.generation = 0;
  set_armed(which, error == 0 ? wanted : std::uint8_t{no_interest});
  if (error != EPERM) return error;
  fire(which, wanted);
  return 0;
}

void descriptor_table::set_armed(watched_descriptor& which, std::uint8_t interests) noexcept {
  if (which.armed == no_interest && interests != no_interest) ++armed_;
  if (which.armed != no_interest && interests == no_interest) --armed_;
  which.armed = interests;
}

void descriptor_table::forget_unused(watched_descriptor& which) noexcept {
  if (which.generation == 0 && which.wanted() == no_interest && !which.has_callback()) watched_.erase(which.number);
}

void descriptor_table::clear(bool in_forked_child) noexcept {
  for (auto& [number, which] : watched_) {
    if (which.armed != no_interest && !in_forked_child) poller_.forget(number);
    for (auto& side : which.sides) {
      while (side.first) unlink(*side.first);
      if (auto* const removed = std::exchange(side.callback, nullptr)) removed->remove();
    }
  }
  watched_.clear();
  armed_ = 0;
}

}  // namespace plait::inline PLAIT_ABI::detail
