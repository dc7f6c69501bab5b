// The typed skin of a work item: the callable, its arguments, its result.
#pragma once

#include <plait/core/copyable.hpp>
#include <plait/core/future.hpp>
#include <plait/executor/work_item.hpp>

#include <concepts>
#include <functional>
#include <memory>
#include <new>
#include <optional>
#include <ranges>
#include <stop_token>
#include <tuple>
#include <type_traits>
#include <utility>

namespace plait::inline PLAIT_ABI {

namespace detail {

template <class F, class... Args>
concept called_with_token = std::invocable<std::decay_t<F>, std::stop_token, std::decay_t<Args>...>;

template <class F, class... Args> struct call_traits {
  using result = std::invoke_result<std::decay_t<F>, std::decay_t<Args>...>;
};
template <class F, class... Args>
  requires called_with_token<F, Args...>
struct call_traits<F, Args...> {
  using result = std::invoke_result<std::decay_t<F>, std::stop_token, std::decay_t<Args>...>;
};

}  // namespace detail

/// What can be handed to an executor: a callable for these arguments, which may take a std::stop_token before them.
/// Callable and arguments are copied or moved into the call (as std::thread does it; std::ref for a reference), and
/// are given to the callable as rvalues.
template <class F, class... Args>
concept callable_with =
    detail::called_with_token<F, Args...> || std::invocable<std::decay_t<F>, std::decay_t<Args>...>;

/// What the future of such a call holds: what the callable returns, by value.
template <class F, class... Args>
using call_result = std::decay_t<typename detail::call_traits<F, Args...>::result::type>;

namespace detail {

/// A handle of memory that others hold too, and that no call copies.
template <class T>
concept goes_by_handle = requires { typename T::goes_by_handle; };

/// About what an argument takes beyond its own size.
template <class T> [[nodiscard]] std::size_t bytes_behind(const T& value) noexcept {
  if constexpr (goes_by_handle<T>)
    return 0;
  else if constexpr (std::ranges::contiguous_range<const T> && std::ranges::sized_range<const T>)
    return std::ranges::size(value) * sizeof(std::ranges::range_value_t<const T>);
  else
    return 0;
}

/// One for this process: a thread's.
template <class F, class... Args> class call : public with_result<call_result<F, Args...>, work_item> {
  using base = with_result<call_result<F, Args...>, work_item>;
  using R = call_result<F, Args...>;
  using payload = std::pair<F, std::tuple<Args...>>;

 public:
  static constexpr bool copyable = detail::copyable<F> && (detail::copyable<Args> && ...);

  template <class... Given>
  explicit call(const work_item::layout& behind, F&& f, Given&&... args)
      : base(behind), payload_(std::move(f), std::tuple<Args...>(std::forward<Given>(args)...)) {
    this->holds_payload_ = true;
  }
  template <class... Given>
  explicit call(const work_item::layout& behind, const F& f, Given&&... args)
      : base(behind), payload_(f, std::tuple<Args...>(std::forward<Given>(args)...)) {
    this->holds_payload_ = true;
  }
  call(const call&) = delete;
  call& operator=(const call&) = delete;
  ~call() { call::discard(); }

  [[nodiscard]] bool takes_stop_token() const noexcept override { return called_with_token<F, Args...>; }
  [[nodiscard]] std::size_t bytes() const noexcept override {
    return sizeof(call) + (this->holds_payload_
                               ? std::apply([](const auto&... a) { return (std::size_t{0} + ... + bytes_behind(a)); },
                                            payload_.second)
                               : 0);
  }

 protected:
  using result = R;
  [[nodiscard]] const payload& insides() const { return payload_; }
  [[nodiscard]] std::optional<stored<R>>& value() noexcept { return this->value_; }

 private:
  void invoke(call_environment& environment, bool last) override {
    if constexpr (copyable) {
      if (!last) {
        payload attempt = payload_;
        return keep(environment, attempt);
      }
    }
    keep(environment, payload_);
    call::discard();
  }
  void keep(call_environment& environment, payload& p) {
    std::apply(
        [&](Args&... args) {
          if constexpr (called_with_token<F, Args...>)
            keep_value([&]() -> decltype(auto) {
              return std::invoke(std::move(p.first), environment.stop_token(), std::move(args)...);
            });
          else
            keep_value([&]() -> decltype(auto) { return std::invoke(std::move(p.first), std::move(args)...); });
        },
        p.second);
  }
  template <class Run> void keep_value(Run run) {
    if constexpr (std::is_void_v<R>) {
      run();
      this->value_.emplace();
    } else {
      this->value_.emplace(run());
    }
  }
  void discard() noexcept override {
    if (std::exchange(this->holds_payload_, false)) std::destroy_at(&payload_);
  }
  void destroy() noexcept override {
    const auto size = this->size_with_what_is_behind();
    std::destroy_at(this);
    give_lines(this, size);
  }

  union {
    payload payload_;  // where holds_payload_: until the call has run or was dropped
  };
};

/// A new item with one handle, not yet accepted by anybody. Item is call<F, Args...> or derived from it.
template <class Item, class F, class... Args>
[[nodiscard]] Item& make_work_item(const call_options& options, F&& f, Args&&... args) {
  static_assert(alignof(Item) <= __STDCPP_DEFAULT_NEW_ALIGNMENT__, "plait: over-aligned arguments are not supported");
  work_item::layout behind;
  void* const memory = allocate_work_item(sizeof(Item), Item::copyable, options, behind);
  try {
    auto* const made = ::new (memory) Item(behind, std::forward<F>(f), std::forward<Args>(args)...);
    if (behind.size() != sizeof(Item)) fill_behind(memory, behind, options);
    return *made;
  } catch (...) {
    give_lines(memory, behind.size());
    throw;
  }
}

/// Makes the items of an executor that runs calls in this process.
struct items_for_threads {
  /// Does not compile where such a call can't be made.
  template <class F, class... Args> static constexpr void require() noexcept {}

  template <class F, class... Args>
  [[nodiscard]] static auto& make(const call_options& options, F&& f, Args&&... args) {
    return make_work_item<call<std::decay_t<F>, std::decay_t<Args>...>>(options, std::forward<F>(f),
                                                                        std::forward<Args>(args)...);
  }
};

}  // namespace detail
}  // namespace plait::inline PLAIT_ABI
