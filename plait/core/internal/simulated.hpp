// The simulated machine's side of core/sync.hpp: what takes the place of std::atomic, std::thread, the futex and the
// clock where plait is built with PLAIT_SIMULATED. Tests drive it through explore.hpp; machine.hpp has its picture.
//
// Guarantees
// - On a thread of a simulation every access to an atomic, every futex call and every yield is a point at which the
//   simulation chooses who goes on. Exactly one of its threads runs at any time.
// - On any other thread (static initialisation, the test's own code) the names do what the real ones do.
// - The memory is sequentially consistent: what a weaker order would let through is not simulated. ThreadSanitizer
//   still judges by the orders as written, in every schedule: the simulation's own hand-overs are hidden from it.
#pragma once

#include <plait/core/config.hpp>

#include <atomic>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <thread>
#include <tuple>
#include <type_traits>
#include <utility>

namespace plait::inline PLAIT_ABI::simulated {

using time_point = std::chrono::time_point<std::chrono::steady_clock, std::chrono::nanoseconds>;

/// What a thread is about to do, as the trace of a failure names it.
enum class operation : std::uint8_t {
  start,
  load,
  store,
  exchange,
  compare_exchange,
  fetch_add,
  fetch_sub,
  fetch_and,
  fetch_or,
  fetch_xor,
  futex_wait,
  futex_wake,
  yield,
  choose,
  spawn,
  join,
  end
};

/// A scheduling point before `what` at `where`. Returns when this thread is the one to do it.
PLAIT_API void reach(operation what, const void* where) noexcept;

/// std::atomic, with a scheduling point before every access. A weak compare_exchange never fails spuriously.
template <class T> class atomic {
 public:
  using value_type = T;
  static constexpr bool is_always_lock_free = std::atomic<T>::is_always_lock_free;

  constexpr atomic() noexcept = default;
  constexpr atomic(T value) noexcept : value_(value) {}
  atomic(const atomic&) = delete;
  atomic& operator=(const atomic&) = delete;

  [[nodiscard]] bool is_lock_free() const noexcept { return value_.is_lock_free(); }

  T load(std::memory_order order = std::memory_order_seq_cst) const noexcept {
    reach(operation::load, this);
    return value_.load(order);
  }
  void store(T value, std::memory_order order = std::memory_order_seq_cst) noexcept {
    reach(operation::store, this);
    value_.store(value, order);
  }
  T exchange(T value, std::memory_order order = std::memory_order_seq_cst) noexcept {
    reach(operation::exchange, this);
    return value_.exchange(value, order);
  }
  bool compare_exchange_strong(T& expected, T desired, std::memory_order success,
                               std::memory_order failure) noexcept {
    reach(operation::compare_exchange, this);
    return value_.compare_exchange_strong(expected, desired, success, failure);
  }
  bool compare_exchange_strong(T& expected, T desired, std::memory_order order = std::memory_order_seq_cst) noexcept {
    reach(operation::compare_exchange, this);
    return value_.compare_exchange_strong(expected, desired, order);
  }
  bool compare_exchange_weak(T& expected, T desired, std::memory_order success, std::memory_order failure) noexcept {
    return compare_exchange_strong(expected, desired, success, failure);
  }
  bool compare_exchange_weak(T& expected, T desired, std::memory_order order = std::memory_order_seq_cst) noexcept {
    return compare_exchange_strong(expected, desired, order);
  }

  operator T() const noexcept { return load(); }
  T operator=(T value) noexcept {
    store(value);
    return value;
  }

  // What is added to a T: itself for a number, a distance for a pointer.
  using difference_type = std::conditional_t<std::is_pointer_v<T>, std::ptrdiff_t, T>;
  static constexpr bool counts = std::is_pointer_v<T> || (std::is_integral_v<T> && !std::is_same_v<T, bool>);
  static constexpr bool has_bits = std::is_integral_v<T> && !std::is_same_v<T, bool>;

  T fetch_add(difference_type by, std::memory_order order = std::memory_order_seq_cst) noexcept
    requires counts
  {
    reach(operation::fetch_add, this);
    return value_.fetch_add(by, order);
  }
  T fetch_sub(difference_type by, std::memory_order order = std::memory_order_seq_cst) noexcept
    requires counts
  {
    reach(operation::fetch_sub, this);
    return value_.fetch_sub(by, order);
  }
  T fetch_and(T bits, std::memory_order order = std::memory_order_seq_cst) noexcept
    requires has_bits
  {
    reach(operation::fetch_and, this);
    return value_.fetch_and(bits, order);
  }
  T fetch_or(T bits, std::memory_order order = std::memory_order_seq_cst) noexcept
    requires has_bits
  {
    reach(operation::fetch_or, this);
    return value_.fetch_or(bits, order);
  }
  T fetch_xor(T bits, std::memory_order order = std::memory_order_seq_cst) noexcept
    requires has_bits
  {
    reach(operation::fetch_xor, this);
    return value_.fetch_xor(bits, order);
  }
  T operator++() noexcept
    requires counts
  {
    reach(operation::fetch_add, this);
    return ++value_;
  }
  T operator++(int) noexcept
    requires counts
  {
    return fetch_add(1);
  }
  T operator--() noexcept
    requires counts
  {
    reach(operation::fetch_sub, this);
    return --value_;
  }
  T operator--(int) noexcept
    requires counts
  {
    return fetch_sub(1);
  }

  /// The atomic underneath: reading it is no scheduling point.
  [[nodiscard]] const std::atomic<T>& underlying() const noexcept { return value_; }

 private:
  std::atomic<T> value_{};
};

struct fiber;

/// A callable with its arguments, run once, on its own thread.
struct work {
  virtual ~work() = default;
  virtual void run() = 0;
};

/// std::thread. Started on a thread of a simulation, it is another thread of it. There, destroying a joinable one is
/// a failure of the schedule, and so is an exception that leaves it.
class thread {
 public:
  using id = std::thread::id;

