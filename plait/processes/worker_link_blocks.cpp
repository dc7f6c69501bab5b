// The worker's knowledge of blocks: what the parent named, granted, dropped.
#include <plait/processes/internal/worker_link.hpp>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <system_error>
#include <utility>

#include <sys/socket.h>

namespace plait::inline PLAIT_ABI::detail {

bool worker_link::receive(control_message& message, int flags) {
  iovec part{&message, sizeof(message)};
  alignas(cmsghdr) char extra[CMSG_SPACE(most_lent_at_once * sizeof(int))];
  msghdr got{};
  got.msg_iov = &part;
  got.msg_iovlen = 1;
  got.msg_control = extra;
  got.msg_controllen = sizeof(extra);
  ssize_t bytes = 0;
  do {
    bytes = ::recvmsg(control_.get(), &got, flags | MSG_CMSG_CLOEXEC);
  } while (bytes < 0 && errno == EINTR);
  if (bytes < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return false;
  if (bytes < 0) throw_system_error(errno, "recvmsg from the parent");
  if (bytes == 0) throw_system_error(EPIPE, "recvmsg from the parent");
  ++received_;
  if (message.kind == control_kind::drop)
    std::erase_if(known_, [&](auto& known) { return known.id == message.block; });
  if (message.kind == control_kind::lend) note_lent(message, got);
  if (message.kind != control_kind::name) return true;
  known_block known{message.block, message.bytes, {}, {}};
  if (auto* const rights = CMSG_FIRSTHDR(&got); rights != nullptr) {  // none where the worker has no descriptor left
    int descriptor = -1;
    std::memcpy(&descriptor, CMSG_DATA(rights), sizeof(int));
    known.descriptor = above_stdio(descriptor, "recvmsg of a block");
  }
  known_.push_back(std::move(known));
  return true;
}

bool worker_link::has_control() const noexcept {
  return received_ != shared_.control_sent.load(std::memory_order_seq_cst);
}

void worker_link::drain_control() {
  control_message message{};
  while (has_control() && receive(message, MSG_DONTWAIT)) {
  }
}

worker_link::known_block* worker_link::find(std::uint64_t id) noexcept {
  const auto at = std::find_if(known_.begin(), known_.end(), [&](auto& known) { return known.id == id; });
  return at == known_.end() ? nullptr : &*at;
}

// The parent names a block before it publishes or grants it.
worker_link::known_block& worker_link::named(std::uint64_t id) {
  for (;;) {
    if (auto* const known = find(id)) return *known;
    control_message message{};
    static_cast<void>(receive(message, 0));
  }
}

// Mapped at first use, and where that fails, tried again at the next.
std::span<std::byte> worker_link::memory_of(known_block& known) {
  if (known.memory.bytes().empty()) {
    if (!known.descriptor) throw_system_error(EMFILE, "recvmsg of a block");
    known.memory = shared_memory::map(std::move(known.descriptor));
    known.memory.close_fd();
  }
  return known.memory.bytes();
}

void worker_link::map_named() noexcept {
  for (auto& known : known_) {
    try {
      static_cast<void>(memory_of(known));
    } catch (const std::exception&) {  // who needs it is told
      known.descriptor.reset();
    }
  }
}

void worker_link::find_payload(request& out) {
  block_name name{};
  std::memcpy(&name, out.payload.data(), sizeof(name));
  out.payload = {};
  try {
    out.payload = memory_of(named(name.id)).first(name.bytes);
  } catch (const std::system_error& failed) {
    out.error = failed.code().value();
  } catch (const std::bad_alloc&) {
    out.error = ENOMEM;
  }
}

// Looked at before it is taken: one that is too small stays with the parent, which may exchange it for a larger.
bool worker_link::take_spare(std::size_t bytes) {
  if (spare_ == 0) {
    auto offered = shared_.spare.load(std::memory_order_acquire);  // pairs with keep_spare's store
    const auto* const known = offered == 0 ? nullptr : find(offered);
    if (known != nullptr && known->bytes >= bytes &&
        shared_.spare.compare_exchange_strong(offered, 0, std::memory_order_acq_rel, std::memory_order_relaxed))
      spare_ = offered;
  }
  return spare_ != 0 && !is_mine(spare_) && named(spare_).bytes >= bytes;
}

std::span<std::byte> worker_link::block_memory(std::size_t bytes) {
  if (take_spare(bytes)) {
    mine_.push_back(spare_);
    return memory_of(named(spare_));
  }
  mine_.reserve(mine_.size() + 1);
  const std::uint64_t wanted = bytes;
  std::memcpy(reply_space().data(), &wanted, sizeof(wanted));
  publish(reply_kind::need_block, 0, current_, sizeof(wanted), false);
  for (;;) {
    control_message message{};
    static_cast<void>(receive(message, 0));
    if (message.kind == control_kind::refuse) {
      throw std::system_error(message.error, std::system_category(),
                              "plait: memory for a result of " + std::to_string(bytes) + " bytes");
    }
    if (message.kind != control_kind::grant) continue;
    mine_.push_back(message.block);
    return memory_of(named(message.block));
  }
}

bool worker_link::is_mine(std::uint64_t id) const noexcept {
  return std::find(mine_.begin(), mine_.end(), id) != mine_.end();
}

const worker_link::known_block* worker_link::block_at(const std::byte* at) noexcept {
  for (const auto id : mine_)
    if (const auto* const known = find(id); known != nullptr && known->memory.bytes().data() == at) return known;
  return nullptr;
}

}  // namespace plait::inline PLAIT_ABI::detail
