// The parent's end of a link whose other end is hostile: the input says what both do (link_operations.hpp), also at
// the same time.
//
//    parent: detail::link ◄── one memory, mapped twice ──► hostile_end: writes what the input says
//       │ what must hold whatever is written                   └─► rewriter: a thread that does so while the parent
//       reads └─► reads payloads where they lie, as the pool does
//
// What must hold: next_reply and next_small_reply throw protocol_error and nothing else; a reply answers the oldest
// call in flight; its payload lies within the ring or in a block that was granted; what is in flight is what was
// sent, neither answered nor withdrawn; the descriptors that came with it are shared buffers whose bytes can be read,
// or decode_error; reading a payload ends in a value or in decode_error.
#include <plait/core/errors.hpp>
#include <plait/portable/errors.hpp>
#include <plait/processes/internal/link.hpp>
#include <plait/processes/internal/link_memory.hpp>
#include <plait/processes/internal/shared_pages.hpp>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <memory>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include "buffers.hpp"
#include "hostile_descriptors.hpp"
#include "hostile_end.hpp"
#include "input.hpp"
#include "link_operations.hpp"
#include "results.hpp"
#include <sys/eventfd.h>

namespace {

namespace pd = plait::detail;
using fuzz::hostile_end;
using fuzz::input;
using fuzz::operation;
using fuzz::require;
using fuzz::rewriter;

constexpr std::size_t most_lent = 600;                         // of the program's, with one call
constexpr std::size_t largest_block = std::size_t{256} << 10;  // of what is really made: larger ones only cost time

/// Each page is there, whatever the worker does to them.
void look_at(const pd::freight& beside) {
  constexpr std::size_t page = 4096;
  for (const auto& each : beside.items()) {
    const auto bytes = dynamic_cast<const pd::shared_pages&>(*each).bytes();
    require(!bytes.empty() && bytes.size() % page == 0, "a shared buffer is of whole pages");
    for (std::size_t at = 0; at < bytes.size(); at += page)
      static_cast<void>(*static_cast<const volatile std::byte*>(&bytes[at]));
  }
}

/// As the pool reads what came, where it lies.
void read_payload(pd::reply& came, unsigned how) {
  if (came.lent_lost) return;  // it has no descriptors left: std::system_error of the call
  try {
    auto beside = pd::received(std::move(came.lent));
    look_at(beside);
    pd::byte_reader from(came.payload, &beside);
    if (came.kind == pd::reply_kind::error) {
      static_cast<void>(pd::decode_thrown(from));
      return;
    }
    fuzz::with_kind_of_result(how, [&]<class T>() { static_cast<void>(pd::result_codec<T>::decode(from)); });
  } catch (const plait::decode_error&) {
  }
}

class game {
 public:
  explicit game(input in)
      : in_(in), ends_(link_.descriptors_for_worker()), worker_(ends_[0], ends_[1]), memory_(worker_.memory()) {}

  void play() {
    try {
      while (!in_.at_end()) step(static_cast<operation>(in_.byte() % static_cast<unsigned>(operation::count)));
    } catch (const pd::protocol_error&) {
      return;  // found out; only the destructor may follow
    } catch (const std::system_error& error) {
      // The worker does not take what it is sent, or the kernel has no more: then it would be killed.
      require(error.code() == std::errc::resource_unavailable_try_again ||
                  error.code() == std::errc::too_many_files_open || error.code().value() == ETOOMANYREFS,
              "what could not be sent was too much for the socket");
      return;
    }
    require(link_.in_flight() == in_flight_.size(), "in flight is what was sent, neither answered nor withdrawn");
  }

 private:
  void step(operation what) {
    switch (what) {
      case operation::send:
        return sent(pd::request_kind::call, std::size_t{16} * in_.byte());
      case operation::send_large:
        return sent(pd::request_kind::call, pd::inline_limit + 1 + (std::size_t{in_.byte()} << 10));
      case operation::send_notice:
        return sent(pd::request_kind::notice, in_.byte());
      case operation::send_lending:
        return lends(in_.get<std::uint16_t>() % (most_lent + 1));
      case operation::has_room:
        static_cast<void>(link_.has_room(in_.get<std::uint32_t>()));
        return;
      case operation::withdraw:
        return withdraw(chosen());
      case operation::withdraw_any:
        return withdraw(in_.get<std::uint64_t>());
      case operation::ask_to_stop:
        return link_.ask_to_stop(chosen());
      case operation::is_taken: {
        const auto which = chosen();
        require(!link_.is_taken(which) || is_in_flight(which), "what is taken is in flight");
        return;
      }
      case operation::next_reply:
        return next_reply(in_.byte());
      case operation::release:
        return release();
      case operation::answer_wish:
        return answer_wish(in_.byte() != 0);
      case operation::arm:
        if (const auto which = in_.byte() % 3; which == 0)
          link_.disarm();
        else
          link_.arm(which == 1 ? pd::bell::loop : pd::bell::helper);
        return;
      case operation::wake:
        static_cast<void>(link_.sleeps());
        if (link_.publish()) link_.wake();
        return;
      case operation::forget_worker_ends:
        return link_.forget_worker_ends();
      default:
        worker_does(what);
    }
  }

