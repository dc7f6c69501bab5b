// executor::map: many items through one function, in bounded memory where that is asked for.
//
//    source (the ranges) ──► chunks ──submit──► executor
//                                                  │ each chunk's future, in order of input or of completion
//    range-for, or co_await next() ◄── current chunk's outcomes
//
// One chunk is one call; it gives one outcome an item, so that an item that fails fails alone. What is not taken yet
// is counted: with a buffer_size, a new chunk is submitted for each that was taken.
#pragma once

#include <plait/core/any_future.hpp>
#include <plait/core/errors.hpp>
#include <plait/core/time.hpp>
#include <plait/executor/completions.hpp>
#include <plait/executor/executor.hpp>
#include <plait/executor/map_chunk.hpp>

#include <iterator>
#include <memory>
#include <optional>
#include <ranges>
#include <tuple>
#include <utility>

namespace plait::inline PLAIT_ABI {

namespace detail {

PLAIT_API void check_map_options(const map_options& options);
[[noreturn]] PLAIT_API void throw_map_timeout(std::size_t taken);
/// The slot that was waited for, or timeout_error for map.
[[nodiscard]] PLAIT_API slot room_in_time(future<slot>& wanted, bool in_time, std::size_t taken);

/// The ranges, whatever they are.
template <class R> class map_source {
 public:
  virtual ~map_source() = default;
  [[nodiscard]] virtual bool at_end() = 0;
  /// Submits the next chunk, not at the end. `room`: acquired before; null: nothing is submitted where there is none
  /// now.
  [[nodiscard]] virtual completions::entry submit(executor& pool, slot* room) = 0;
};

template <class Items, class R, class F, class... Views> class ranges_source final : public map_source<R> {
 public:
  template <class... Ranges>
  ranges_source(std::size_t chunk_size, F function, Ranges&&... ranges)
      : chunk_size_(chunk_size),
        function_(std::move(function)),
        views_(std::views::all(std::forward<Ranges>(ranges))...) {
    std::apply([&](auto&... view) { at_.emplace(std::ranges::begin(view)...); }, views_);
  }

  [[nodiscard]] bool at_end() override {
    skip();
    return at_end(std::index_sequence_for<Views...>());
  }

  [[nodiscard]] completions::entry submit(executor& pool, slot* room) override {
    std::optional<slot> place = room ? std::optional<slot>(std::move(*room)) : slot_at_once(pool);
    if (!place) return {};
    map_chunk<R, F, std::ranges::range_value_t<Views>...> next(function_);
    fill(next.items);
    const auto items = next.items.size();
    return {submit_in_slot<Items>(pool, std::move(*place), std::move(next)).handle(), items};
  }

 private:
  template <std::size_t... I> [[nodiscard]] bool at_end(std::index_sequence<I...>) {
    return ((std::get<I>(*at_) == std::ranges::end(std::get<I>(views_))) || ...);
  }
  // An input iterator is moved on only when the next item is wanted: moving on may block or compute.
  void skip() {
    if (std::exchange(taken_, false)) std::apply([](auto&... at) { (++at, ...); }, *at_);
  }
  template <class Items_of_chunk> void fill(Items_of_chunk& items) {
    while (items.size() < chunk_size_ && !at_end()) {
      std::apply([&](auto&... at) { items.add_value(*at...); }, *at_);
      taken_ = true;
    }
  }

  std::size_t chunk_size_;
  F function_;
  std::tuple<Views...> views_;
  std::optional<std::tuple<std::ranges::iterator_t<Views>...>> at_;
  bool taken_ = false;
};

}  // namespace detail

/// The results of executor::map. Off a loop a plain range (`for (auto&& r : results)`), each step of which blocks
/// until its result is there; in a coroutine `while (auto r = co_await results.next())`. An item that failed throws
/// what it threw where it is read; iteration can go on behind it. That is so in a chunk too, and where an item or its
/// result can't travel; but a worker's death, or no memory for the results, is the failure of all items of its chunk.
/// A call that returns nothing
/// gives std::monostate.
/// Move-only. Thread safety: none. Destroying it cancels what is left. The executor must outlive it; ranges that were
/// passed as lvalues too.
template <class R> class [[nodiscard]] map_results {
 public:
  using value_type = detail::stored<R>;
  class iterator;

  map_results(executor& pool, const map_options& options, bool ordered, std::unique_ptr<detail::map_source<R>> source)
      : pool_(&pool),
        source_(std::move(source)),
        chunks_(ordered),
        deadline_(options.timeout ? detail::from_now(*options.timeout) : sync::forever),
        most_in_flight_(options.buffer_size ? std::max<std::size_t>(1, *options.buffer_size / options.chunk_size)
                                            : static_cast<std::size_t>(-1)) {
    refill();
    if (chunks_.empty()) throw_source_error();  // nothing was handed over: map itself says why
  }
  map_results(map_results&&) noexcept = default;
  map_results& operator=(map_results&&) = delete;
  ~map_results() { chunks_.cancel_all(); }

  /// The next result, or nothing at the end. Awaiting suspends until it is there. Throws what the item threw,
  /// cancelled_error where it was cancelled, timeout_error. Cancellation of the waiting task: no item is lost to a
  /// later next().
  [[nodiscard]] task<std::optional<value_type>> next() {
    refill();
    while (!has_current()) {
      if (chunks_.empty()) {
        if (!has_more()) {
          throw_source_error();
          co_return std::nullopt;
        }
        auto wanted = pool_->acquire_slot();
        const bool has_room = co_await detail::deadline_awaiter(wanted.handle(), deadline_);
        auto room = detail::room_in_time(wanted, has_room, taken_);
        submit(&room);
        continue;
      }
      const bool in_time = co_await chunks_.ready_by(deadline_);
      if (!in_time) detail::throw_map_timeout(taken_);
      take_chunk();
    }
    co_return take_current();
  }

  [[nodiscard]] iterator begin() { return iterator(*this); }
  [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }

 private:
  [[nodiscard]] bool has_current() const noexcept { return position_ < current_.size(); }
  [[nodiscard]] bool at_end() { return !has_current() && chunks_.empty() && !has_more() && !source_error_; }

  // What the ranges or submit throw ends the source, and is told once, behind what is on its way already.
  template <class Step> bool attempt(Step step) noexcept {
    try {
      return step();
    } catch (...) {
      source_error_ = detail::caught_exception();
      source_ended_ = true;
      return false;
    }
  }
  void throw_source_error() {
    if (source_error_) std::rethrow_exception(std::exchange(source_error_, nullptr));
  }
  [[nodiscard]] bool has_more() noexcept {
    if (source_ended_) return false;
    const bool more = attempt([&] { return !source_->at_end(); });
    source_ended_ = !more;
    return more;
  }
  bool submit(slot* room) noexcept {
    return attempt([&] {
      const detail::context_scope inside(variables_);
      auto submitted = source_->submit(*pool_, room);
      if (!submitted.state) return false;
      chunks_.add(std::move(submitted));
      return true;
    });
  }
  void refill() noexcept {
    while (chunks_.size() < most_in_flight_ && has_more()) {
      if (!submit(nullptr)) return;  // no room now, and waiting for it must not block here
    }
  }
  void take_chunk() {
    const auto done = chunks_.take();
    position_ = 0;
    current_.clear();
    if (done.state->error())
      while (current_.size() < done.items) current_.add_failure(done.state->error());
    else if (done.state->status() == call_status::finished)
      current_ = std::move(*detail::slot_of<detail::outcomes<R>>(*done.state.get()));
    current_.resize(done.items);  // what is not there was cancelled
    refill();
  }
  value_type take_current() {
    ++taken_;
    return std::move(current_.value(position_++));
  }
  value_type& look_at_current() {
    if (!has_current()) wait_for_current();
    return current_.value(position_);
  }
  void skip_current() {
    if (!has_current()) wait_for_current();
    ++position_;
    ++taken_;
  }
  void wait_for_current() {
    do {
      if (chunks_.empty()) {
        if (!has_more()) {
          throw_source_error();
          detail::throw_invalid_state("plait: map: an iterator that stands at the end was read");
        }
        auto room = detail::wait_for_room(*pool_, deadline_, taken_);
        submit(&room);
        continue;
      }
      if (!chunks_.wait_until(deadline_)) detail::throw_map_timeout(taken_);
      take_chunk();
    } while (!has_current());
  }

  executor* pool_;
  std::unique_ptr<detail::map_source<R>> source_;
  detail::completions chunks_;
  detail::context_copy variables_ = detail::copy_context();  // all items see what map's caller had set
  time_point deadline_;
  std::size_t most_in_flight_;
  std::exception_ptr source_error_;
  bool source_ended_ = false;
  std::size_t taken_ = 0;
  detail::outcomes<R> current_;
  std::size_t position_ = 0;
};

/// An input iterator: reading blocks until the item is there, and throws what the item threw; ++ goes on behind it.
/// What was read is good until then.
template <class R> class map_results<R>::iterator {
 public:
  using value_type = map_results::value_type;
  using difference_type = std::ptrdiff_t;
  using iterator_concept = std::input_iterator_tag;

  iterator() noexcept = default;
  explicit iterator(map_results& from) noexcept : from_(&from) {}

  value_type& operator*() const { return from_->look_at_current(); }
  iterator& operator++() {
    from_->skip_current();
    return *this;
  }
  void operator++(int) { ++*this; }
  friend bool operator==(const iterator& at, std::default_sentinel_t) { return at.is_at_end(); }

 private:
  [[nodiscard]] bool is_at_end() const { return from_->at_end(); }

  map_results* from_ = nullptr;
};

namespace detail {

template <class Items, class R, class F, class... Ranges>
map_results<R> start_map(executor& pool, const map_options& options, bool ordered, F f, Ranges&&... ranges) {
  Items::template require<F, std::ranges::range_value_t<Ranges>...>();
  check_map_options(options);
  using source = ranges_source<Items, R, F, std::views::all_t<Ranges>...>;
  return map_results<R>(pool, options, ordered,
                        std::make_unique<source>(options.chunk_size, std::move(f), std::forward<Ranges>(ranges)...));
}

template <class Self, class Items>
template <class F, std::ranges::input_range... Ranges>
  requires callable_with<F, std::ranges::range_value_t<Ranges>...> && (sizeof...(Ranges) > 0)
map_results<call_result<F, std::ranges::range_value_t<Ranges>...>> submitting<Self, Items>::map(
    const map_options& options, F f, Ranges&&... ranges) {
  using R = call_result<F, std::ranges::range_value_t<Ranges>...>;
  return start_map<Items, R>(self(), options, true, std::move(f), std::forward<Ranges>(ranges)...);
}
template <class Self, class Items>
template <class F, std::ranges::input_range... Ranges>
  requires callable_with<F, std::ranges::range_value_t<Ranges>...> && (sizeof...(Ranges) > 0)
map_results<call_result<F, std::ranges::range_value_t<Ranges>...>> submitting<Self, Items>::map(F f,
                                                                                                Ranges&&... ranges) {
  return map(map_options{}, std::move(f), std::forward<Ranges>(ranges)...);
}
template <class Self, class Items>
template <class F, std::ranges::input_range... Ranges>
  requires callable_with<F, std::ranges::range_value_t<Ranges>...> && (sizeof...(Ranges) > 0)
map_results<call_result<F, std::ranges::range_value_t<Ranges>...>> submitting<Self, Items>::map_unordered(
    const map_options& options, F f, Ranges&&... ranges) {
  using R = call_result<F, std::ranges::range_value_t<Ranges>...>;
  return start_map<Items, R>(self(), options, false, std::move(f), std::forward<Ranges>(ranges)...);
}
template <class Self, class Items>
template <class F, std::ranges::input_range... Ranges>
  requires callable_with<F, std::ranges::range_value_t<Ranges>...> && (sizeof...(Ranges) > 0)
map_results<call_result<F, std::ranges::range_value_t<Ranges>...>> submitting<Self, Items>::map_unordered(
    F f, Ranges&&... ranges) {
  return map_unordered(map_options{}, std::move(f), std::forward<Ranges>(ranges)...);
}

}  // namespace detail
}  // namespace plait::inline PLAIT_ABI
