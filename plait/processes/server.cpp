#include <plait/processes/internal/server.hpp>
#include <plait/processes/internal/server_sessions.hpp>
#include <plait/processes/internal/server_worker.hpp>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <list>

#include <unistd.h>

namespace plait::inline PLAIT_ABI::detail {
namespace {

class server {
 public:
  server(private_fd main_socket, private_fd lifeline) noexcept
      : main_socket_(std::move(main_socket)), lifeline_(std::move(lifeline)) {}

  /// Until the program ends.
  void run() {
    while (true) {
      wait();
      if (polled_[0].revents != 0) return;
      const bool sessions_come = polled_[1].revents != 0;
      const pollfd* rest = polled_.data() + 2;
      for (auto& session : sessions_) rest = session.handle(rest);
      std::erase_if(sessions_, [](const auto& session) { return session.is_over(); });
      if (sessions_come && !take_sessions()) return;
    }
  }

  void end_workers() noexcept {
    for (auto& session : sessions_) session.kill_all();
    for (auto& session : sessions_) session.reap_all();
  }

 private:
  void wait() {
    polled_.assign({{lifeline_.get(), POLLIN, 0}, {main_socket_.get(), POLLIN, 0}});
    for (const auto& session : sessions_) session.add_to(polled_);
    while (::poll(polled_.data(), polled_.size(), -1) < 0)
      if (errno != EINTR && errno != EAGAIN) throw_system_error(errno, "poll");
  }

  /// False: the program is gone, or has become another.
  bool take_sessions() {
    using result = received_message::result;
    while (true) {
      session_message message{};
      auto received = receive_message(main_socket_.get(), std::as_writable_bytes(std::span(&message, 1)));
      if (received.what == result::nothing_yet) return true;
      if (received.what == result::closed || message.magic != session_message::expected) return false;
      // Where this process had no room for the descriptor it is closed by now, and the session knows.
      for (auto& descriptor : received.descriptors) sessions_.emplace_back(private_fd(std::move(descriptor)));
    }
  }

  const private_fd main_socket_;
  const private_fd lifeline_;
  std::list<served_session> sessions_;
  std::vector<pollfd> polled_;
};

}  // namespace

void run_server(private_fd main_socket, private_fd lifeline) {
  set_server_signals();
  // What static constructors printed: else each worker would, once more.
  std::cout.flush();
  std::clog.flush();
  std::fflush(nullptr);
  server server(std::move(main_socket), std::move(lifeline));
  server.run();
  server.end_workers();
  ::_exit(EXIT_SUCCESS);
}

}  // namespace plait::inline PLAIT_ABI::detail
