// Waiting in a coroutine until a descriptor can be read or written.
#pragma once

#include <plait/core/home.hpp>

#include <coroutine>
#include <cstdint>

namespace plait::inline PLAIT_ABI {

namespace detail {

class descriptor_table;
struct watched_descriptor;

/// Which way a descriptor is waited for.
enum class direction : std::uint8_t { reading, writing };

class PLAIT_API descriptor_awaiter final : public suspension {
 public:
  /// Throws std::invalid_argument for a negative one.
  descriptor_awaiter(int descriptor, direction way);
  descriptor_awaiter(descriptor_awaiter&& other) noexcept
      : suspension(), descriptor_(other.descriptor_), way_(other.way_) {}
  ~descriptor_awaiter() = default;

  [[nodiscard]] bool await_ready() const noexcept { return false; }
  template <class Promise> bool await_suspend(std::coroutine_handle<Promise> coroutine) {
    if (this->begin(coroutine, name())) return false;
    start();
    return true;
  }
  void await_resume() const { resumed(); }

 private:
  friend class descriptor_table;
  [[nodiscard]] const char* name() const noexcept;
  void start();
  [[nodiscard]] withdrawal withdraw() noexcept override;

  const int descriptor_;
  const direction way_;
  watched_descriptor* watched_ = nullptr;   // where it stands in a list; null where it does not wait
  descriptor_awaiter* next_ = nullptr;      // that came after it
  descriptor_awaiter* previous_ = nullptr;  // that came before it
};

}  // namespace detail

/// Suspends the coroutine until `descriptor` can be read without blocking: there is something, or its end, or an
/// error that the read will tell. `while ((n = ::read(fd, …)) < 0 && errno == EAGAIN) co_await plait::readable(fd);`
///
/// Any number of coroutines may wait for one descriptor; all of them are woken, and all but one may find nothing to
/// read: make it non-blocking, and ask again. Regular files are always ready (reading them blocks all the same: hand
/// that to an executor).
/// On the running loop's thread. Cancellation: at once; nothing is lost.
/// Throws std::invalid_argument where the descriptor is negative; when awaited, std::system_error where it is not
/// open or can't be watched, no_running_loop_error. A descriptor must stay open while somebody waits for it: else who
/// waits does so until cancelled, or until the same number is waited for again.
[[nodiscard]] inline auto readable(int descriptor) {
  return detail::descriptor_awaiter(descriptor, detail::direction::reading);
}
/// The same until `descriptor` can be written without blocking.
[[nodiscard]] inline auto writable(int descriptor) {
  return detail::descriptor_awaiter(descriptor, detail::direction::writing);
}

}  // namespace plait::inline PLAIT_ABI
