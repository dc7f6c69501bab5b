// The thread that answers who looks in.
//
// Guarantees
// - Who is not the same user is not read from. A client has two seconds to ask, and two to take each piece of what it
//   is answered, ten in all; they are served one after the other.
// - What is read is bounded; a client that goes away, or says something else, costs its connection.
// - The thread ends before the program's statics do (atexit), and with forbid_inspection.
// - In a forked child the descriptors are closed, and nothing of the thread is touched.
#include <plait/core/report.hpp>
#include <plait/core/thread_name.hpp>
#include <plait/loop/inspection.hpp>
#include <plait/loop/internal/inspection_wire.hpp>
#include <plait/loop/internal/look_in.hpp>
#include <plait/loop/internal/loop_watch.hpp>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <mutex>
#include <new>
#include <optional>
#include <string>
#include <system_error>
#include <thread>

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace plait::inline PLAIT_ABI {
namespace detail {
namespace {

using namespace plait_inspection;
using namespace std::chrono_literals;

// Arbitrary: a client on the same machine needs a thousandth of it.
constexpr auto time_for_answer = 1s;
constexpr auto time_for_piece = 2s;
constexpr auto time_for_all = 10s;

[[noreturn]] void throw_cannot_listen(const char* call) {
  throw std::system_error(errno, std::system_category(), std::string("plait: allow_inspection: ") + call);
}

/// A descriptor that a forked child closes: who has one stands in a slot that the child looks at.
class descriptor {
 public:
  descriptor() noexcept = default;
  descriptor(const descriptor&) = delete;
  descriptor& operator=(const descriptor&) = delete;
  ~descriptor() { close(); }
  /// Never 0, 1 or 2: a program that closed those may mean something else by them.
  void take(int opened, const char* call) {
    if (opened < 0) throw_cannot_listen(call);
    const int moved = opened > 2 ? opened : ::fcntl(opened, F_DUPFD_CLOEXEC, 3);
    if (moved != opened) {
      const int error = errno;
      ::close(opened);
      errno = error;
    }
    if (moved < 0) throw_cannot_listen("fcntl");
    fd_ = moved;
  }
  [[nodiscard]] int get() const noexcept { return fd_.load(std::memory_order_relaxed); }
  void close() noexcept {
    const int fd = fd_.exchange(-1);
    if (fd >= 0) ::close(fd);
  }

 private:
  std::atomic<int> fd_{-1};
};

class inspector {
 public:
  inspector() {
    stop_.take(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd");
    listener_.take(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), "socket");
    const auto name = address_of(::getpid());
    if (::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&name.name), name.size) != 0)
      throw_cannot_listen("bind");
    if (::listen(listener_.get(), 16) != 0) throw_cannot_listen("listen");
    // Signals are for the program's own threads.
    sigset_t all, before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    try {
      thread_ = std::thread([this] { serve(); });
    } catch (...) {
      ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
      throw;
    }
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }
  inspector(const inspector&) = delete;
  inspector& operator=(const inspector&) = delete;
  ~inspector() {
    stopping_ = true;
    const std::uint64_t one = 1;
    while (::write(stop_.get(), &one, sizeof one) < 0 && errno == EINTR) {
    }
    thread_.join();
  }

  /// In a forked child: this object is never touched again.
  void leave_to_parent() noexcept {
    client_.close();
    listener_.close();
    stop_.close();
  }

 private:
  void serve() noexcept {
    try {
      set_thread_name("plait_inspect");
    } catch (const std::bad_alloc&) {  // then without a name
    }
    while (!stopping_) {
      if (!wait(listener_.get(), POLLIN, sync::forever)) continue;
      const int accepted = ::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
      if (accepted < 0) {
        if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
          static_cast<void>(wait(-1, 0, from_now(100ms)));  // else it would turn round and round
        continue;
      }
      try {
        client_.take(accepted, "accept");
        serve_client(from_now(time_for_all));
      } catch (const std::exception& error) {
        report(severity::warning, "inspection: a client could not be served:");
        report(severity::warning, error.what());
      }
      client_.close();
    }
  }

  void serve_client(time_point end) {
    ucred peer{};
    socklen_t size = sizeof peer;
    if (::getsockopt(client_.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 || peer.uid != ::geteuid()) return;
    request asked{};
    if (!read_all(&asked, sizeof asked, std::min(end, from_now(time_for_piece)))) return;
    if (asked.magic != magic || (asked.asked != question::table && asked.asked != question::tree))
      return static_cast<void>(write_reply(answer::not_understood, {}, end));
    std::string text;
    auto how = answer::text;
    try {
      const auto pictures = pictures_of_all(from_now(time_for_answer), [this] { return stopping_.load(); });
      text = asked.asked == question::table ? as_table(pictures) : as_tree(pictures);
    } catch (const std::bad_alloc&) {
      how = answer::failed;
    }
    static_cast<void>(write_reply(how, text, end));
  }

  [[nodiscard]] bool write_reply(answer how, const std::string& text, time_point end) noexcept {
    const reply head{magic, how, text.size()};
    return write_all(&head, sizeof head, end) && write_all(text.data(), text.size(), end);
  }

  [[nodiscard]] bool read_all(void* to, std::size_t bytes, time_point deadline) noexcept {
    auto* at = static_cast<char*>(to);
    while (bytes > 0) {
      const auto got = ::recv(client_.get(), at, bytes, 0);
      if (got > 0) {
        at += got;
        bytes -= static_cast<std::size_t>(got);
      } else if (got == 0 || !may_go_on(POLLIN, deadline)) {
        return false;
      }
    }
    return true;
  }

  [[nodiscard]] bool write_all(const void* from, std::size_t bytes, time_point end) noexcept {
    const auto* at = static_cast<const char*>(from);
    while (bytes > 0) {
      const auto put = ::send(client_.get(), at, bytes, MSG_NOSIGNAL);
      if (put >= 0) {
        at += put;
        bytes -= static_cast<std::size_t>(put);
      } else if (!may_go_on(POLLOUT, std::min(end, from_now(time_for_piece)))) {
        return false;
      }
    }
    return true;
  }

  /// After a call that did nothing: once it is worth another attempt.
  [[nodiscard]] bool may_go_on(short events, time_point deadline) noexcept {
    if (errno == EINTR) return true;
    return (errno == EAGAIN || errno == EWOULDBLOCK) && wait(client_.get(), events, deadline);
  }

  /// False where the deadline passed, or the thread is to end.
  [[nodiscard]] bool wait(int fd, short events, time_point deadline) noexcept {
    while (!stopping_) {
      pollfd polled[] = {{stop_.get(), POLLIN, 0}, {fd, events, 0}};
      int timeout = -1;
      if (deadline != sync::forever) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - sync::now());
        if (left <= 0ms) return false;
        timeout = static_cast<int>(left.count());
      }
      if (::poll(polled, 2, timeout) > 0 && polled[1].revents != 0) return true;
    }
    return false;
  }

  descriptor stop_;
  descriptor listener_;
  descriptor client_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

/// Never destroyed: statics of users may end later.
struct inspection {
  std::mutex mutex;                          // guards making and ending
  std::atomic<inspector*> current{nullptr};  // a forked child looks at it without the lock
};

inspection& the_inspection() {
  static auto* const instance = [] {
    static_cast<void>(loop_registry::get());  // first: who forks takes the locks in the order of everybody else
    pthread_atfork([] { the_inspection().mutex.lock(); }, [] { the_inspection().mutex.unlock(); },
                   [] {
                     auto& self = the_inspection();
                     if (auto* const parents = self.current.exchange(nullptr)) parents->leave_to_parent();
                     self.mutex.unlock();
                   });
    return new inspection;
  }();
  return *instance;
}

}  // namespace

void allow_inspection_where_environment_says() noexcept {
  try {
    allow_inspection();
  } catch (const std::exception& error) {
    report(severity::warning, "PLAIT_INSPECT is set, but nobody can look in:");
    report(severity::warning, error.what());
  }
}

}  // namespace detail

void allow_inspection() {
  auto& self = detail::the_inspection();
  const std::lock_guard lock(self.mutex);
  if (self.current.load()) return;
  static const bool ends_with_program = std::atexit([] { forbid_inspection(); }) == 0;
  static_cast<void>(ends_with_program);
  self.current = new detail::inspector;
  detail::set_loops_inspected(true);
}

void forbid_inspection() noexcept {
  auto& self = detail::the_inspection();
  const std::lock_guard lock(self.mutex);
  delete self.current.exchange(nullptr);  // null in a forked child, whose loops are watched still
  detail::set_loops_inspected(false);
}

}  // namespace plait::inline PLAIT_ABI
