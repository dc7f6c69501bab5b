// The server's side of a session: a pool's connection, its workers, what it has not taken yet.
#pragma once

#include <plait/core/config.hpp>
#include <plait/processes/internal/descriptors.hpp>
#include <plait/processes/internal/server_messages.hpp>

#include <deque>
#include <vector>

#include <poll.h>
#include <sys/types.h>

namespace plait::inline PLAIT_ABI::detail {

class served_session {
 public:
  explicit served_session(private_fd socket) noexcept : socket_(std::move(socket)) {}

  /// Adds what it waits for. handle() gets back as many, from the same place.
  void add_to(std::vector<pollfd>& polled) const;
  /// Does what poll() says can be done; returns what follows its own part. Does not return in a new worker.
  const pollfd* handle(const pollfd* polled);

  /// Its connection is closed, and the last of its workers is reaped.
  [[nodiscard]] bool is_over() const noexcept { return !socket_ && workers_.empty(); }

  void kill_all() noexcept;
  void reap_all() noexcept;  // waits

 private:
  struct worker {
    std::uint64_t id;
    pid_t pid;
    private_fd pidfd;
    bool forgotten;  // its end is not told
  };
  struct unsent {
    event_message event;
    private_fd pidfd;
  };

  void receive();
  void start(const request_message& request, std::vector<unique_fd> descriptors);
  void refuse(std::uint64_t id, int error, const char* call);
  void forget(std::uint64_t id) noexcept;
  void tell(const event_message& event, const private_fd* pidfd = nullptr);
  void tell_unsent();
  bool reap(worker& ended);
  void close() noexcept;

  private_fd socket_;
  std::vector<worker> workers_;
  std::deque<unsent> unsent_;
};

}  // namespace plait::inline PLAIT_ABI::detail
