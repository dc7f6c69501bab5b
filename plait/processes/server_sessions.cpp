#include <plait/processes/internal/server_sessions.hpp>
#include <plait/processes/internal/server_worker.hpp>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <string_view>

#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

namespace plait::inline PLAIT_ABI::detail {
namespace {

constexpr auto p_pidfd = static_cast<idtype_t>(3);  // P_PIDFD; older headers lack it

event_message event_of(server_event::kind what, std::uint64_t id) {
  event_message event;
  event.id = id;
  event.what = static_cast<std::uint32_t>(what);
  return event;
}

/// Sent, or never to be: what can't be sent now but later is EAGAIN.
bool sent(int socket, const event_message& event, const private_fd* pidfd) {
  const auto bytes = std::as_bytes(std::span(&event, 1));
  const int number = pidfd && *pidfd ? pidfd->get() : -1;
  int error = send_message(socket, bytes, std::span(&number, number < 0 ? 0 : 1));
  // No more descriptors may be under way for this user: then without it, and the program says that it has lost it.
  if (error == ETOOMANYREFS) error = send_message(socket, bytes, {});
  return error != EAGAIN && error != ENOBUFS && error != ENOMEM;
}

void signal_by(const private_fd& pidfd, int signal) noexcept {
  ::syscall(SYS_pidfd_send_signal, pidfd.get(), signal, nullptr, 0);
}

}  // namespace

void served_session::add_to(std::vector<pollfd>& polled) const {
  const auto wanted = static_cast<short>(unsent_.empty() ? POLLIN : POLLIN | POLLOUT);
  polled.push_back({socket_.get(), wanted, 0});  // poll() passes over -1
  for (const auto& w : workers_) polled.push_back({w.pidfd.get(), POLLIN, 0});
}

const pollfd* served_session::handle(const pollfd* polled) {
  const pollfd& connection = *polled++;
  const auto count = workers_.size();
  std::size_t index = 0;
  std::erase_if(workers_, [&](worker& w) { return polled[index++].revents != 0 && reap(w); });
  if (connection.revents & POLLOUT) tell_unsent();
  if (connection.revents & ~POLLOUT) receive();
  return polled + count;
}

void served_session::receive() {
  using result = received_message::result;
  while (socket_) {
    request_message request;
    auto received = receive_message(socket_.get(), std::as_writable_bytes(std::span(&request, 1)));
    if (received.what == result::nothing_yet) return;
    if (received.what == result::closed || received.size != sizeof request) return close();
    if (request.what == request_message::kind::forget) {
      forget(request.id);
    } else if (received.descriptors_lost) {
      refuse(request.id, EMFILE, "recvmsg");
    } else {
      start(request, std::move(received.descriptors));
    }
  }
}

void served_session::start(const request_message& request, std::vector<unique_fd> descriptors) {
  auto made = make_worker(request, std::move(descriptors));
  if (made.error != 0) return refuse(request.id, made.error, made.call);
  auto event = event_of(server_event::kind::started, request.id);
  event.pid = made.pid;
  event.threads = made.threads;
  workers_.push_back({request.id, made.pid, std::move(made.pidfd), false});
  tell(event, &workers_.back().pidfd);
}

void served_session::refuse(std::uint64_t id, int error, const char* call) {
  auto event = event_of(server_event::kind::start_failed, id);
  event.error = error;
  std::string_view(call).copy(event.call.data(), event.call.size() - 1);
  tell(event);
}

void served_session::forget(std::uint64_t id) noexcept {
  const auto found = std::ranges::find(workers_, id, &worker::id);
  if (found == workers_.end()) return;
  found->forgotten = true;
  signal_by(found->pidfd, SIGKILL);
}

// In their order: nothing overtakes what is unsent.
void served_session::tell(const event_message& event, const private_fd* pidfd) {
  if (!socket_) return;
  if (unsent_.empty() && sent(socket_.get(), event, pidfd)) return;
  private_fd copy;
  if (pidfd) copy = private_fd(unique_fd(::fcntl(pidfd->get(), F_DUPFD_CLOEXEC, STDERR_FILENO + 1)));
  unsent_.push_back({event, std::move(copy)});
}

void served_session::tell_unsent() {
  while (!unsent_.empty() && sent(socket_.get(), unsent_.front().event, &unsent_.front().pidfd)) unsent_.pop_front();
}

bool served_session::reap(worker& ended) {
  siginfo_t info{};
  if (::waitid(p_pidfd, static_cast<id_t>(ended.pidfd.get()), &info, WEXITED | WNOHANG) == 0 && info.si_pid == 0)
    return false;
  if (ended.forgotten) return true;
  auto event = event_of(server_event::kind::ended, ended.id);
  event.pid = ended.pid;
  event.code = info.si_status;
  event.signaled = info.si_code != CLD_EXITED;
  event.core_dumped = info.si_code == CLD_DUMPED;
  tell(event);
  return true;
}

void served_session::close() noexcept {
  socket_.reset();
  unsent_.clear();
  kill_all();
}

void served_session::kill_all() noexcept {
  for (const auto& w : workers_) signal_by(w.pidfd, SIGKILL);
}

void served_session::reap_all() noexcept {
  for (const auto& w : workers_) {
    siginfo_t info{};
    while (::waitid(p_pidfd, static_cast<id_t>(w.pidfd.get()), &info, WEXITED) != 0 && errno == EINTR) {
    }
  }
  workers_.clear();
}

}  // namespace plait::inline PLAIT_ABI::detail
