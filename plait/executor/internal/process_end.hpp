// What pools must know of the whole process (that it leaves, that it is a forked child), and how each ends.
#pragma once

#include <plait/core/promise.hpp>
#include <plait/executor/executor.hpp>

#include <memory>

namespace plait::inline PLAIT_ABI::detail {

/// A pool's machinery, as the end of the program sees it.
class ends_with_program {
 public:
  virtual future<bool> begin_shutdown(shutdown_mode mode, nanoseconds deadline) = 0;
  /// Waits for the threads of workers that have left.
  virtual void join() noexcept = 0;
  /// This is a forked child: threads and processes are the parent's.
  [[nodiscard]] virtual bool is_foreign() const noexcept = 0;

 protected:
  ~ends_with_program() = default;
};

/// A shutdown's future gets its value: whether all workers have ended.
void answer_waiting(promise<bool>& waiting, bool ended) noexcept;
/// To be ended, should it still live when the program leaves.
void register_pool(const std::shared_ptr<ends_with_program>& pool);
/// exit() was called or main has returned.
[[nodiscard]] bool process_is_leaving() noexcept;
/// Goes up by one in every forked child.
[[nodiscard]] unsigned fork_generation() noexcept;

}  // namespace plait::inline PLAIT_ABI::detail
