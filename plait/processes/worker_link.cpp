#include <plait/core/internal/spin.hpp>
#include <plait/processes/internal/worker_link.hpp>

#include <cstring>
#include <memory>
#include <new>
#include <utility>

#include <unistd.h>

namespace plait::inline PLAIT_ABI::detail {

worker_link::worker_link(std::span<const int> descriptors)
    : memory_(shared_memory::map(above_stdio(descriptors[0], "a link's memory"), link_pages)),
      shared_(*std::launder(reinterpret_cast<link_memory*>(memory_.bytes().data()))),
      control_(above_stdio(descriptors[1], "a link's control socket")),
      bells_{above_stdio(descriptors[2], "a link's bell"), above_stdio(descriptors[3], "a link's bell")},
      requests_(shared_.requests, request_alignment),
      replies_(shared_.replies, reply_alignment) {
  memory_.close_fd();
}

worker_link::~worker_link() = default;

bool worker_link::closed() const noexcept { return shared_.closed.load(std::memory_order_seq_cst) != 0; }

// ── Requests ──

bool worker_link::has_request() noexcept {
  if (read_ == seen_) seen_ = shared_.requests_published.load(std::memory_order_seq_cst);
  return read_ != seen_;
}

bool worker_link::has_many_requests() noexcept {
  constexpr int many = 16;
  if (!has_request()) return false;
  auto at = read_;
  int count = 0;
  for (; at != seen_ && count < many; ++count) {
    at = behind_filler(at);
    at += requests_.rounded(sizeof(request_header) + header_at(at)->size);
  }
  return count == many;
}

bool worker_link::has_further() const noexcept {
  if (read_ == seen_) return false;
  const auto& next = *header_at(behind_filler(read_));
  return next.kind == request_kind::call && next.state.load(std::memory_order_relaxed) == claim::ready;
}

bool worker_link::wait_for_requests() {
  const auto come = [this] { return has_request() || has_control() || closed(); };
  const auto plenty = [this] { return has_many_requests(); };
  for (;;) {
    if (closed()) return false;
    if (has_request()) return true;
    waited_ = true;
    drain_control();
    if (!spin_until(come, plenty)) shared_.bed.sleep(rest::for_requests, come);
  }
}

std::optional<request> worker_link::next() {
  pass_notice();
  waited_ = false;
  while (!stopped_ && wait_for_requests()) {
    read_ = behind_filler(read_);
    auto* const header = header_at(read_);
    const auto sequence = header->sequence;
    read_ += requests_.rounded(sizeof(request_header) + header->size);
    if (!take(header->state)) {  // withdrawn
      // What was lent for it is off the socket before the parent hears that there is room.
      drain_control();
      forget_lent(sequence);
      shared_.passed.store(sequence, std::memory_order_release);
      continue;
    }
    if (header->kind == request_kind::stop) {
      stopped_ = true;
      break;
    }
    current_ = sequence;
    is_notice_ = header->kind == request_kind::notice;
    request out{header->kind,
                sequence,
                {.module = header->module, .flags = header->flags, .thunk = header->thunk},
                {reinterpret_cast<const std::byte*>(header + 1), header->size}};
    if (header->buffers != 0) find_lent(out, header->buffers);
    if (header->in_block != 0) find_payload(out);
    return out;
  }
  return std::nullopt;
}

void worker_link::pass_notice() noexcept {
  if (!is_notice_) return;
  is_notice_ = false;
  shared_.passed.store(current_, std::memory_order_release);  // pairs with retire_passed
  current_ = 0;
}

request_header* worker_link::header_at(std::uint64_t position) const noexcept {
  return std::launder(reinterpret_cast<request_header*>(requests_.at(position)));
}

// Where a request lies that was seen: there, or at the ring's begin.
std::uint64_t worker_link::behind_filler(std::uint64_t position) const noexcept {
  return header_at(position)->kind == request_kind::filler ? position + requests_.rest(position) : position;
}

// ── Replies ──

void worker_link::wait_for_room(std::size_t bytes) {
  const auto there = [&] {
    freed_ = shared_.replies_freed.load(std::memory_order_seq_cst);  // pairs with tell_freed
    return replies_.fits(written_, bytes, freed_) || closed();
  };
  while (!replies_.fits(written_, bytes, freed_)) {
    if (closed()) break;  // nobody will read it
    if (!there() && !spin_until(there)) shared_.bed.sleep(rest::for_room, there);
  }
}

std::span<std::byte> worker_link::reply_space() {
  constexpr auto bytes = sizeof(reply_header) + inline_limit;
  if (space_ == nullptr) {
    wait_for_room(bytes);
    space_ = replies_.at(replies_.place(written_, bytes)) + sizeof(reply_header);
  }
  return {space_, inline_limit};
}

void worker_link::reply(reply_kind kind, std::uint32_t flags, std::span<const std::byte> payload) {
  if (const auto* block = block_at(payload.data()); block != nullptr) {
    const block_name name{block->id, payload.size()};
    if (spare_ == block->id) spare_ = 0;
    answer(kind, flags, std::as_bytes(std::span(&name, 1)), true);
  } else if (payload.size() <= inline_limit) {
    answer(kind, flags, payload, false);
  } else {
    const auto memory = block_memory(payload.size());
    std::memcpy(memory.data(), payload.data(), payload.size());
    reply(kind, flags, memory.first(payload.size()));
  }
}

void worker_link::answer(reply_kind kind, std::uint32_t flags, std::span<const std::byte> payload, bool in_block) {
  const auto space = reply_space();
  if (!payload.empty() && payload.data() != space.data()) std::memmove(space.data(), payload.data(), payload.size());
  const auto sequence = std::exchange(current_, 0);
  mine_.clear();
  publish(kind, flags, sequence, payload.size(), in_block);
}

void worker_link::publish(reply_kind kind, std::uint32_t flags, std::uint64_t sequence, std::size_t size,
                          bool in_block) {
  const auto position = replies_.place(written_, sizeof(reply_header) + inline_limit);
  if (position != written_) ::new (replies_.at(written_)) reply_header;
  const auto lent =
      kind == reply_kind::need_block ? std::uint8_t{0} : static_cast<std::uint8_t>(std::exchange(lends_, 0));
  ::new (replies_.at(position)) reply_header{
      .size = static_cast<std::uint32_t>(size),
      .kind = kind,
      .in_block = in_block,
      .lent = lent,
      .flags = flags,
      .own_pages = own_pages_,
      .sequence = sequence,
  };
  written_ = position + replies_.rounded(sizeof(reply_header) + size);
  space_ = nullptr;
  shared_.replies_published.store(written_, std::memory_order_seq_cst);  // pairs with has_reply after arm
  ring_bell();
}

void worker_link::ring_bell() noexcept {
  const auto whom = shared_.bells.answer();
  if (whom == bell::nobody) return;
  const std::uint64_t one = 1;
  const int bell = bells_[whom == bell::loop ? 0 : 1].get();
  while (::write(bell, &one, sizeof(one)) < 0 && errno == EINTR) {
  }
}

// ── Stop ──

bool worker_link::stop_asked(std::uint64_t sequence) const noexcept {
  return shared_.stop.load(std::memory_order_acquire) == sequence;
}

std::optional<std::uint64_t> worker_link::wait_for_stop(std::uint64_t seen) {
  for (;;) {
    const auto changes = shared_.stop_changes.load(std::memory_order_seq_cst);
    if (ended_.load(std::memory_order_acquire) || closed()) return std::nullopt;
    if (const auto asked = shared_.stop.load(std::memory_order_acquire); asked != seen) return asked;
    shared_futex_wait(shared_.stop_changes, changes);
  }
}

void worker_link::end_waiting() noexcept {
  ended_.store(true, std::memory_order_release);
  shared_.stop_changes.fetch_add(1, std::memory_order_seq_cst);
  shared_futex_wake(shared_.stop_changes, sync::everybody);
}

}  // namespace plait::inline PLAIT_ABI::detail
