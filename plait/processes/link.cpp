#include <plait/core/errors.hpp>
#include <plait/processes/internal/link.hpp>

#include <algorithm>
#include <cstring>
#include <memory>
#include <new>
#include <string>
#include <utility>

namespace plait::inline PLAIT_ABI::detail {
namespace {

std::uint64_t new_link_id() noexcept {
  static sync::atomic<std::uint64_t> last{block_cache::nobody};
  return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

// Blocks that lie in requests in flight. Each may be a message in the control socket, which holds some 150.
constexpr std::size_t most_blocks_in_flight = 64;

}  // namespace

protocol_error::~protocol_error() = default;

link::link(block_cache& blocks, int bell_loop, int bell_helper)
    : blocks_(blocks),
      id_(new_link_id()),
      memory_(shared_memory::create("plait:link", sizeof(link_memory), other_side::writes, link_pages)),
      shared_(*::new(memory_.bytes().data()) link_memory),
      bells_{bell_loop, bell_helper},
      requests_(shared_.requests, request_alignment),
      states_(64),
      replies_(shared_.replies, reply_alignment) {
  open_control();
}

link::~link() {
  shared_.closed.store(1, std::memory_order_seq_cst);  // the worker looks after it went to bed
  shared_.bed.wake_anyway();
  shared_.stop_changes.fetch_add(1, std::memory_order_seq_cst);
  shared_futex_wake(shared_.stop_changes, sync::everybody);
  arguments_.clear();
  granted_.clear();
  spare_ = {};
  blocks_.forget(id_);
}

std::vector<int> link::descriptors_for_worker() const {
  return {memory_.fd(), worker_control_.get(), bells_[0], bells_[1]};
}

void link::forget_worker_ends() noexcept {
  memory_.close_fd();
  worker_control_.reset();
}

// ── What is in flight ──

bool link::is_in_flight(std::uint64_t sequence) const noexcept {
  return sequence >= front_ && sequence < next_ && state(sequence).awaited;
}

request_header& link::header_of(std::uint64_t sequence) const noexcept {
  return *std::launder(reinterpret_cast<request_header*>(requests_.at(state(sequence).position)));
}

void link::double_states() {
  std::vector<request_state> larger(states_.size() * 2);
  for (auto at = first_; at != next_; ++at) larger[at & (larger.size() - 1)] = state(at);
  states_ = std::move(larger);
}

// Requests that get no reply are freed by the next reply; where none is to come, by the worker's word that it went
// past them. Where it lies, it loses requests that were taken back already.
void link::retire_passed() noexcept {
  const auto passed = shared_.passed.load(std::memory_order_acquire);
  while (first_ != front_ && first_ <= passed) freed_ = state(first_++).end;
  free_arguments();
}

void link::free_arguments() noexcept {
  std::erase_if(arguments_, [&](const arguments& held) { return held.sequence < first_; });
  std::erase_if(lent_, [&](const auto sequence) { return sequence < first_; });
}

std::uint64_t link::front() const noexcept { return front_ == next_ ? 0 : front_; }

// ── Sending ──

void link::require_room(std::size_t payload) {
  if (!ring_has_room(payload)) throw_invalid_state("plait: a request does not fit into a worker's ring");
}

bool link::ring_has_room(std::size_t payload) noexcept {
  const auto bytes = sizeof(request_header) + payload;
  if (requests_.fits(written_, bytes, freed_)) return true;
  retire_passed();
  return requests_.fits(written_, bytes, freed_);
}

bool link::has_room(std::size_t payload) noexcept {
  if (payload > inline_limit) {
    if (arguments_.size() >= most_blocks_in_flight) return false;
    payload = sizeof(block_name);
  }
  return ring_has_room(payload + requests_.rounded(sizeof(request_header)));
}

bool link::is_clear() noexcept {
  retire_passed();
  return freed_ == written_;
}

std::uint64_t link::send(request_kind kind, const call_target& target, std::span<const std::byte> payload,
                         std::span<const int> lent) {
  if (payload.size() <= inline_limit) {
    require_room(payload.size());
    make_room_for_state();
    if (!lent.empty()) lend(lent);
    return put(kind, target, payload, false, lent.size());
  }
  auto memory = blocks_.take(payload.size());
  std::memcpy(memory.memory().data(), payload.data(), payload.size());
  return send(kind, target, std::move(memory), payload.size(), lent);
}

std::uint64_t link::send(request_kind kind, const call_target& target, block&& payload, std::size_t bytes,
                         std::span<const int> lent) {
  require_room(sizeof(block_name));
  make_room_for_state();
  arguments_.reserve(arguments_.size() + 1);
  name(payload);
  if (!lent.empty()) lend(lent);
  const block_name named{payload.id(), bytes};
  arguments_.push_back({next_, std::move(payload)});
  return put(kind, target, std::as_bytes(std::span(&named, 1)), true, lent.size());
}

std::uint64_t link::put(request_kind kind, const call_target& target, std::span<const std::byte> payload,
                        bool in_block, std::size_t lent) noexcept {
  const auto position = requests_.place(written_, sizeof(request_header) + payload.size());
  if (!payload.empty()) std::memcpy(requests_.at(position) + sizeof(request_header), payload.data(), payload.size());
  return put_header(kind, target, position, payload.size(), in_block, lent);
}

std::span<std::byte> link::begin_call(std::size_t most) {
  if (!ring_has_room(most + requests_.rounded(sizeof(request_header)))) return {};
  make_room_for_state();
  begun_ = requests_.place(written_, sizeof(request_header) + most);
  return {requests_.at(begun_) + sizeof(request_header), most};
}

std::uint64_t link::finish_call(const call_target& target, std::size_t size) noexcept {
  return put_header(request_kind::call, target, begun_, size, false, 0);
}

std::uint64_t link::put_header(request_kind kind, const call_target& target, std::uint64_t position,
                               std::size_t payload, bool in_block, std::size_t lent) noexcept {
  if (position != written_) ::new (requests_.at(written_)) request_header;  // a filler
  const auto sequence = next_++;
  ::new (requests_.at(position)) request_header{.size = static_cast<std::uint16_t>(payload),
                                                .buffers = static_cast<std::uint16_t>(lent),
                                                .kind = kind,
                                                .in_block = in_block,
                                                .flags = target.flags,
                                                .module = target.module,
                                                .sequence = sequence,
                                                .thunk = target.thunk};
  written_ = position + requests_.rounded(sizeof(request_header) + payload);
  const bool awaited = kind != request_kind::notice && kind != request_kind::stop;
  state(sequence) = {position, written_, awaited};
  in_flight_ += awaited;
  if (!awaited) skip_unawaited();
  return sequence;
}

bool link::publish() noexcept {
  // In the one order that the worker's going to bed is in too. Who sees the position sees the requests.
  shared_.requests_published.store(written_, std::memory_order_seq_cst);
  return shared_.bed.must_wake(rest::for_requests);
}

void link::wake() noexcept { shared_.bed.wake(); }
bool link::sleeps() const noexcept { return shared_.bed.is_used(); }

bool link::withdraw(std::uint64_t sequence) noexcept {
  if (!is_in_flight(sequence) || !take_back(header_of(sequence).state)) return false;
  state(sequence).awaited = false;
  --in_flight_;
  skip_unawaited();
  std::erase_if(arguments_, [&](const arguments& held) { return held.sequence == sequence; });
  return true;
}

bool link::is_taken(std::uint64_t sequence) const noexcept {
  return is_in_flight(sequence) && header_of(sequence).state.load(std::memory_order_acquire) == claim::taken;
}

void link::ask_to_stop(std::uint64_t sequence) noexcept {
  shared_.stop.store(sequence, std::memory_order_release);  // pairs with stop_asked
  shared_.stop_changes.fetch_add(1, std::memory_order_seq_cst);
  shared_futex_wake(shared_.stop_changes, sync::everybody);
}

}  // namespace plait::inline PLAIT_ABI::detail
