#include <plait/processes/internal/descriptors.hpp>

#include <array>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <system_error>
#include <utility>

#include <pthread.h>
#include <sys/socket.h>

namespace plait::inline PLAIT_ABI::detail {

// All private descriptors of the process. The lock is held over fork(), so that the child finds the list whole.
struct private_fds {
  std::mutex lock;  // guards the list: first_ and the links in it
  private_fd* first = nullptr;

  // Never destroyed: static destructors of users may come later than ours would.
  static private_fds& all() {
    static private_fds& instance = *[] {
      auto* const made = new private_fds;
      pthread_atfork([] { all().lock.lock(); }, [] { all().lock.unlock(); },
                     [] {
                       all().close_in_child();
                       all().lock.unlock();
                     });
      return made;
    }();
    return instance;
  }

  void take(private_fd& entry, unique_fd descriptor) noexcept {
    entry.descriptor_ = descriptor.release();
    entry.previous_ = nullptr;
    entry.next_ = first;
    if (first) first->previous_ = &entry;
    first = &entry;
  }
  void remove(private_fd& entry) noexcept {
    (entry.previous_ ? entry.previous_->next_ : first) = entry.next_;
    if (entry.next_) entry.next_->previous_ = entry.previous_;
    entry.previous_ = entry.next_ = nullptr;
  }
  void close_in_child() noexcept {
    while (first) {
      ::close(std::exchange(first->descriptor_, -1));
      remove(*first);
    }
  }
};

private_fd::private_fd(unique_fd descriptor) {
  if (!descriptor) return;
  auto& fds = private_fds::all();
  const std::lock_guard locked(fds.lock);
  fds.take(*this, std::move(descriptor));
}

private_fd::private_fd(private_fd&& other) noexcept { *this = std::move(other); }

private_fd& private_fd::operator=(private_fd&& other) noexcept {
  if (this == &other) return *this;
  reset();
  if (!other) return *this;
  auto& fds = private_fds::all();
  const std::lock_guard locked(fds.lock);
  fds.remove(other);
  fds.take(*this, unique_fd(std::exchange(other.descriptor_, -1)));
  return *this;
}

void private_fd::reset() noexcept {
  if (descriptor_ < 0) return;
  auto& fds = private_fds::all();
  // Closed under the lock: a fork in between would hand the number's next owner to the child's handler.
  const std::lock_guard locked(fds.lock);
  fds.remove(*this);
  ::close(std::exchange(descriptor_, -1));
}

socket_pair make_socket_pair() {
  auto& fds = private_fds::all();
  socket_pair pair;
  const std::lock_guard locked(fds.lock);
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0)
    throw_system_error(errno, "socketpair");
  unique_fd second(ends[1]);  // should the first have no room above the standard streams
  auto first = above_stdio(ends[0], "socketpair");
  second = above_stdio(second.release(), "socketpair");
  fds.take(pair.ours, std::move(first));
  fds.take(pair.theirs, std::move(second));
  return pair;
}

namespace {
// Room for the descriptors of one message, as the kernel wants it aligned.
struct control_buffer {
  alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(most_descriptors_in_message * sizeof(int))> bytes;
};
}  // namespace

int send_message(int socket, std::span<const std::byte> bytes, std::span<const int> descriptors) noexcept {
  if (descriptors.size() > most_descriptors_in_message) return EINVAL;
  iovec content{const_cast<std::byte*>(bytes.data()), bytes.size()};
  msghdr message{};
  message.msg_iov = &content;
  message.msg_iovlen = 1;
  control_buffer control;
  if (!descriptors.empty()) {
    message.msg_control = control.bytes.data();
    message.msg_controllen = CMSG_SPACE(descriptors.size_bytes());
    std::memset(control.bytes.data(), 0, message.msg_controllen);
    cmsghdr* const header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(descriptors.size_bytes());
    std::memcpy(CMSG_DATA(header), descriptors.data(), descriptors.size_bytes());
  }
  while (::sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
    if (errno != EINTR) return errno;
  return 0;
}

received_message receive_message(int socket, std::span<std::byte> bytes) {
  using result = received_message::result;
  iovec content{bytes.data(), bytes.size()};
  control_buffer control;
  msghdr message{};
  message.msg_iov = &content;
  message.msg_iovlen = 1;
  message.msg_control = control.bytes.data();
  message.msg_controllen = control.bytes.size();
  // Memory first: what was received is nowhere else any more.
  received_message received;
  received.descriptors.reserve(most_descriptors_in_message);
  std::vector<unique_fd> arrived;  // as they came: maybe among the standard streams
  arrived.reserve(most_descriptors_in_message);
  ssize_t size;
  do {
    size = ::recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  } while (size < 0 && errno == EINTR);
  if (size < 0) {
    const bool nothing_yet = errno == EAGAIN || errno == EWOULDBLOCK;
    return {nothing_yet ? result::nothing_yet : result::closed, 0, {}, false};
  }

  received.size = static_cast<std::size_t>(size);
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    const auto count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int descriptor;
      std::memcpy(&descriptor, CMSG_DATA(header) + i * sizeof(int), sizeof descriptor);
      arrived.emplace_back(descriptor);
    }
  }
  if (size == 0 || (message.msg_flags & MSG_TRUNC)) return received;
  received.what = result::message;
  received.descriptors_lost = (message.msg_flags & MSG_CTRUNC) != 0;
  try {
    if (!received.descriptors_lost)
      for (auto& descriptor : arrived) received.descriptors.push_back(above_stdio(descriptor.release(), "recvmsg"));
  } catch (const std::system_error&) {
    received.descriptors.clear();
    received.descriptors_lost = true;
  }
  return received;
}

}  // namespace plait::inline PLAIT_ABI::detail
