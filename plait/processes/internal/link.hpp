// The parent's end of what joins it to one worker.
//
//     parent                     one sealed memfd, mapped by these two alone                    worker
//     ──────                     ───────────────────────────────────────────                    ──────
//     send() ──────────────────► request ring: header, arguments │ header, arguments │ … ──────► next()
//       │  withdraw(): compare-      (each header holds a claim: ready → taken │ withdrawn)         │
//       ▼  and-swap on the claim                                                                    ▼
//     publish() ───── futex ───► bed: awake │ asleep │ waits for room                            runs it
//                                                                                                   │
//     next_reply() ◄──────────── reply ring: header, result │ … ◄───────────────────────────────── reply()
//       ▲  release() frees both    doorbell: whom to ring ─────── eventfd ──► loop or helper ◄──────┘
//       │                          stop: the call that is asked to stop ────────────────────────► listener thread
//       └─ need_block, grant() ─── control socket: names, grants and refusals of blocks ────────► block_memory()
//                                  (SCM_RIGHTS); shared buffers, both ways: shared_pages.hpp
//
// Guarantees
// - The parent trusts no byte of the memory. All positions, and what is in flight, it keeps for itself. Of a reply it
//   copies the header, checks the copy and uses that alone; the payload lies within the ring or a block whatever the
//   worker does. What is wrong is a protocol_error, after which only the destructor may be called. Payload bytes may
//   change while they are read: decoders must read each once.
// - The worker takes requests and answers them strictly in order. So front(), where is_taken, is the call that it
//   runs, and a reply frees the requests up to its own.
// - Exactly one of withdraw() and the worker gets a request.
// - No wake-up is lost: both sides publish, then look whether the other sleeps (seq_cst on both, see doorbell.hpp).
// - Nothing here waits for the worker. Replies that were published before it died can still be taken.
//
// Thread safety: none; the pool's lock guards it, except for has_reply and wake: any thread may call them.
#pragma once

#include <plait/processes/internal/block_cache.hpp>
#include <plait/processes/internal/link_memory.hpp>
#include <plait/processes/internal/ring.hpp>
#include <plait/processes/internal/shared_memory.hpp>
#include <plait/processes/internal/unique_fd.hpp>
#include <plait/processes/internal/wire.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace plait::inline PLAIT_ABI::detail {

/// A worker's message that is all in the ring, until it is released.
struct small_reply {
  reply_kind kind = reply_kind::filler;
  std::uint32_t flags = 0;
  std::uint32_t own_pages = 0;  ///< of memory that the worker has, as it says; 0 where it was not to measure
  std::uint64_t sequence = 0;
  std::span<const std::byte> payload;  ///< the worker can still write to it
  std::uint64_t position = 0;          ///< the link's own: up to where the ring is free when this is released
};

/// Any message of a worker's, until it is released. The payload is in the ring or in `large`.
struct reply : small_reply {
  explicit reply(const small_reply& in_ring) noexcept : small_reply(in_ring) {}

  block large;
  std::uint64_t wanted = 0;     ///< need_block: how many bytes
  std::vector<unique_fd> lent;  ///< of shared buffers, as they came: unchecked
  bool lent_lost = false;       ///< there was no descriptor free for some of them
};

class link {
 public:
  /// `bell_loop`, `bell_helper`: eventfds that the worker rings; they stay the caller's. The cache must outlive the
  /// link. Throws std::system_error.
  link(block_cache& blocks, int bell_loop, int bell_helper);
  link(const link&) = delete;
  link& operator=(const link&) = delete;
  /// Tells the worker that nobody is here any more.
  ~link();

  /// For block_cache::take: blocks for this worker's results.
  [[nodiscard]] std::uint64_t id() const noexcept { return id_; }

  /// What the worker needs, in the order in which worker_link takes them: memory, control socket, the two bells.
  [[nodiscard]] std::vector<int> descriptors_for_worker() const;
  /// Closes what the parent need not keep of them, once the worker has them.
  void forget_worker_ends() noexcept;

  // ── Requests ──