  void worker_does(operation what) {
    switch (what) {
      case operation::reply: {
        const auto kind = 2 + in_.byte() % 2;
        const auto size = in_.get<std::uint16_t>() % (pd::inline_limit + 1);
        const auto bytes = in_.take(size);
        write_next({.size = static_cast<std::uint32_t>(bytes.size()), .kind = static_cast<pd::reply_kind>(kind)},
                   bytes);
        return;
      }
      case operation::lend: {
        const auto which = in_.byte();
        const pd::control_message message{pd::control_kind::lend, 0, next_to_answer(), 0};
        lent_ += worker_.send(std::as_bytes(std::span(&message, 1)), copies_of(which, in_.byte()));
        return;
      }
      case operation::reply_in_block: {
        const auto which = in_.byte();
        const pd::block_name name{which == 0 ? memory_.spare.exchange(0) : granted_last_, in_.get<std::uint32_t>()};
        write_next({.size = sizeof(name), .kind = pd::reply_kind::value, .in_block = 1},
                   std::as_bytes(std::span(&name, 1)));
        return;
      }
      case operation::wish: {
        const std::uint64_t bytes = in_.get<std::uint32_t>();
        write_next({.size = sizeof(bytes), .kind = pd::reply_kind::need_block}, std::as_bytes(std::span(&bytes, 1)));
        return;
      }
      case operation::publish:
        memory_.replies_published.store(written_);
        return;
      case operation::take_call:
        if (link_.front() != 0) claim_of(0).store(pd::claim::taken);
        return;
      case operation::pass_over:
        memory_.passed.store(last_sent_);
        return;
      case operation::take_message:
        return worker_.take_message();
      case operation::leave:
        return worker_.leave();
      case operation::rewrite:
        return rewrite();
      default:
        no_worker_does(what);
    }
  }

  void no_worker_does(operation what) {
    switch (what) {
      case operation::write_header: {
        const auto position = read_ + pd::reply_alignment * in_.byte();
        pd::reply_header header;
        header.size = in_.get<std::uint32_t>();
        header.kind = static_cast<pd::reply_kind>(in_.get<std::uint16_t>());
        header.in_block = in_.get<std::uint8_t>();
        header.lent = in_.get<std::uint8_t>();
        header.sequence = in_.get<std::uint64_t>();
        return worker_.write_reply(position, header);
      }
      case operation::write_word: {
        const auto at = std::size_t{in_.byte()} * 8;
        const auto word = in_.get<std::uint64_t>();
        if (at < offsetof(pd::link_memory, requests)) worker_.write(at, &word, sizeof(word));
        return;
      }
      case operation::write_bytes: {
        const auto at = in_.get<std::uint32_t>() % worker_.size();
        const auto bytes = in_.take(in_.byte());
        return worker_.write(at, bytes.data(), bytes.size());
      }
      case operation::publish_at:
        memory_.replies_published.store(in_.get<std::uint64_t>());
        return;
      case operation::claim: {
        const auto which = in_.byte();
        claim_of(which).store(static_cast<pd::claim>(in_.get<std::uint32_t>()));
        return;
      }
      case operation::write_control: {
        pd::control_message message{};
        message.kind = static_cast<pd::control_kind>(in_.get<std::uint32_t>());
        message.block = in_.get<std::uint64_t>();
        const auto which = in_.byte();
        const auto descriptors = copies_of(which, in_.byte());
        const auto bytes = std::as_bytes(std::span(&message, 1));
        static_cast<void>(worker_.send(bytes.first(std::min<std::size_t>(in_.byte(), bytes.size())), descriptors));
        return;
      }
      case operation::give_back_lent:
        return descriptors_.give_back_pages(in_.byte());
      case operation::give_back: {
        const auto first = in_.get<std::uint16_t>();
        return worker_.give_back_pages(first, in_.get<std::uint16_t>());
      }
      default:
        return;
    }
  }

