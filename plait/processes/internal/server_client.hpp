// The program's side of the worker server (see server.hpp for the picture): what a pool needs to have workers
// started.
#pragma once

#include <plait/core/config.hpp>
#include <plait/processes/internal/descriptors.hpp>
#include <plait/processes/start_method.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace plait::inline PLAIT_ABI::detail {

struct worker_request {
  std::uint64_t id = 0;  // the caller's; comes back in each event
  std::string name{};    // what the kernel calls the process; of more than 15 bytes it keeps the last ones
  start_method how = start_method::fork_server;
  std::vector<int> descriptors{};  // at most 253; the worker gets copies, in this order
};

/// How a process ended.
struct process_end_status {
  bool signaled = false;     // by a signal; else it exited
  int code = 0;              // the exit code, or the signal
  bool core_dumped = false;  // signaled only
};

struct server_event {
  enum class kind {
    started,       // pid, pidfd. Always before `ended`
    start_failed,  // error, call. No other event comes for this id
    ended,         // pid, status. The process is reaped: its pid may be another's by now
    server_lost,   // the server died, its workers die with it: no event comes any more; open another session
  };
  kind what = kind::server_lost;
  std::uint64_t id = 0;
  pid_t pid = 0;
  unique_fd pidfd;
  int error = 0;     // errno
  std::string call;  // what failed: "fork", "execve", "pidfd_open", ...
  process_end_status status;
};

/// A pool's connection to the worker server. Its end kills the workers that were started over it, at once.
///
/// Thread safety: as a variable. In a child that the user's code forked it is empty: it does nothing, its end
/// neither.
class server_session {
 public:
  server_session() noexcept = default;
  explicit server_session(private_fd socket) noexcept : socket_(std::move(socket)) {}
  server_session(server_session&&) noexcept = default;
  server_session& operator=(server_session&& other) noexcept {
    if (this == &other) return *this;
    close();
    socket_ = std::move(other.socket_);
    return *this;
  }
  ~server_session() { close(); }

  /// To be polled for being readable; -1 for an empty session.
  [[nodiscard]] int descriptor() const noexcept { return socket_.get(); }

  /// Asks for a worker; never waits. The request's descriptors may be closed when it returns. Throws
  /// std::invalid_argument for too many descriptors, std::system_error where the message can't be sent: EAGAIN where
  /// about 200 requests are unanswered (ask again after an event), ETOOMANYREFS or EMFILE at the limit of
  /// descriptors; invalid_state_error for an empty session. Where the server is lost it does nothing: next() tells.
  void start(const worker_request& request);

  /// The next thing that happened; nothing where there is none yet. Never waits.
  [[nodiscard]] std::optional<server_event> next();

  void close() noexcept;

 private:
  private_fd socket_;
};

/// Connects to the program's worker server, which is started if there is none. Takes as long as an exec takes to
/// begin (about a millisecond), not until the server is up: requests wait for it in the socket. Thread-safe. Throws
/// broken_executor with why_cannot_start_workers(); std::system_error naming the call that failed, "execve
/// /proc/self/exe" among them; invalid_state_error in a static constructor that runs in the worker server.
[[nodiscard]] PLAIT_API server_session open_session();

/// Workers can be started from this program: why_cannot_start_workers() says nothing.
[[nodiscard]] PLAIT_API bool can_start_workers() noexcept;
/// A sentence (without "plait: " before it) that says why workers can't be started; empty where they can.
[[nodiscard]] PLAIT_API std::string why_cannot_start_workers();

/// After `server_lost`: where this process is the one that gets orphans (it is pid 1, or a subreaper), the worker is
/// its child now, and would stay a zombie. Kills it and waits for its end; the server's too. Elsewhere it does
/// nothing.
void bury_orphan(int worker_pidfd) noexcept;

/// The server's process id, 0 where none was started or it is known to be lost. For tests and for introspection.
[[nodiscard]] PLAIT_API pid_t server_pid() noexcept;

}  // namespace plait::inline PLAIT_ABI::detail
