// What call_soon and its kin give back.
#pragma once

#include <plait/core/home.hpp>
#include <plait/core/sync.hpp>

#include <atomic>
#include <functional>
#include <tuple>
#include <utility>

namespace plait::inline PLAIT_ABI {

namespace detail {

/// A callback in a loop's queue, counted by the loop and the handles.
class PLAIT_API callback : public timed, public recycled {
 public:
  void run() noexcept final;
  void drop() noexcept final { release(); }
  void cancel() noexcept;
  [[nodiscard]] bool cancelled() const noexcept { return cancelled_.load(std::memory_order_acquire); }
  void hold() noexcept { holders_.fetch_add(1, std::memory_order_relaxed); }
  void release() noexcept {
    if (holders_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
  }
  void set_home(home& where) noexcept { home_ = &where; }
  /// When it is to be called; the epoch: as soon as can be.
  [[nodiscard]] time_point when() const noexcept { return when_; }
  void set_when(time_point when) noexcept { when_ = when; }

 protected:
  callback() noexcept = default;  // remembers the context variables of who adds it
  virtual ~callback() = default;

 private:
  virtual void call() = 0;

  home* home_ = nullptr;
  time_point when_{};
  context_copy variables_ = copy_context();
  sync::atomic<std::uint32_t> holders_{1};
  sync::atomic<bool> cancelled_{false};
};

template <class F, class... Args> class typed_callback final : public callback {
 public:
  template <class... Given> explicit typed_callback(Given&&... given) : bound_(std::forward<Given>(given)...) {}

 private:
  void call() override {
    std::apply([](F& f, Args&... args) { std::invoke(std::move(f), std::move(args)...); }, bound_);
  }
  std::tuple<F, Args...> bound_;
};

}  // namespace detail

/// A callback that waits to be called. Dropping the handle changes nothing. Thread-safe.
class PLAIT_API callback_handle {
 public:
  callback_handle() noexcept = default;
  /// Takes over one count.
  explicit callback_handle(detail::callback* owned) noexcept : callback_(owned) {}
  callback_handle(const callback_handle& other) noexcept : callback_(other.callback_) {
    if (callback_) callback_->hold();
  }
  callback_handle(callback_handle&& other) noexcept : callback_(std::exchange(other.callback_, nullptr)) {}
  callback_handle& operator=(callback_handle other) noexcept {
    std::swap(callback_, other.callback_);
    return *this;
  }
  ~callback_handle() {
    if (callback_) callback_->release();
  }

  /// It will not be called, unless it runs at this moment or has run. From another thread a timer keeps its memory
  /// until its time has come.
  void cancel() const noexcept {
    if (callback_) callback_->cancel();
  }
  [[nodiscard]] bool cancelled() const noexcept { return callback_ && callback_->cancelled(); }
  /// When call_later or call_at will call it; the epoch for call_soon.
  [[nodiscard]] time_point when() const noexcept { return callback_ ? callback_->when() : time_point(); }

 private:
  detail::callback* callback_ = nullptr;
};

}  // namespace plait::inline PLAIT_ABI
