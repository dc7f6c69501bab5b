// A callback that is called again and again: a reader's, a writer's, a signal's.
#pragma once

#include <plait/core/config.hpp>
#include <plait/core/context.hpp>

#include <concepts>
#include <functional>
#include <memory>
#include <tuple>
#include <type_traits>
#include <utility>

namespace plait::inline PLAIT_ABI {

/// What can be called as often as wanted with copies of these arguments.
template <class F, class... Args>
concept lasting_callable_with = std::invocable<std::decay_t<F>&, std::decay_t<Args>&...>;

namespace detail {

class PLAIT_API lasting_callback {
 public:
  lasting_callback(const lasting_callback&) = delete;
  lasting_callback& operator=(const lasting_callback&) = delete;
  virtual ~lasting_callback();
  /// With the values of context variables that its maker had set.
  void call() {
    const context_scope inside{context_copy(variables_)};
    invoke();
  }

 protected:
  lasting_callback() noexcept = default;

 private:
  virtual void invoke() = 0;
  const context_copy variables_ = copy_context();
};

template <class F, class... Args> class typed_lasting_callback final : public lasting_callback {
 public:
  template <class... Given>
  explicit typed_lasting_callback(Given&&... given) : bound_(std::forward<Given>(given)...) {}

 private:
  void invoke() override {
    std::apply([](F& f, Args&... args) { std::invoke(f, args...); }, bound_);
  }

  std::tuple<F, Args...> bound_;
};

template <class F, class... Args>
[[nodiscard]] std::unique_ptr<lasting_callback> make_lasting(F&& f, Args&&... args) {
  return std::make_unique<typed_lasting_callback<std::decay_t<F>, std::decay_t<Args>...>>(
      std::forward<F>(f), std::forward<Args>(args)...);
}

}  // namespace detail
}  // namespace plait::inline PLAIT_ABI
