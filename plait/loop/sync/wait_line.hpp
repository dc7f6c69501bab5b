// Who waits for a lock, an event, a queue: a line of coroutines, first come first served.
//
//    primitive ── wait_line ─┬─ waiting:  w1 ⇄ w2 ⇄ w3    each node lies in its coroutine's frame
//                            └─ woken:    w0              pushed to the loop, not resumed yet; holds a promise
//
//    join ──► waiting ── wake_first ──► woken ── the loop's next turn ──► arrive() in await_resume
//                │  └─── release_all ─► (in no list) ───────────────────►    (nothing was promised: the news is all)
//                └─ cancelled: leaves the line; nobody had given it anything
//
// Guarantees
// - Waiting allocates nothing and takes no lock. All of it is for the coroutines of one loop.
// - Handing over: what becomes free is promised to the first who waits, before anybody who comes later can take it.
//   So nobody is overtaken, and who releases and acquires in a loop stands at the end of the line each time.
// - Nothing is lost by a cancellation: one who was woken and is cancelled before it resumes passes its promise on
//   (pass_on) to the next, and then sees cancelled_error.
// - A primitive that is destroyed leaves nobody behind: who waits for it, or was promised something by it, ends with
//   an invalid_state_error that says so.
// - Use from another loop while somebody waits is refused (check_loop). A primitive at which nobody waits belongs to
// no
//   loop: it may be used on one loop after the other. That is a help, no lock: it finds misuse, it doesn't make it
//   safe.
#pragma once

#include <plait/core/home.hpp>

#include <coroutine>
#include <cstddef>
#include <cstdint>

namespace plait::inline PLAIT_ABI::detail {

class wait_line;

/// One coroutine that waits in a line, and the line's node.
class PLAIT_API line_waiter : public suspension {
 public:
  line_waiter& operator=(const line_waiter&) = delete;

  template <class Promise> bool await_suspend(std::coroutine_handle<Promise> coroutine) {
    const bool cancelled = this->begin(coroutine, what_);
    stage_ = stage::begun;
    if (cancelled) return false;
    join();
    return true;
  }

 protected:
  /// `what` names the call in messages: "lock::acquire".
  line_waiter(wait_line& line, const char* what) noexcept : line_(&line), what_(what) {}
  /// Before it is awaited.
  line_waiter(line_waiter&& other) noexcept : suspension(), line_(other.line_), what_(other.what_) {}
  ~line_waiter();

  enum class stage : std::uint8_t {
    idle,      // not awaited, or needn't wait
    begun,     // in no line: cancelled
    waiting,   // in a line
    woken,     // on its way, with a promise
    released,  // on its way
    orphaned,  // on its way, since the line was destroyed
  };

  /// What await_resume does first. True where it was woken or released, false where it need not wait. Throws
  /// cancelled_error, after pass_on where something was promised to it, and the error of a destroyed primitive.
  bool arrive();
  /// The part of arrive that throws nothing: takes it out of its line.
  stage leave() noexcept;
  /// It was woken, and cancelled before it resumed: what it was woken with goes to the next.
  virtual void pass_on() noexcept {}
  [[nodiscard]] withdrawal withdraw() noexcept override;
  void describe_wait(wait_listener& to) const override { to.waits_in(what_); }
  [[noreturn]] void throw_orphaned() const;
  [[nodiscard]] const char* what() const noexcept { return what_; }
  [[nodiscard]] bool stands_in(const wait_line& line) const noexcept {
    return stage_ == stage::waiting && line_ == &line;
  }
  [[nodiscard]] bool is_waiting() const noexcept { return stage_ == stage::waiting; }

 private:
  friend class wait_line;
  void join();
  /// `gone` will be destroyed, and this one may refer to it.
  virtual void forget(const void* gone) noexcept { static_cast<void>(gone); }

  wait_line* line_;
  const char* what_;
  line_waiter* next_ = nullptr;
  line_waiter* prev_ = nullptr;
  stage stage_ = stage::idle;
};

class PLAIT_API wait_line {
 public:
  wait_line() noexcept = default;
  wait_line(const wait_line&) = delete;
  wait_line& operator=(const wait_line&) = delete;
  ~wait_line();

  /// Nobody waits; who was woken waits no more.
  [[nodiscard]] bool empty() const noexcept { return !waiting_.first; }
  [[nodiscard]] std::size_t size() const noexcept { return waiting_.count; }

  /// Throws invalid_state_error where somebody waits on another loop than the one that runs here.
  void check_loop(const char* what) const;
  void join(line_waiter& last) noexcept;
  /// Takes the first out of the line, without waking it; null where nobody waits.
  line_waiter* take_first() noexcept;
  /// The first resumes in the loop's next turn, and answers for what it is promised now. Null where nobody waits.
  line_waiter* wake_first() noexcept;
  /// The first, or all, resume in the next turn, and refer to the line no more.
  line_waiter* release_first() noexcept;
  void release_all() noexcept;
  /// `gone` will be destroyed: tells all that are in the line or on their way.
  void forget(const void* gone) noexcept;

 private:
  friend class line_waiter;
  struct list {
    line_waiter* first = nullptr;
    line_waiter* last = nullptr;
    std::size_t count = 0;
    void append(line_waiter& w) noexcept;
    void remove(line_waiter& w) noexcept;
  };
  static void push(line_waiter& w, line_waiter::stage how) noexcept;

  list waiting_;
  list woken_;
};

/// Throws invalid_state_error where `theirs` is another loop than the one that runs here. Plain code between two runs
/// of a loop counts as that loop's.
PLAIT_API void check_same_loop(const home& theirs, const char* what);

}  // namespace plait::inline PLAIT_ABI::detail
