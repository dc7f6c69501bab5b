// How each of several things ended, as the items of a chunk of executor::map.
#pragma once

#include <plait/core/outcome.hpp>
#include <plait/core/state.hpp>

#include <concepts>
#include <cstddef>
#include <exception>
#include <utility>
#include <variant>
#include <vector>

namespace plait::inline PLAIT_ABI::detail {

/// As a std::vector<outcome<T>>; but where each has a value, which is the rule, only the values are kept, side by
/// side. The first that has none moves all of them into outcomes, which takes memory: where that can't be had,
/// std::bad_alloc, and all is as it was.
///
/// Thread safety: none.
template <class T> class outcomes {
 public:
  using value_type = stored<T>;
  struct place {  // so that bool has an address too
    value_type value;
  };

  [[nodiscard]] std::size_t size() const noexcept { return all_values_ ? values_.size() : mixed_.size(); }
  [[nodiscard]] bool all_values() const noexcept { return all_values_; }
  void reserve(std::size_t count) { values_.reserve(count); }
  void clear() noexcept {
    values_.clear();
    mixed_.clear();
    all_values_ = true;
  }

  template <class... Args>
    requires std::constructible_from<value_type, Args...>
  void add_value(Args&&... args) {
    if (all_values_) return values_.push_back({value_type(std::forward<Args>(args)...)});
    outcome<T> one;
    one.emplace(std::forward<Args>(args)...);
    mixed_.push_back(std::move(one));
  }
  void add(outcome<T> one) {
    if (one.has_value()) {
      if constexpr (std::is_void_v<T>)
        add_value();
      else
        add_value(std::move(one).value());
    } else {
      mix();
      mixed_.push_back(std::move(one));
    }
  }
  void add_failure(std::exception_ptr error) { add(outcome<T>(std::move(error))); }
  void add_cancelled() { add(outcome<T>()); }

  /// Places for so many values more. Only where all have values.
  [[nodiscard]] place* add_values(std::size_t count)
    requires std::default_initializable<value_type>
  {
    values_.resize(values_.size() + count);
    return values_.data() + values_.size() - count;
  }
  /// Only where all have values.
  [[nodiscard]] const place* values() const noexcept { return values_.data(); }

  /// The last ones go; or further ones are cancelled.
  void resize(std::size_t count) {
    while (size() < count) add_cancelled();
    if (all_values_)
      values_.erase(values_.begin() + static_cast<std::ptrdiff_t>(count), values_.end());
    else
      mixed_.resize(count);
  }

  [[nodiscard]] bool has_value(std::size_t i) const noexcept { return all_values_ || mixed_[i].has_value(); }
  [[nodiscard]] bool cancelled(std::size_t i) const noexcept { return !all_values_ && mixed_[i].cancelled(); }
  /// Null where it has none.
  [[nodiscard]] std::exception_ptr exception(std::size_t i) const noexcept {
    return all_values_ ? nullptr : mixed_[i].exception();
  }

  /// Throws what it ended with, or cancelled_error.
  [[nodiscard]] value_type& value(std::size_t i) { return get(*this, i); }
  [[nodiscard]] const value_type& value(std::size_t i) const { return get(*this, i); }

 private:
  template <class Self> static auto& get(Self& self, std::size_t i) {
    if (self.all_values_) return self.values_[i].value;
    if constexpr (std::is_void_v<T>) {
      self.mixed_[i].value();
      return self.nothing_;
    } else {
      return self.mixed_[i].value();
    }
  }
  void mix() {
    if (!all_values_) return;
    std::vector<outcome<T>> mixed;
    mixed.reserve(values_.capacity());
    for (auto& each : values_) mixed.emplace_back().emplace(std::move_if_noexcept(each.value));
    mixed_ = std::move(mixed);
    std::vector<place>().swap(values_);
    all_values_ = false;
  }

  std::vector<place> values_;
  std::vector<outcome<T>> mixed_;
  bool all_values_ = true;
  [[no_unique_address]] std::monostate nothing_;
};

}  // namespace plait::inline PLAIT_ABI::detail