  // ── the parent ──

  void sent(pd::request_kind kind, std::size_t size) {
    if (!link_.has_room(size)) return;
    const bool in_block = size > pd::inline_limit;
    const bool in_place = kind == pd::request_kind::call && size > 0 && size <= 64;
    const auto sequence = in_place   ? written_in_place(size)
                          : in_block ? link_.send(kind, {}, cache_.take(size), size)
                                     : link_.send(kind, {}, std::vector<std::byte>(size, std::byte{'x'}));
    note_sent(sequence, in_block ? sizeof(pd::block_name) : size);
    if (kind == pd::request_kind::call) in_flight_.push_back(sequence);
  }
  std::uint64_t written_in_place(std::size_t size) {
    const auto memory = link_.begin_call(size);
    require(memory.size() == size, "where a link has room it gives it");
    std::fill(memory.begin(), memory.end(), std::byte{'x'});
    return link_.finish_call({}, size);
  }
  void note_sent(std::uint64_t sequence, std::size_t in_ring) {
    require(sequence == last_sent_ + 1, "requests are numbered in a row");
    positions_.push_back(next_position(sizeof(pd::request_header) + in_ring));
    last_sent_ = sequence;
  }

  void lends(std::size_t count) {
    if (!link_.has_room(0) || !link_.may_lend()) return;
    const auto& own = fuzz::own_buffers();
    std::vector<int> descriptors;
    for (std::size_t i = 0; i < count; ++i) descriptors.push_back(own[i % own.size()]->fd());
    note_sent(link_.send(pd::request_kind::call, {}, {}, descriptors), 0);
    in_flight_.push_back(last_sent_);
  }

  void withdraw(std::uint64_t which) {
    if (!link_.withdraw(which)) return;
    require(is_in_flight(which), "only what is in flight is withdrawn");
    std::erase(in_flight_, which);
  }

  void next_reply(unsigned how) {
    if (wish_) return;  // it is answered first
    std::optional<pd::reply> came;
    if (pd::small_reply small; link_.next_small_reply(small))
      came.emplace(small);
    else
      came = link_.next_reply();
    if (!came) return;
    require(!in_flight_.empty() && came->sequence == in_flight_.front(), "a reply answers the oldest call in flight");
    check_place(*came);
    require(came->lent.size() <= pd::most_lends * pd::most_descriptors_in_message, "no more descriptors than fit");
    read_ = came->position;
    if (came->kind == pd::reply_kind::need_block) {
      require(came->lent.empty() && !came->lent_lost, "a wish comes without descriptors");
      wish_ = came->sequence;
      wanted_ = came->wanted;
    } else {
      require(came->kind == pd::reply_kind::value || came->kind == pd::reply_kind::error,
              "a reply is of a known kind");
      in_flight_.pop_front();
      read_payload(*came, how);
    }
    taken_.push_back(std::move(*came));
    require(link_.front() == (in_flight_.empty() ? 0 : in_flight_.front()), "the next one is the next one");
  }

  void check_place(const pd::reply& came) {
    if (came.large) {
      const auto block = came.large.memory();
      require(came.payload.data() == block.data() && came.payload.size() <= block.size(),
              "a payload lies in its block");
      return;
    }
    require(came.payload.size() <= pd::inline_limit, "a payload in the ring is small");
    const auto size = (sizeof(pd::reply_header) + came.payload.size() + pd::reply_alignment - 1) /
                      pd::reply_alignment * pd::reply_alignment;
    const auto offset = (came.position - size) % pd::reply_ring_bytes;
    require(offset + size <= pd::reply_ring_bytes, "a reply lies in the ring in one piece");
    const auto* const ring = came.payload.data() - sizeof(pd::reply_header) - offset;
    require(ring_ == nullptr || ring_ == ring, "and in the ring that all others lie in");
    ring_ = ring;
  }

  void release() {
    if (taken_.empty()) return;
    link_.release(std::move(taken_.front()));
    taken_.pop_front();
  }

  void answer_wish(bool grants) {
    if (!wish_) return;
    while (!taken_.empty()) release();
    const auto sequence = std::exchange(wish_, 0);
    if (!grants || (wanted_ > largest_block && wanted_ < std::uint64_t{1} << 46))
      return link_.refuse(sequence, ENOMEM);
    try {
      auto memory = cache_.take(wanted_, link_.id());
      const auto id = memory.id();
      link_.grant(sequence, std::move(memory));
      granted_last_ = id;
    } catch (const std::system_error& error) {
      if (error.code() != std::errc::not_enough_memory) throw;
      link_.refuse(sequence, ENOMEM);
    }
  }

