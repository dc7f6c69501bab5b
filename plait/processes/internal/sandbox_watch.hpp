// The parent's eye on one sandboxed worker.
//
//     worker                      kernel                             parent, the attendant's thread
//     ──────                      ──────                             ──────────────────────────────
//     enters its sandbox ─────────── the filter's listener, over the handover ─► look(): watching
//     a call: open("/etc/passwd")
//       │ stops inside openat ──► listener is readable ────────────► look(): violation, "openat"
//       ✗ ◄────────────────────── SIGKILL ◄───────────────────────── kill_worker
//
// The kernel says which system call it was; nothing is read of the worker's. The call is never let go on: the worker
// dies inside it.
#pragma once

#include <plait/core/config.hpp>
#include <plait/processes/internal/descriptors.hpp>

#include <string>

namespace plait::inline PLAIT_ABI::detail {

class sandbox_watch {
 public:
  struct news {
    enum class kind {
      none,       // as yet
      watching,   // it is inside; descriptor() is another now
      violation,  // system_call
      lost,       // the listener came, and this process had no room for it: nobody would see a violation
      over,       // nothing comes any more
    } what = kind::none;
    std::string system_call{};
  };

  /// Watches nobody.
  sandbox_watch() noexcept = default;
  explicit sandbox_watch(private_fd handover) noexcept : handover_(std::move(handover)) {}

  /// To be polled for being readable.
  [[nodiscard]] int descriptor() const noexcept { return listener_ ? listener_.get() : handover_.get(); }
  /// Never waits.
  [[nodiscard]] news look();

 private:
  [[nodiscard]] news take_listener();

  private_fd handover_;
  private_fd listener_;
};

}  // namespace plait::inline PLAIT_ABI::detail
