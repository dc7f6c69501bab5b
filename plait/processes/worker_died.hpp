// What the future of a call gets whose worker process died.
#pragma once

#include <plait/core/config.hpp>

#include <stdexcept>
#include <string>

#include <sys/types.h>

namespace plait::inline PLAIT_ABI {

/// The worker process ended while it ran this call: killed by a signal, or it left by exit() with whatever code. Only
/// this call fails; the others go on in other workers.
class PLAIT_API worker_died : public std::runtime_error {
 public:
  struct details {
    pid_t pid = 0;
    int signal = 0;            ///< that killed it; 0 where it left by itself
    int exit_code = 0;         ///< where it left by itself
    std::string cause = {};    ///< what the pool knows beyond that; may be empty
    std::string call = {};     ///< the call's name; may be empty
    std::string last_lines{};  ///< of what it wrote to its stderr
  };
  explicit worker_died(details what_happened);
  ~worker_died() override;

  [[nodiscard]] pid_t pid() const noexcept { return details_.pid; }
  [[nodiscard]] int signal() const noexcept { return details_.signal; }
  [[nodiscard]] int exit_code() const noexcept { return details_.exit_code; }
  [[nodiscard]] const std::string& call() const noexcept { return details_.call; }
  /// The last lines that it wrote to its stderr; the log's lines are not among them.
  [[nodiscard]] const std::string& last_lines() const noexcept { return details_.last_lines; }

 private:
  details details_;
};

}  // namespace plait::inline PLAIT_ABI
