// The parent's reading of what a worker wrote. Nothing here may trust it.
#include <plait/processes/internal/link.hpp>

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

namespace plait::inline PLAIT_ABI::detail {
namespace {

// For one call. Each is at least twice as large as the one before where a result grows by steps.
constexpr std::size_t most_grants = 48;

[[noreturn]] void reject(const char* what, std::uint64_t found, std::uint64_t expected) {
  throw protocol_error(std::string("plait: a worker's reply has ") + what + ' ' + std::to_string(found) +
                       "; expected " + std::to_string(expected));
}

// The only read of these bytes: the worker may change them at any time. The compiler takes it that nobody does, and
// might read there again instead of in the copy; behind the empty statement it must take it that somebody did.
template <class T> T copy_once(const std::byte* shared) noexcept {
  T copy;
  std::memcpy(&copy, shared, sizeof(T));
  asm volatile("" ::: "memory");
  return copy;
}

}  // namespace

bool link::has_reply() const noexcept {
  // seq_cst: after arm(), this look and the worker's publishing are in one order.
  return shared_.replies_published.load(std::memory_order_seq_cst) != read_.load(std::memory_order_relaxed);
}

void link::arm(bell which) noexcept { shared_.bells.arm(which); }
void link::disarm() noexcept { shared_.bells.disarm(); }

void link::look() {
  const auto published = shared_.replies_published.load(std::memory_order_acquire);
  if (published == seen_) return;
  if (published < seen_ || published - released_ > replies_.size() || !replies_.aligned(published))
    reject("been published up to", published, seen_);
  seen_ = published;
}

inline void link::check(const reply_header& header, std::uint64_t position) const {
  const auto kind = static_cast<std::uint16_t>(header.kind);
  if (kind == 0 || kind > last_reply_kind) reject("the kind", kind, last_reply_kind);
  if (header.size > inline_limit) reject("the size", header.size, inline_limit);
  const auto bytes = replies_.rounded(sizeof(reply_header) + header.size);
  if (const auto there = std::min<std::uint64_t>(seen_ - position, replies_.rest(position)); bytes > there)
    reject("the size", bytes, there);
  if (front_ == next_ || header.sequence != front_) reject("the number", header.sequence, front());
  if (asked_ != 0) reject("come before the grant of a block, its number", header.sequence, asked_);
  if (header.in_block > 1) reject("the place", header.in_block, 1);
  if (header.lent > most_lends) reject("shared buffers in messages of which there are", header.lent, most_lends);
}

// The header is a copy, checked.
inline bool link::read_next(reply_header& header, small_reply& to) {
  auto position = read_.load(std::memory_order_relaxed);
  if (position == seen_) look();  // no sooner: the worker writes there with each reply
  if (position == seen_) return false;
  header = copy_once<reply_header>(replies_.at(position));
  if (header.kind == reply_kind::filler) {  // once: a ring of fillers would keep us here
    const auto rest = replies_.rest(position);
    if (rest >= seen_ - position || rest == replies_.size()) reject("a filler of", rest, seen_ - position);
    position += rest;
    header = copy_once<reply_header>(replies_.at(position));
  }
  check(header, position);
  to = {.kind = header.kind,
        .flags = header.flags,
        .own_pages = header.own_pages,
        .sequence = header.sequence,
        .payload = {replies_.at(position) + sizeof(reply_header), header.size},
        .position = position + replies_.rounded(sizeof(reply_header) + header.size)};
  return true;
}

bool link::next_small_reply(small_reply& to) {
  reply_header header;
  if (!read_next(header, to)) return false;
  if (header.kind == reply_kind::need_block || header.in_block != 0 || header.lent != 0) return false;
  granted_.clear();  // a grant is for one call
  retire_front();
  read_.store(to.position, std::memory_order_relaxed);
  return true;
}

std::optional<reply> link::next_reply() {
  reply_header header;
  small_reply in_ring;
  if (!read_next(header, in_ring)) return std::nullopt;
  const auto payload = in_ring.payload;
  std::optional<reply> made(std::in_place, in_ring);
  auto& out = *made;
  if (header.kind == reply_kind::need_block) {
    if (granted_.size() >= most_grants) reject("asked for a block after", granted_.size(), most_grants);
    if (header.size != sizeof(std::uint64_t)) reject("asked for a block in", header.size, sizeof(std::uint64_t));
    if (header.lent != 0) reject("shared buffers with a wish, in messages", header.lent, 0);
    out.wanted = copy_once<std::uint64_t>(payload.data());
    asked_ = header.sequence;
  } else {
    if (header.in_block == 1) {
      if (header.size != sizeof(block_name)) reject("named a block in", header.size, sizeof(block_name));
      const auto name = copy_once<block_name>(payload.data());
      out.large = take_granted(name);
      out.payload = out.large.memory().first(name.bytes);
    }
    if (header.lent != 0) take_lent(out, header.lent);
    granted_.clear();
    retire_front();
  }
  read_.store(out.position, std::memory_order_relaxed);
  return made;
}

block link::take_granted(const block_name& name) {
  block* found = spare_ && spare_.id() == name.id ? &spare_ : nullptr;
  for (auto& granted : granted_)
    if (granted.id() == name.id) found = &granted;
  if (found == nullptr) reject("named the block", name.id, 0);
  if (name.bytes > found->memory().size())
    reject("a result in a block, of bytes", name.bytes, found->memory().size());
  return std::exchange(*found, {});
}

void link::release(reply&& answered) noexcept {
  if (answered.large) keep_spare(std::exchange(answered.large, {}));
  release_up_to(answered.position);
}

void link::release_up_to(std::uint64_t position) noexcept {
  released_ = position;
  tell_dropped();
  // By eighths of the ring, and when all that is there was released: then none of a worker's waits for room is
  // missed, since whoever takes replies goes on until there are none.
  if (released_ == seen_ || released_ - told_ >= replies_.size() / 8) tell_freed();
}

void link::tell_freed() noexcept {
  told_ = released_;
  shared_.replies_freed.store(told_, std::memory_order_seq_cst);
  if (shared_.bed.must_wake(rest::for_room)) shared_.bed.wake();
}

}  // namespace plait::inline PLAIT_ABI::detail