  [[nodiscard]] bool is_in_flight(std::uint64_t which) const {
    return std::find(in_flight_.begin(), in_flight_.end(), which) != in_flight_.end();
  }
  [[nodiscard]] std::uint64_t chosen() {
    const auto which = in_.byte();
    return in_flight_.empty() ? which : in_flight_[which % in_flight_.size()];
  }

  // ── the worker ──

  // Where requests lie, as the ring places them.
  std::uint64_t next_position(std::size_t bytes) {
    const pd::ring ring(memory_.requests, pd::request_alignment);
    const auto position = ring.place(requests_written_, bytes);
    requests_written_ = position + ring.rounded(bytes);
    return position;
  }
  // Of the so-manieth request: atomic, since the parent's is.
  plait::sync::atomic<pd::claim>& claim_of(std::size_t which) {
    const auto sequence = link_.front() == 0 ? which : link_.front() - 1 + which;
    const auto position = positions_.empty() ? 0 : positions_[sequence % positions_.size()];
    auto* const at = memory_.requests + position % pd::request_ring_bytes;
    return std::launder(reinterpret_cast<pd::request_header*>(at))->state;
  }

  [[nodiscard]] std::uint64_t next_to_answer() const {
    const auto next = std::upper_bound(in_flight_.begin(), in_flight_.end(), replied_);
    return next == in_flight_.end() ? replied_ + 1 : *next;
  }
  [[nodiscard]] std::vector<int> copies_of(unsigned which, std::size_t count) {
    return std::vector<int>(count, descriptors_.of_kind(which));
  }

  // Behind what was written, published; a filler takes what is left at the ring's end.
  void write_next(pd::reply_header header, std::span<const std::byte> payload) {
    const pd::ring ring(memory_.replies, pd::reply_alignment);
    const auto bytes = sizeof(header) + payload.size();
    const auto position = ring.place(written_, bytes);
    if (position != written_) worker_.write_reply(written_, {});
    header.sequence = next_to_answer();
    if (header.kind != pd::reply_kind::need_block) {
      replied_ = header.sequence;
      header.lent = static_cast<std::uint8_t>(std::exchange(lent_, 0));
    }
    worker_.write_reply(position, header);
    worker_.write(offsetof(pd::link_memory, replies) + ring.offset(position) + sizeof(header), payload.data(),
                  payload.size());
    written_ = position + ring.rounded(bytes);
    memory_.replies_published.store(written_);
  }

  // What it writes lies where the parent reads next, and in the words.
  void rewrite() {
    if (rewriter_) return;
    std::vector<rewriter::change> changes;
    for (auto left = 1 + in_.byte() % 16; left > 0; --left) {
      const auto where = std::size_t{in_.byte()};
      const auto what = in_.get<std::uint64_t>();
      const auto word = where % 128 * 8;
      const auto ring = offsetof(pd::link_memory, replies) + (read_ + word) % pd::reply_ring_bytes;
      changes.push_back({where < 128 ? ring : word, what});
    }
    rewriter_.emplace(worker_, std::move(changes));
  }

  input in_;
  pd::unique_fd loop_bell_{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  pd::unique_fd helper_bell_{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  pd::block_cache cache_;
  pd::link link_{cache_, loop_bell_.get(), helper_bell_.get()};

  // What the parent's user knows.
  std::uint64_t last_sent_ = 0;
  std::deque<std::uint64_t> in_flight_;
  std::deque<pd::reply> taken_;  // not released yet; before the link goes, after the cache
  std::uint64_t wish_ = 0;
  std::uint64_t wanted_ = 0;
  const std::byte* ring_ = nullptr;

  // The other end.
  std::vector<int> ends_;
  hostile_end worker_;
  fuzz::hostile_descriptors descriptors_;
  pd::link_memory& memory_;
  std::vector<std::uint64_t> positions_;
  std::uint64_t requests_written_ = 0;
  std::uint64_t read_ = 0;     // the parent has read replies up to here
  std::uint64_t written_ = 0;  // and the worker written
  std::uint64_t replied_ = 0;  // the last request that it answered
  unsigned lent_ = 0;          // messages for the next one
  std::uint64_t granted_last_ = 0;
  std::optional<rewriter> rewriter_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  game(input(data, size)).play();
  return 0;
}
