// Descriptors of shared buffers, on the parent's side; shared_pages.hpp has the picture.
#include <plait/processes/internal/descriptors.hpp>
#include <plait/processes/internal/link.hpp>

#include <algorithm>
#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

namespace plait::inline PLAIT_ABI::detail {
namespace {

// Messages that the worker may not have taken off yet. The socket holds some 150; blocks take up to 64 of them.
constexpr std::size_t most_lends_waiting = 32;

}  // namespace

bool link::may_lend() noexcept {
  if (lent_.size() + most_lends <= most_lends_waiting) return true;
  retire_passed();
  return lent_.size() + most_lends <= most_lends_waiting;
}

// Before the request is published. Where it throws half way, what was sent is dropped when the request with this
// number comes that does go out, or one behind it.
void link::lend(std::span<const int> descriptors) {
  lent_.reserve(lent_.size() + most_lends);
  for (std::size_t at = 0; at < descriptors.size(); at += most_lent_at_once) {
    const control_message message{control_kind::lend, 0, next_, at};
    const auto some = descriptors.subspan(at, std::min(most_lent_at_once, descriptors.size() - at));
    const int error = send_message(control_.get(), std::as_bytes(std::span(&message, 1)), some);
    if (error == EPIPE || error == ECONNRESET) return;  // found out elsewhere
    if (error != 0) {
      throw std::system_error(
          error, std::system_category(),
          "plait: sendmsg of " + std::to_string(descriptors.size()) + " shared buffers to a worker");
    }
    lent_.push_back(next_);
    shared_.control_sent.fetch_add(1, std::memory_order_seq_cst);
  }
}

// Whoever keeps the protocol has sent them before it published the reply.
void link::take_lent(reply& into, std::uint32_t messages) {
  for (; messages > 0; --messages) {
    control_message message{};
    auto got = receive_message(control_.get(), std::as_writable_bytes(std::span(&message, 1)));
    if (got.what != received_message::result::message || got.size != sizeof(message) ||
        message.kind != control_kind::lend || message.block != into.sequence)
      throw protocol_error("plait: a worker's reply counts shared buffers that it has not sent");
    into.lent_lost |= got.descriptors_lost;
    std::ranges::move(got.descriptors, std::back_inserter(into.lent));
  }
}

}  // namespace plait::inline PLAIT_ABI::detail
