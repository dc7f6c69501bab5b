#include <plait/core/errors.hpp>
#include <plait/processes/internal/server_client.hpp>
#include <plait/processes/internal/server_exec.hpp>
#include <plait/processes/internal/server_messages.hpp>
#include <plait/processes/internal/takeover.hpp>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <mutex>
#include <new>
#include <system_error>

#include <poll.h>
#include <pthread.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

namespace plait::inline PLAIT_ABI::detail {
namespace {

constexpr int deepest_pool = 10;

/// Waits for it where it is a child of this process.
void kill_and_reap(int pidfd) noexcept {
  ::syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, nullptr, 0);
  constexpr auto p_pidfd = static_cast<idtype_t>(3);  // P_PIDFD; older headers lack it
  siginfo_t info{};
  while (::waitid(p_pidfd, static_cast<id_t>(pidfd), &info, WEXITED) != 0 && errno == EINTR) {
  }
}

/// The program's worker server, as the program knows it.
class server_client {
 public:
  // Never destroyed: a pool of static storage may open its session in a static constructor, or in a destructor.
  static server_client& instance() {
    static server_client& made = *[] {
      auto* const client = new server_client;
      // A child that the user's code forks has a server of its own, when it needs one. Its descriptors of this one
      // are closed; another thread of the parent may have held the lock.
      pthread_atfork(nullptr, nullptr, [] { new (&instance().lock_) std::mutex; });
      return client;
    }();
    return made;
  }

  server_session open() {
    const std::lock_guard locked(lock_);
    if (main_socket_ && is_lost()) forget();
    while (true) {
      if (!main_socket_) start();
      auto [ours, theirs] = make_socket_pair();
      const session_message message;
      const int number = theirs.get();
      const int error =
          send_message(main_socket_.get(), std::as_bytes(std::span(&message, 1)), std::span(&number, 1));
      if (error == 0) return server_session(std::move(ours));
      if (error != EPIPE && error != ECONNRESET) throw_system_error(error, "sendmsg to the worker server");
      forget();  // it died just now
    }
  }

  void forget_lost() noexcept {
    const std::lock_guard locked(lock_);
    if (main_socket_ && is_lost()) forget();
  }

  pid_t pid() noexcept {
    const std::lock_guard locked(lock_);
    return main_socket_ && !is_lost() ? pid_ : 0;
  }

 private:
  void start() {
    auto [ours, theirs] = make_socket_pair();
    const private_fd lifeline(
        above_stdio(static_cast<int>(::syscall(SYS_pidfd_open, ::getpid(), 0)), "pidfd_open of this process"));
    const std::string program = program_invocation_short_name;
    constexpr std::string_view suffix = ":workers";
    auto server = exec_self({.role = "server",
                             .name = program.substr(0, longest_process_name - suffix.size()).append(suffix),
                             .command_line = std::string(program_invocation_name).append(suffix),
                             .depth = pool_depth() + 1,
                             .kept = {theirs.get(), lifeline.get()},
                             .kin = kinship::orphan});
    if (server.error != 0)
      throw std::system_error(server.error, std::system_category(),
                              std::string("plait: starting the worker server: ") + server.call);
    main_socket_ = std::move(ours);
    pidfd_ = private_fd(std::move(server.pidfd));
    pid_ = server.pid;
  }

  // Its socket is closed, or it has ended; whichever is seen first.
  bool is_lost() const noexcept {
    pollfd polled[] = {{main_socket_.get(), POLLIN, 0}, {pidfd_.get(), POLLIN, 0}};
    return ::poll(polled, 2, 0) > 0;
  }

  void forget() noexcept {
    main_socket_.reset();
    // Orphans are children of a process that is pid 1 or a subreaper: it would stay a zombie there. For others:
    // ECHILD.
    kill_and_reap(pidfd_.get());
    pidfd_.reset();
    pid_ = 0;
  }

  std::mutex lock_;         // guards all below
  private_fd main_socket_;  // empty: there is no server
  private_fd pidfd_;
  pid_t pid_ = 0;
};

/// Static constructors run in the server and in workers made by exec as well: what starts a server there never ends.
bool runs_static_constructors_of_worker() noexcept {
  return takeover().mark || (!takeover().ran && std::getenv(mark_variable) && ::getauxval(AT_SECURE) == 0);
}

}  // namespace

server_session open_session() {
  if (runs_static_constructors_of_worker())
    throw invalid_state_error(
        "plait: a static constructor starts workers; those run it too, before they work, so it can't. Start them "
        "from "
        "main");
  if (!can_start_workers()) throw broken_executor("plait: workers can't be started: " + why_cannot_start_workers());
  return server_client::instance().open();
}

std::string why_cannot_start_workers() {
  if (::getauxval(AT_SECURE) != 0)
    return "this program has more rights than who starts it (set-uid, set-gid or file capabilities); no process may "
           "be "
           "told by its environment to be a worker of such a program";
  if (!takeover().ran)
    return "plait could not take over before main, as it does in a worker (the program is linked statically, or has "
           "loaded "
           "plait by dlopen): call plait::worker_entry(argc, argv) first in main";
  if (const int depth = pool_depth(); depth >= deepest_pool)
    return "this process is a worker's worker's worker, " + std::to_string(depth) +
           " pools deep (PLAIT_DEPTH); expected at most " + std::to_string(deepest_pool);
  if (::access("/proc/self/exe", F_OK) != 0) {
    const std::error_code error(errno, std::system_category());
    return "workers are started from /proc/self/exe, and it is not there (" + error.message() +
           "): is /proc mounted?";
  }
  return {};
}

bool can_start_workers() noexcept {
  return ::getauxval(AT_SECURE) == 0 && takeover().ran && pool_depth() < deepest_pool &&
         ::access("/proc/self/exe", F_OK) == 0;
}

void bury_orphan(int worker_pidfd) noexcept {
  int subreaper = 0;
  const bool gets_orphans = ::getpid() == 1 || (::prctl(PR_GET_CHILD_SUBREAPER, &subreaper) == 0 && subreaper != 0);
  if (!gets_orphans) return;
  server_client::instance().forget_lost();  // first: until it has ended the worker is its child
  kill_and_reap(worker_pidfd);
}

pid_t server_pid() noexcept { return server_client::instance().pid(); }

}  // namespace plait::inline PLAIT_ABI::detail