  /// Whether a request with that many bytes of arguments could be sent now, and one without any after it: whatever
  /// was sent, the worker can be told to stop.
  [[nodiscard]] bool has_room(std::size_t payload) noexcept;
  /// Nothing is in the ring that the worker has not answered or gone past.
  [[nodiscard]] bool is_clear() noexcept;
  /// Requests sent, neither answered nor withdrawn; notices not counted.
  [[nodiscard]] std::size_t in_flight() const noexcept { return in_flight_; }

  /// Writes a request and gives its number, which is one more than the last one's (the first is 1). Throws
  /// invalid_state_error, and nothing was sent, where the ring has no room (see has_room). The payload is copied:
  /// into the ring, or, above inline_limit, into a block made for it. Throws std::system_error where there is no such
  /// block or it could not be named to the worker: then nothing was sent. After the last send of a batch: `if
  /// (publish()) wake();`.
  ///
  /// `lent` are descriptors of shared buffers that the payload refers to, at most most_shared_buffers; they stay the
  /// caller's. Throws std::system_error where they can't be sent.
  std::uint64_t send(request_kind kind, const call_target& target, std::span<const std::byte> payload,
                     std::span<const int> lent = {});
  /// The same with a payload that lies in a block already: its first `bytes` bytes. The block goes back to the cache
  /// when the request is answered or withdrawn. On an exception it is the caller's still.
  std::uint64_t send(request_kind kind, const call_target& target, block&& payload, std::size_t bytes,
                     std::span<const int> lent = {});
  /// A call whose payload is written where it goes: room for `most` bytes (of inline_limit) in the ring, then how
  /// many they are and what the call is. Nothing has happened until then: there may be another send instead. Empty
  /// where has_room(most) is false. Throws std::bad_alloc.
  [[nodiscard]] std::span<std::byte> begin_call(std::size_t most);
  std::uint64_t finish_call(const call_target& target, std::size_t size) noexcept;
  /// Whether the control socket has room for those of one more request, as far as one can see: a worker takes them
  /// off when it comes to the request, also to a withdrawn one.
  [[nodiscard]] bool may_lend() noexcept;

  /// Lets the worker see what was sent. True: it sleeps and must be woken, by this caller.
  [[nodiscard]] bool publish() noexcept;
  /// One system call. Any thread, while the link exists.
  void wake() noexcept;
  /// As far as one can see: what is sent now would have to wake it.
  [[nodiscard]] bool sleeps() const noexcept;

  /// Takes a request back. True: the worker will not run it, and no reply will come. False: it has it, or had.
  bool withdraw(std::uint64_t sequence) noexcept;
  /// Whether the worker has begun with it. Of a request that is not in flight: false.
  [[nodiscard]] bool is_taken(std::uint64_t sequence) const noexcept;
  /// The oldest in flight, the one whose reply comes next; 0 where there is none.
  [[nodiscard]] std::uint64_t front() const noexcept;
  /// The call's stop_token, in the worker, is told to stop. Meaningful for the call that runs.
  void ask_to_stop(std::uint64_t sequence) noexcept;

  // ── Replies ──

  /// A cheap look, by any thread: next_reply would give one (or throw).
  [[nodiscard]] bool has_reply() const noexcept;

  /// The next reply, or nothing. Throws protocol_error. Where it is a need_block, answer with grant or refuse.
  [[nodiscard]] std::optional<reply> next_reply();
  /// The same for most. False: there is none, or it is one that only next_reply gives.
  [[nodiscard]] bool next_small_reply(small_reply& to);
  /// Frees the room of the reply and, where it answers one, of its request. In the order in which they came.
  void release(reply&& answered) noexcept;
  /// The same for one with this position and for all before it, none of which lies in a block.
  void release_up_to(std::uint64_t position) noexcept;

  /// Answers need_block: take the block (outside the pool's lock), grant it (inside). Throws std::system_error where
  /// it could not be sent: then the worker is stuck and must be killed.
  void grant(std::uint64_t sequence, block&& memory);
  /// The other answer: the call in the worker gets a std::system_error of this errno.
  void refuse(std::uint64_t sequence, int error);

  /// Tells the worker which blocks are freed, so that it keeps none of them mapped. release does it by itself; for a
  /// worker that idles while others work, somebody should do it now and then.
  void tell_dropped() noexcept;

  /// Before sleeping: has the worker ring this bell at its next reply. Then look again (has_reply).
  void arm(bell which) noexcept;
  void disarm() noexcept;

