#include <plait/core/errors.hpp>
#include <plait/core/report.hpp>
#include <plait/processes/internal/server_client.hpp>
#include <plait/processes/internal/server_messages.hpp>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>

#include <sys/socket.h>

namespace plait::inline PLAIT_ABI::detail {
namespace {

/// The server found threads in itself: told once in the program's life.
void tell_of_threads(unsigned threads) {
  static std::atomic<bool> told{false};  // pairs with nothing but itself
  if (threads == 0 || told.exchange(true, std::memory_order_relaxed)) return;
  report(severity::warning,
         "plait: the worker server has " + std::to_string(threads) +
             " threads (static constructors or preloaded libraries have started them), and such a process must not "
             "fork: "
             "each worker is started by exec, which takes some milliseconds and runs the static constructors anew");
}

/// Those that a message has room for; ours is not stopped by what another one has in it.
bool is_known(std::uint32_t kind) noexcept {
  return kind < static_cast<std::uint32_t>(server_event::kind::server_lost);
}

}  // namespace

void server_session::start(const worker_request& request) {
  if (!socket_)
    throw invalid_state_error("plait: this session is closed, or belongs to the process that forked this one");
  if (request.descriptors.size() > most_descriptors_in_message)
    throw_invalid_argument("descriptors", std::to_string(request.descriptors.size()) + " of them", "at most 253");
  request_message message;
  message.id = request.id;
  message.how = request.how;
  const auto skipped = request.name.size() - std::min(request.name.size(), longest_process_name);
  request.name.copy(message.name.data(), longest_process_name, skipped);
  const int error = send_message(socket_.get(), std::as_bytes(std::span(&message, 1)), request.descriptors);
  if (error != 0 && error != EPIPE && error != ECONNRESET) throw_system_error(error, "sendmsg to the worker server");
}

std::optional<server_event> server_session::next() {
  if (!socket_) return std::nullopt;
  event_message message;
  auto received = receive_message(socket_.get(), std::as_writable_bytes(std::span(&message, 1)));
  if (received.what == received_message::result::nothing_yet) return std::nullopt;
  std::optional<server_event> event(std::in_place);
  if (received.what == received_message::result::closed || received.size != sizeof message || !is_known(message.what))
    return event;

  event->what = static_cast<server_event::kind>(message.what);
  event->id = message.id;
  event->pid = message.pid;
  event->error = message.error;
  event->call.assign(message.call.data(), ::strnlen(message.call.data(), message.call.size()));
  event->status = {message.signaled != 0, message.code, message.core_dumped != 0};
  if (event->what != server_event::kind::started) return event;

  tell_of_threads(message.threads);
  if (received.descriptors.size() == 1) {
    event->pidfd = std::move(received.descriptors.front());
    return event;
  }
  // A worker that can't be watched is none.
  request_message forget;
  forget.id = message.id;
  forget.what = request_message::kind::forget;
  static_cast<void>(send_message(socket_.get(), std::as_bytes(std::span(&forget, 1)), {}));
  event->what = server_event::kind::start_failed;
  event->error = EMFILE;
  event->call = "recvmsg";
  return event;
}

void server_session::close() noexcept {
  // Shut down, not only closed: a child made without fork()'s handlers may have a copy.
  if (socket_) ::shutdown(socket_.get(), SHUT_RDWR);
  socket_.reset();
}

}  // namespace plait::inline PLAIT_ABI::detail
