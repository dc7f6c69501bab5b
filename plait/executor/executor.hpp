// The interface of all executors: where blocking calls are handed to, whether threads, processes or machines run
// them.
#pragma once

#include <plait/core/future.hpp>
#include <plait/core/task.hpp>
#include <plait/core/temporaries.hpp>
#include <plait/executor/call.hpp>
#include <plait/executor/call_options.hpp>
#include <plait/executor/map_options.hpp>
#include <plait/executor/slot.hpp>
#include <plait/executor/travel.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <ranges>
#include <type_traits>
#include <utility>

namespace plait::inline PLAIT_ABI {

/// How an executor ends.
enum class shutdown_mode : std::uint8_t {
  drain,           ///< what was submitted is run first
  cancel_pending,  ///< what has not started is cancelled; what runs is waited for
  kill,            ///< and what runs is stopped as far as can be: a thread's call is asked (std::stop_token)
};

class executor;
template <class R> class map_results;

namespace detail {
/// Blocks for room; throws timeout_error for map. On the pool's own worker queue_full, as submit does.
[[nodiscard]] PLAIT_API slot wait_for_room(executor& pool, time_point deadline, std::size_t taken);
/// Room for one call where there is some now, without waiting.
[[nodiscard]] PLAIT_API std::optional<slot> slot_at_once(executor& pool);
/// For executor::map.
template <class Items, class F> future<call_result<F>> submit_in_slot(executor& pool, slot room, F&& f);

/// What executors offer, over the items that `Items` makes: an executor whose type is known at the call may make them
/// plainer, or refuse more of them when it compiles, than one that is known as executor only.
template <class Self, class Items> class submitting {
 public:
  /// Hands over `f(args...)`, or `f(stop_token, args...)` where f takes one, and gives the future of its result.
  /// Blocks only where the executor is bounded and full: then until there is room; on a running loop's thread and on
  /// the executor's own workers not at all (queue_full; see acquire_slot). A move-only callable or argument is fine.
  /// Throws shut_down_error after shutdown, broken_executor where it can run nothing any more, std::system_error
  /// where the system has no thread left to run it.
  template <class F, class... Args>
    requires callable_with<F, Args...>
  future<call_result<F, Args...>> submit(F&& f, Args&&... args) {
    warn_about_temporaries<F, Args...>();
    return self().template hand_over<Items>({}, nullptr, std::forward<F>(f), std::forward<Args>(args)...);
  }

  /// The same with a timeout, a priority, retries, a name. std::invalid_argument names an option that can't be.
  template <class F, class... Args>
    requires callable_with<F, Args...>
  future<call_result<F, Args...>> submit(const call_options& options, F&& f, Args&&... args) {
    warn_about_temporaries<F, Args...>();
    return self().template hand_over<Items>(options, nullptr, std::forward<F>(f), std::forward<Args>(args)...);
  }

  /// The same with room that was acquired before: never blocks. std::invalid_argument for another executor's slot.
  template <class F, class... Args>
    requires callable_with<F, Args...>
  future<call_result<F, Args...>> submit(slot room, F&& f, Args&&... args) {
    warn_about_temporaries<F, Args...>();
    return self().template hand_over<Items>({}, &room, std::forward<F>(f), std::forward<Args>(args)...);
  }
  template <class F, class... Args>
    requires callable_with<F, Args...>
  future<call_result<F, Args...>> submit(slot room, const call_options& options, F&& f, Args&&... args) {
    warn_about_temporaries<F, Args...>();
    return self().template hand_over<Items>(options, &room, std::forward<F>(f), std::forward<Args>(args)...);
  }

  /// As submit, but where a bounded executor is full it gives nothing instead of waiting. Never blocks. The arguments
  /// are moved from in either case.
  template <class F, class... Args>
    requires callable_with<F, Args...>
  std::optional<future<call_result<F, Args...>>> try_submit(F&& f, Args&&... args) {
    return try_submit(call_options{}, std::forward<F>(f), std::forward<Args>(args)...);
  }
  template <class F, class... Args>
    requires callable_with<F, Args...>
  std::optional<future<call_result<F, Args...>>> try_submit(const call_options& options, F&& f, Args&&... args) {
    warn_about_temporaries<F, Args...>();
    return self().template try_hand_over<Items>(options, std::forward<F>(f), std::forward<Args>(args)...);
  }

  /// `f` of each item of one range, or of several side by side (the shortest ends it), in this executor. The results
  /// come in the order of the input, as a plain range, or one by one in a coroutine (see map_results). Without
  /// `buffer_size` all is submitted at once; with it that many items are on their way at a time, so that an endless
  /// range is mapped in bounded memory. With `chunk_size` so many items travel as one call. `timeout` counts from
  /// here. Dropping the results cancels what is left.
  /// std::invalid_argument for a size of 0 or a negative timeout; what submit throws.
  template <class F, std::ranges::input_range... Ranges>
    requires callable_with<F, std::ranges::range_value_t<Ranges>...> && (sizeof...(Ranges) > 0)
  map_results<call_result<F, std::ranges::range_value_t<Ranges>...>> map(const map_options& options, F f,
                                                                         Ranges&&... ranges);
  template <class F, std::ranges::input_range... Ranges>
    requires callable_with<F, std::ranges::range_value_t<Ranges>...> && (sizeof...(Ranges) > 0)
  map_results<call_result<F, std::ranges::range_value_t<Ranges>...>> map(F f, Ranges&&... ranges);
  /// The same, each result as soon as it is there.
  template <class F, std::ranges::input_range... Ranges>
    requires callable_with<F, std::ranges::range_value_t<Ranges>...> && (sizeof...(Ranges) > 0)
  map_results<call_result<F, std::ranges::range_value_t<Ranges>...>> map_unordered(const map_options& options, F f,
                                                                                   Ranges&&... ranges);
  template <class F, std::ranges::input_range... Ranges>
    requires callable_with<F, std::ranges::range_value_t<Ranges>...> && (sizeof...(Ranges) > 0)
  map_results<call_result<F, std::ranges::range_value_t<Ranges>...>> map_unordered(F f, Ranges&&... ranges);

 private:
  [[nodiscard]] executor& self() noexcept { return static_cast<Self&>(*this); }
};

}  // namespace detail

/// Takes blocking calls and gives futures. Thread-safe: everything here may be called from any thread at once, the
/// destructor not.
///
/// submit never runs the call on the calling thread. The call owns its callable and arguments: nothing of the
/// caller's is referred to once submit has returned (std::ref and pointers apart). What happened before submit is
/// seen by the call; what the call did is seen by who reads its result.
class PLAIT_API executor : public detail::submitting<executor, detail::items_for_anywhere> {
 public:
  executor(const executor&) = delete;
  executor& operator=(const executor&) = delete;
  virtual ~executor();