  /// For read_crash, once the worker is dead.
  [[nodiscard]] const crash_record& crash() const noexcept { return shared_.crash; }

 private:
  struct request_state {
    std::uint64_t position;  // of its header
    std::uint64_t end;       // where the next one may begin
    bool awaited;            // a reply will come: neither withdrawn nor a notice
  };

  std::uint64_t put(request_kind kind, const call_target& target, std::span<const std::byte> payload, bool in_block,
                    std::size_t lent) noexcept;
  std::uint64_t put_header(request_kind kind, const call_target& target, std::uint64_t position, std::size_t payload,
                           bool in_block, std::size_t lent) noexcept;
  [[nodiscard]] inline bool read_next(reply_header& checked, small_reply& to);
  void lend(std::span<const int> descriptors);
  void take_lent(reply& into, std::uint32_t messages);
  void name(block& memory);
  void open_control();
  [[nodiscard]] bool control(const control_message& message, int descriptor) noexcept;
  void make_room_for_state() {
    if (next_ - first_ >= states_.size()) [[unlikely]]
      double_states();
  }
  void double_states();
  void skip_unawaited() noexcept {
    while (front_ != next_ && !state(front_).awaited) ++front_;
  }
  void retire_passed() noexcept;
  [[nodiscard]] bool ring_has_room(std::size_t payload) noexcept;
  void require_room(std::size_t payload);
  void retire_front() noexcept {
    freed_ = state(front_).end;
    first_ = ++front_;
    --in_flight_;
    skip_unawaited();
    if (!arguments_.empty() || !lent_.empty()) free_arguments();
  }
  [[nodiscard]] bool is_in_flight(std::uint64_t sequence) const noexcept;
  [[nodiscard]] request_state& state(std::uint64_t sequence) noexcept {
    return states_[sequence & (states_.size() - 1)];
  }
  [[nodiscard]] const request_state& state(std::uint64_t sequence) const noexcept {
    return states_[sequence & (states_.size() - 1)];
  }
  [[nodiscard]] request_header& header_of(std::uint64_t sequence) const noexcept;
  void free_arguments() noexcept;
  void look();
  void tell_freed() noexcept;
  inline void check(const reply_header& header, std::uint64_t position) const;
  [[nodiscard]] block take_granted(const block_name& name);
  void keep_spare(block&& used) noexcept;

  block_cache& blocks_;
  const std::uint64_t id_;
  shared_memory memory_;
  link_memory& shared_;
  unique_fd control_;
  unique_fd worker_control_;
  int bells_[2];

  // Requests: positions in their ring, and one state for each sequence in [first_, next_).
  const ring requests_;
  std::uint64_t written_ = 0;          // requests lie up to here
  std::uint64_t begun_ = 0;            // where the one lies that begin_call gave memory for
  std::uint64_t freed_ = 0;            // and from here
  std::vector<request_state> states_;  // a circle of 2^n, by sequence
  std::uint64_t first_ = 1;            // the oldest that has room in the ring
  std::uint64_t front_ = 1;            // the oldest that a reply will come for; next_ where there is none
  std::uint64_t next_ = 1;             // the next to be sent
  std::size_t in_flight_ = 0;

  // Replies: told_ <= released_ <= read_ <= seen_.
  const ring replies_;
  std::uint64_t seen_ = 0;               // published, as it was read last
  sync::atomic<std::uint64_t> read_{0};  // taken up to here; relaxed: written under the lock, has_reply only looks
  std::uint64_t released_ = 0;           // released up to here
  std::uint64_t told_ = 0;               // and the worker knows up to here

  struct arguments {
    std::uint64_t sequence;
    block memory;
  };
  std::vector<arguments> arguments_;  // blocks that requests in flight lie in
  std::vector<std::uint64_t> named_;  // blocks that the worker knows
  std::vector<std::uint64_t> lent_;   // requests that the worker may not have come to yet, one for each lend
  std::uint64_t freed_seen_ = 0;
  std::uint64_t asked_ = 0;     // the request whose need_block is not answered; 0: none
  std::vector<block> granted_;  // to the call that runs
  block spare_;                 // the worker may use it for a result without asking
};

}  // namespace plait::inline PLAIT_ABI::detail
