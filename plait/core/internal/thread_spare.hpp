// Memory that a thread keeps for the next time.
#pragma once

#include <plait/core/config.hpp>

#include <memory>
#include <utility>

namespace plait::inline PLAIT_ABI::detail {

/// One spare T of each thread. May be used while the thread ends, and after it in static destructors, when a
/// thread_local object with a destructor is gone already: then nothing is kept.
template <class T> class thread_spare {
 public:
  /// Null where there is none.
  [[nodiscard]] static std::unique_ptr<T> take() noexcept {
    return std::unique_ptr<T>(std::exchange(kept_, nullptr));
  }
  static void give(std::unique_ptr<T> spare) noexcept {
    if (over_) return;
    static thread_local const ending at_end;
    static_cast<void>(at_end);
    delete std::exchange(kept_, spare.release());
  }

 private:
  struct ending {
    ending() noexcept {}
    ~ending() {
      over_ = true;
      delete std::exchange(kept_, nullptr);
    }
  };
  // Without destructors, so that they can be read for as long as the thread runs code at all.
  static inline constinit thread_local T* kept_ = nullptr;
  static inline constinit thread_local bool over_ = false;
};

}  // namespace plait::inline PLAIT_ABI::detail
