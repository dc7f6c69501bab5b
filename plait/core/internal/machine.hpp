// The heart of the simulated machine: who runs, who sleeps on what, what time it is.
//
//   explore()              a simulated thread (fiber)            another
//   run(body) ──baton──▶   user code … reach(store, x)
//   sleeps                   └ pick: decider says who ──baton──▶ user code … reach(…)
//   ◀──────────────────────────── the last to end, or fail() ──────┘
//
// Guarantees
// - Each fiber is carried by a real thread, for the sake of its thread_locals; who holds the baton runs, all the
//   others sleep on theirs. So nothing here needs a lock.
// - A choice grants the chosen thread its next step: one that is only starting, or coming back from a sleep, goes on
//   through that step without a second choice. What lies before it is its own affair, so no schedule is lost, and
//   none is walked twice.
// - Where a thread ends that another joins, the joining one goes on at once, and the choice is made at its next step.
#pragma once

#include <plait/core/internal/explore.hpp>

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

namespace plait::inline PLAIT_ABI::simulated {

/// Says which of `count` ways (two or more) to go; `may_stay` where 0 means that the running thread goes on.
struct decider {
  static constexpr std::size_t misfit = static_cast<std::size_t>(-1);
  virtual ~decider() = default;
  /// `misfit` where this run is not the one that was to be repeated.
  virtual std::size_t decide(std::size_t count, bool may_stay) = 0;
};

class machine;

/// The real thread under a fiber, and the baton that it sleeps on.
struct carrier {
  machine* owner;
  fiber* load = nullptr;
  std::atomic<std::uint32_t> baton{0};
  std::thread os{};
  bool joined = false;
};

/// A set of fibers, by their numbers.
using fiber_set = std::uint64_t;
inline constexpr std::size_t most_fibers = 64;

struct fiber {
  machine* owner;
  std::size_t number;
  carrier* on = nullptr;
  std::unique_ptr<work> job{};
  std::string name{};

  operation doing = operation::start;  // the step it stands before, or sleeps in
  const void* where = nullptr;
  bool granted = false;            // its next step was already chosen
  fiber_set born_since_grant = 0;  // its children that were no candidates in that choice
  bool ended = false;
  fiber* joiner = nullptr;

  const void* queue = nullptr;  // the word it sleeps on; kept until it goes on, even past its deadline
  time_point deadline = time_point::max();
  bool woken = false;

  // Fairness, as in CHESS: which threads must take a step before this one, which yields and yields, may go on.
  fiber_set waits_for = 0;
  fiber_set seen_since_yield = 0;
  fiber_set runnable_at_yield = 0;

  [[nodiscard]] fiber_set bit() const noexcept { return fiber_set{1} << number; }
};

class machine {
 public:
  explicit machine(const explore_options& options) : options_(options) {}
  ~machine();
  machine(const machine&) = delete;
  machine& operator=(const machine&) = delete;

  /// One schedule from begin to end. False where it failed.
  bool run(const std::function<void()>& body, decider& decides);

  [[nodiscard]] const std::string& reason() const noexcept { return reason_; }
  [[nodiscard]] const std::vector<std::size_t>& choices() const noexcept { return choices_; }
  /// Whether threads are left that will never run again: then the machine must be left alone.
  [[nodiscard]] bool stuck() const noexcept { return stuck_; }
  [[nodiscard]] std::string report() const;

  // From the thread that holds the baton.
  void step(fiber& me, operation what, const void* where);
  bool wait(fiber& me, const std::atomic<std::uint32_t>& word, const void* name, std::uint32_t expected,
            time_point deadline);
  void wake(fiber& me, const void* word, const void* name, int count);
  void yield(fiber& me);
  fiber& spawn(fiber* parent, std::unique_ptr<work> job);
  void join(fiber& me, fiber& other);
  void end(fiber& me);
  std::size_t choose(fiber& me, std::size_t count);
  void name_location(const void* where, std::string_view name) { names_[where] = name; }
  [[nodiscard]] time_point now() const noexcept { return now_; }
  void lose_joinable(fiber& me);
  [[noreturn]] void fail(fiber& me, std::string reason);

 private:
  struct trace_entry {
    std::size_t number;
    operation what;
    const void* where;
  };
  static constexpr std::size_t trace_length = 40;

  void reset();
  void count_step(fiber& me, operation what, const void* where);
  void record(const fiber& me, operation what, const void* where) noexcept;
  std::size_t decide(fiber& me, std::size_t count, bool may_stay);
  void list_runnable(const fiber& after, fiber_set among);
  static void grant(fiber& me) noexcept;
  void list_sleepers();
  void go_on_without(fiber& me);
  fiber* pick_listed(fiber& me, bool may_stay, bool switch_is_free);
  void hand_over(fiber& me, fiber& next);
  [[nodiscard]] time_point earliest_deadline() const noexcept;
  void pass_time(time_point until) noexcept;
  void finish();
  [[nodiscard]] std::string describe(const fiber& which) const;
  [[nodiscard]] std::string describe(operation what, const void* where) const;

  const explore_options& options_;
  decider* decider_ = nullptr;
  std::deque<fiber> fibers_{};
  std::deque<carrier> carriers_{};
  std::vector<carrier*> idle_{};

  fiber_set runnable_ = 0;
  fiber_set yielded_ = 0;  // since the clock last moved
  std::vector<fiber*> candidates_{};
  int preemptions_left_ = 0;
  bool free_point_ = false;  // the next step's choice is free: see the third guarantee
  bool doomed_ = false;      // an exception is on its way to be the failure: nobody else may run
  time_point now_{};
  std::chrono::nanoseconds tick_{};

  std::size_t steps_ = 0;
  std::array<trace_entry, trace_length> trace_{};
  std::size_t traced_ = 0;
  std::unordered_map<const void*, std::string> names_{};
  std::vector<std::size_t> choices_{};
  std::string reason_{};
  bool stuck_ = false;
  std::atomic<std::uint32_t> over_{0};  // the baton of run()
};

/// The fiber that the calling thread carries; null outside of a simulation.
fiber* current_fiber() noexcept;

/// Hides what the machine does from ThreadSanitizer: its hand-overs are no synchronisation of the code under test.
class unobserved {
 public:
  unobserved() noexcept;
  ~unobserved();
  unobserved(const unobserved&) = delete;
  unobserved& operator=(const unobserved&) = delete;
};

// carrier.cpp
/// To ThreadSanitizer: what fibers did that will never be joined was before now.
void see_stopped_fibers() noexcept;
void give(std::atomic<std::uint32_t>& baton) noexcept;
void take(std::atomic<std::uint32_t>& baton) noexcept;
/// Whether a carrier can carry one fiber after the other, its thread_locals made new in between.
[[nodiscard]] bool carriers_last() noexcept;
/// A real thread that waits for its baton, then carries its load, and so on until it finds none.
void launch(carrier& which);

}  // namespace plait::inline PLAIT_ABI::simulated
