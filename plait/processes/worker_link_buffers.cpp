// Descriptors of shared buffers, on the worker's side; shared_pages.hpp has the picture.
#include <plait/processes/internal/descriptors.hpp>
#include <plait/processes/internal/worker_link.hpp>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <system_error>
#include <utility>

#include <poll.h>
#include <sys/socket.h>

namespace plait::inline PLAIT_ABI::detail {

void worker_link::note_lent(const control_message& message, msghdr& got) {
  if (message.bytes == 0) {
    // The parent may have tried before, under the same number, and not got to the end.
    std::erase_if(lent_, [&](const auto& lent) { return lent.sequence == message.block; });
    lent_.push_back({message.block, {}, 0, false});
  }
  auto& lent = lent_.back();
  ++lent.messages;
  lent.lost |= (got.msg_flags & MSG_CTRUNC) != 0;
  for (auto* header = CMSG_FIRSTHDR(&got); header != nullptr; header = CMSG_NXTHDR(&got, header)) {
    const auto count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int descriptor = -1;
      std::memcpy(&descriptor, CMSG_DATA(header) + i * sizeof(int), sizeof(int));
      try {
        lent.descriptors.push_back(above_stdio(descriptor, "recvmsg of a shared buffer"));
      } catch (const std::system_error&) {  // no room: it is closed
        lent.lost = true;
      }
    }
  }
}

// The parent lends before it publishes.
void worker_link::find_lent(request& out, std::size_t count) {
  const auto messages = (count + most_lent_at_once - 1) / most_lent_at_once;
  for (;;) {
    const auto found = std::ranges::find(lent_, out.sequence, &lent_descriptors::sequence);
    if (found != lent_.end() && found->messages == messages) {
      if (found->lost)
        out.error = EMFILE;
      else
        out.lent = std::move(found->descriptors);
      break;
    }
    control_message message{};
    static_cast<void>(receive(message, 0));
  }
  forget_lent(out.sequence);
}

void worker_link::forget_lent(std::uint64_t up_to) noexcept {
  if (!lent_.empty()) std::erase_if(lent_, [&](const auto& lent) { return lent.sequence <= up_to; });
}

std::vector<int> worker_link::lent_descriptors_here() const {
  std::vector<int> found;
  for (const auto& lent : lent_)
    for (const auto& each : lent.descriptors) found.push_back(each.get());
  return found;
}

void worker_link::lend(std::span<const int> descriptors) {
  for (std::size_t at = 0; at < descriptors.size(); at += most_lent_at_once) {
    const control_message message{control_kind::lend, 0, current_, at};
    const auto some = descriptors.subspan(at, std::min(most_lent_at_once, descriptors.size() - at));
    int error = 0;
    while ((error = send_message(control_.get(), std::as_bytes(std::span(&message, 1)), some)) == EAGAIN) {
      pollfd room{control_.get(), POLLOUT, 0};
      ::poll(&room, 1, -1);
    }
    if (error == EPIPE || error == ECONNRESET) return;  // nobody will read it
    if (error != 0) {
      throw std::system_error(
          error, std::system_category(),
          "plait: sendmsg of " + std::to_string(descriptors.size()) + " shared buffers to the program");
    }
    ++lends_;
  }
}

}  // namespace plait::inline PLAIT_ABI::detail