  thread() noexcept = default;
  template <class Callable, class... Arguments>
    requires(!std::same_as<std::remove_cvref_t<Callable>, thread>)
  explicit thread(Callable&& callable, Arguments&&... arguments) {
    start(std::make_unique<bound<std::decay_t<Callable>, std::decay_t<Arguments>...>>(
        std::forward<Callable>(callable), std::forward<Arguments>(arguments)...));
  }
  thread(thread&& other) noexcept
      : real_(std::move(other.real_)), simulated_(std::exchange(other.simulated_, nullptr)) {}
  PLAIT_API thread& operator=(thread&& other) noexcept;
  PLAIT_API ~thread();

  [[nodiscard]] bool joinable() const noexcept { return simulated_ != nullptr || real_.joinable(); }
  PLAIT_API void join();
  PLAIT_API void detach();
  PLAIT_API id get_id() const noexcept;

  /// In a simulation always 2, so that every machine walks the same schedules.
  [[nodiscard]] PLAIT_API static unsigned hardware_concurrency() noexcept;

 private:
  template <class... Parts> struct bound final : work {
    template <class... Given> explicit bound(Given&&... given) : parts(std::forward<Given>(given)...) {}
    void run() override {
      std::apply([](Parts&... each) { std::invoke(std::move(each)...); }, parts);
    }
    std::tuple<Parts...> parts;
  };

  PLAIT_API void start(std::unique_ptr<work> job);

  std::thread real_;
  fiber* simulated_ = nullptr;
};

PLAIT_API bool futex_wait_on(const std::atomic<std::uint32_t>& word, const void* name, std::uint32_t expected,
                             time_point deadline) noexcept;
PLAIT_API void futex_wake_on(const void* word, const void* name, int count) noexcept;

/// Sleeps while `word` holds `expected`, until a wake or the deadline; false where the deadline passed. A simulated
/// one never returns for no reason. One whose deadline has passed can still be woken, until it goes on.
inline bool futex_wait(const atomic<std::uint32_t>& word, std::uint32_t expected,
                       time_point deadline = time_point::max()) noexcept {
  return futex_wait_on(word.underlying(), &word, expected, deadline);
}

/// Wakes up to `count` threads that sleep on `word`. Which ones, where there are more, is one more choice.
inline void futex_wake(const atomic<std::uint32_t>& word, int count) noexcept {
  futex_wake_on(&word.underlying(), &word, count);
}

/// The virtual clock. It moves to the earliest deadline when no thread can run, and a little whenever every thread
/// that can run has yielded.
[[nodiscard]] PLAIT_API time_point now() noexcept;

/// Lets another thread go first where there is one; this is no preemption. Fair: a thread that yields again and again
/// waits for each of the others to take a step.
PLAIT_API void yield() noexcept;

}  // namespace plait::inline PLAIT_ABI::simulated
