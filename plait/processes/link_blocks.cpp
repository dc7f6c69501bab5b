// How a worker gets to know blocks: names, grants and refusals, over the control socket.
#include <plait/processes/internal/link.hpp>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include <sys/socket.h>

namespace plait::inline PLAIT_ABI::detail {
namespace {

// A block up to this size stays with the worker whose result came in it, which then need not ask for the next: a
// round trip saved each, for at most so much memory kept for each worker. A larger result costs more than the round
// trip.
constexpr std::size_t largest_spare = std::size_t{4} << 20;

}  // namespace

void link::open_control() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) throw_system_error(errno, "socketpair");
  unique_fd worker_end(ends[1]);  // not lost where the first line throws
  control_ = above_stdio(ends[0], "socketpair");
  worker_control_ = above_stdio(worker_end.release(), "socketpair");
}

bool link::control(const control_message& message, int descriptor) noexcept {
  iovec part{const_cast<control_message*>(&message), sizeof(message)};
  alignas(cmsghdr) char extra[CMSG_SPACE(sizeof(int))] = {};
  msghdr sent{};
  sent.msg_iov = &part;
  sent.msg_iovlen = 1;
  if (descriptor >= 0) {
    sent.msg_control = extra;
    sent.msg_controllen = sizeof(extra);
    auto* const rights = CMSG_FIRSTHDR(&sent);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(rights), &descriptor, sizeof(int));
  }
  ssize_t done = 0;
  do {
    done = ::sendmsg(control_.get(), &sent, MSG_DONTWAIT | MSG_NOSIGNAL);
  } while (done < 0 && errno == EINTR);
  // A worker that died is found out elsewhere, and what it was sent goes to another.
  if (done < 0) return errno == EPIPE || errno == ECONNRESET;
  // A worker that looks at this before it sleeps finds the message in the socket.
  shared_.control_sent.fetch_add(1, std::memory_order_seq_cst);
  return true;
}

void link::name(block& memory) {
  memory.show_to(id_);
  if (std::find(named_.begin(), named_.end(), memory.id()) != named_.end()) return;
  named_.reserve(named_.size() + 1);
  if (!control({control_kind::name, 0, memory.id(), memory.memory().size()}, memory.fd()))
    throw_system_error(errno, "sendmsg of a block to a worker");
  named_.push_back(memory.id());
}

void link::tell_dropped() noexcept {
  const auto freed = blocks_.freed();
  if (freed == freed_seen_) return;
  try {
    bool told = false;
    for (const auto id : blocks_.without(named_)) {
      if (!control({control_kind::drop, 0, id, 0}, -1)) return;  // the socket is full: another time
      std::erase(named_, id);
      told = true;
    }
    freed_seen_ = freed;
    if (told && shared_.bed.must_wake(rest::for_requests)) wake();
  } catch (const std::bad_alloc&) {
  }
}

void link::grant(std::uint64_t sequence, block&& memory) {
  if (asked_ == 0 || asked_ != sequence) throw std::logic_error("plait: a block is granted that was not asked for");
  granted_.reserve(granted_.size() + 1);
  name(memory);
  if (!control({control_kind::grant, 0, memory.id(), memory.memory().size()}, -1))
    throw_system_error(errno, "sendmsg of a grant to a worker");
  granted_.push_back(std::move(memory));
  asked_ = 0;
}

void link::refuse(std::uint64_t sequence, int error) {
  if (asked_ == 0 || asked_ != sequence) throw std::logic_error("plait: a block is refused that was not asked for");
  if (!control({control_kind::refuse, error, 0, 0}, -1))
    throw_system_error(errno, "sendmsg of a refusal to a worker");
  asked_ = 0;
}

void link::keep_spare(block&& used) noexcept {
  const auto bytes = used.memory().size();
  if (bytes > largest_spare) return;
  if (spare_) {
    if (spare_.memory().size() >= bytes) return;
    // The smaller one comes back, unless the worker has just taken it.
    auto offered = spare_.id();
    if (!shared_.spare.compare_exchange_strong(offered, 0, std::memory_order_acq_rel, std::memory_order_relaxed))
      return;
  }
  spare_ = std::move(used);
  shared_.spare.store(spare_.id(), std::memory_order_release);  // pairs with the worker's exchange
}

}  // namespace plait::inline PLAIT_ABI::detail
