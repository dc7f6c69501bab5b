// Which descriptors a loop watches, and for whom.
//
//    readable(fd) ── await ──┐                                  ┌── fired ──► ready queue ──► the coroutine goes on
//                            ├─► watched_descriptor ─► epoll ───┤
//    add_reader ─ set_callback ─┘   (armed, one report)         └── fired ──► ready queue ──► f() ──► armed again
//
// All on the loop's own thread. A coroutine that waits costs one epoll_ctl, as does each call of a callback; what has
// reported stays known to epoll, asleep, until its file is closed. A loop that watches nothing has no table.
//
// Guarantees
// - Who waits is woken once, or was withdrawn. A callback that was removed is not called any more, also where its
// call
//   was already due.
// - Only what is armed is looked at: a table of descriptors for which nobody waits costs a turn nothing.
// - A number that was closed and opened again is another file: each arming asks the kernel which one it is, and a
//   report of the former file is not taken for one of the present.
#pragma once

#include <plait/core/home.hpp>
#include <plait/loop/internal/poller.hpp>
#include <plait/loop/lasting_callback.hpp>
#include <plait/loop/readable.hpp>

#include <cstdint>
#include <memory>
#include <unordered_map>

namespace plait::inline PLAIT_ABI::detail {

/// A callback of add_reader or add_writer. While its call is due it stands in the ready queue, and outlives its
/// removal there.
class descriptor_callback final : public ready {
 public:
  descriptor_callback(descriptor_table& table, int descriptor, direction way,
                      std::unique_ptr<lasting_callback> called) noexcept
      : table_(&table), descriptor_(descriptor), way_(way), called_(std::move(called)) {}

  void run() noexcept override;
  void drop() noexcept override;
  /// It is not called any more; ends its life, now or when it leaves the ready queue.
  void remove() noexcept;
  [[nodiscard]] bool is_due() const noexcept { return due_; }
  void becomes_due(home& where) noexcept;

 private:
  ~descriptor_callback() = default;

  descriptor_table* const table_;
  const int descriptor_;
  const direction way_;
  const std::unique_ptr<lasting_callback> called_;
  bool due_ = false;  // in the ready queue, or being called
  bool removed_ = false;
};

struct watched_descriptor {
  struct side {
    descriptor_awaiter* first = nullptr;
    descriptor_awaiter* last = nullptr;
    descriptor_callback* callback = nullptr;
  };

  int number = -1;
  std::uint32_t generation = 0;      // of the arming that epoll knows; 0 where it knows none
  std::uint8_t armed = no_interest;  // for what it will report
  side sides[2];                     // by direction

  [[nodiscard]] side& of(direction way) noexcept { return sides[static_cast<int>(way)]; }
  [[nodiscard]] std::uint8_t wanted() const noexcept;
  [[nodiscard]] bool has_callback() const noexcept { return sides[0].callback || sides[1].callback; }
};

class descriptor_table final : public readiness_sink {
 public:
  [[nodiscard]] home& where() const noexcept { return home_; }
  descriptor_table(home& where, poller& sleeper) noexcept : home_(where), poller_(sleeper) {
    sleeper.report_to(*this);
  }
  ~descriptor_table() = default;

  /// Something may report: the loop looks in every turn.
  [[nodiscard]] bool is_armed() const noexcept { return armed_ > 0; }

  /// Throws std::system_error where it can't be watched.
  void await(descriptor_awaiter& who);
  /// False where it was woken.
  [[nodiscard]] bool withdraw(descriptor_awaiter& who) noexcept;

  /// Replaces the one before. Throws as await.
  void set_callback(int descriptor, direction way, std::unique_ptr<lasting_callback> called);
  /// False where there is none.
  bool remove_callback(int descriptor, direction way) noexcept;
  /// After its call: it is to be called again.
  void called(int descriptor) noexcept;

  void ready_now(int descriptor, std::uint32_t generation, std::uint8_t interests) noexcept override;
  /// Forgets all and all who wait. In a forked child epoll is shared with the parent, and is left alone.
  void clear(bool in_forked_child) noexcept;

 private:
  [[nodiscard]] watched_descriptor& find_or_add(int descriptor);
  void fire(watched_descriptor& which, std::uint8_t interests) noexcept;
  /// Arms it for what is wanted. Returns 0 or errno; what is always ready is fired.
  int update(watched_descriptor& which) noexcept;
  void set_armed(watched_descriptor& which, std::uint8_t interests) noexcept;
  void forget_unused(watched_descriptor& which) noexcept;
  void unlink(descriptor_awaiter& who) noexcept;

  home& home_;
  poller& poller_;
  std::unordered_map<int, watched_descriptor> watched_;
  std::size_t armed_ = 0;  // descriptors that are
  std::uint32_t last_generation_ = 0;
};

}  // namespace plait::inline PLAIT_ABI::detail