  /// Room for one call. On a loop `auto slot = co_await pool.acquire_slot()` suspends until there is room; elsewhere
  /// `pool.acquire_slot().result()` blocks. First come, first served. Fails with shut_down_error at shutdown.
  [[nodiscard]] future<slot> acquire_slot();

  /// Takes no more calls, deals with those it has as `mode` says, and blocks until its workers have ended; true then.
  /// May be called again, with a harder mode too, and from several threads.
  /// Throws invalid_state_error, and does nothing, where waiting would never end or would stop a loop: on one of its
  /// own workers, and on a running loop's thread (there co_await async_shutdown).
  bool shutdown(shutdown_mode mode = shutdown_mode::drain);
  /// The same, blocking at most `deadline` long; false where workers are still busy then: they end by themselves. A
  /// deadline of 0 only begins, and may be used anywhere. std::invalid_argument where it is negative or NaN.
  template <class Rep, class Period> bool shutdown(shutdown_mode mode, std::chrono::duration<Rep, Period> deadline) {
    return end(mode, detail::to_nanoseconds(deadline, "deadline"));
  }
  /// The same without blocking: a future of what shutdown would have returned.
  [[nodiscard]] future<bool> async_shutdown(shutdown_mode mode = shutdown_mode::drain);
  template <class Rep, class Period>
  [[nodiscard]] future<bool> async_shutdown(shutdown_mode mode, std::chrono::duration<Rep, Period> deadline) {
    return begin_shutdown(mode, detail::to_nanoseconds(deadline, "deadline"));
  }

  /// How many calls it runs at a time at most.
  [[nodiscard]] virtual int max_workers() const noexcept = 0;

 protected:
  executor() noexcept;
  /// For a bounded one: what counts the room. Null: unbounded.
  explicit executor(std::shared_ptr<detail::admission> room) noexcept;

  /// Takes the item, which is this executor's from here, and counts no room. Throws where it does not take it.
  virtual void accept(detail::work_item& item) = 0;
  /// Begins; the future is true when all workers have ended, false when the deadline came first.
  virtual future<bool> begin_shutdown(shutdown_mode mode, nanoseconds deadline) = 0;
  /// It was shut down, and no worker is left.
  [[nodiscard]] virtual bool ended() const noexcept = 0;
  /// This thread is one of its workers.
  [[nodiscard]] virtual bool on_own_worker() const noexcept = 0;

 private:
  template <class Self, class Items> friend class detail::submitting;
  template <class Items, class F>
  friend future<call_result<F>> detail::submit_in_slot(executor& pool, slot room, F&& f);
  friend slot detail::wait_for_room(executor& pool, time_point deadline, std::size_t taken);

  /// queue_full on a running loop's thread and on one of its own workers.
  void check_may_block() const;
  friend std::optional<slot> detail::slot_at_once(executor& pool);

  template <class Items, class F, class... Args>
  future<call_result<F, Args...>> hand_over(const call_options& options, slot* room, F&& f, Args&&... args) {
    auto& item = Items::make(options, std::forward<F>(f), std::forward<Args>(args)...);
    auto result = detail::future_access::make<call_result<F, Args...>>(detail::state_handle(&item));
    take(item, room);
    return result;
  }
  template <class Items, class F, class... Args>
  std::optional<future<call_result<F, Args...>>> try_hand_over(const call_options& options, F&& f, Args&&... args) {
    auto& item = Items::make(options, std::forward<F>(f), std::forward<Args>(args)...);
    auto result = detail::future_access::make<call_result<F, Args...>>(detail::state_handle(&item));
    if (!try_take(item)) return std::nullopt;
    return result;
  }
  void take(detail::work_item& item, slot* room);
  [[nodiscard]] bool try_take(detail::work_item& item);
  void accept_or_refuse(detail::work_item& item);
  bool end(shutdown_mode mode, nanoseconds deadline);

  std::shared_ptr<detail::admission> room_;
};

template <class Items, class F> future<call_result<F>> detail::submit_in_slot(executor& pool, slot room, F&& f) {
  return pool.hand_over<Items>({}, &room, std::forward<F>(f));
}

}  // namespace plait::inline PLAIT_ABI

#include <plait/executor/map.hpp>
