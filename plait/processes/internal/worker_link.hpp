// The worker's end of what joins it to its parent; link.hpp has the picture.
//
//     while (auto request = link.next()) {
//       byte_writer out(link.reply_space(), more);        // more: a worker_block_storage
//       … run it, write its result to out …
//       link.reply(reply_kind::value, 0, out.bytes());
//     }
//
// One thread, except for stop_asked and wait_for_stop, which are a listener's, and end_waiting, which is anybody's.
// The worker trusts its parent.
#pragma once

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

struct msghdr;

namespace plait::inline PLAIT_ABI::detail {

struct request {
  request_kind kind;
  std::uint64_t sequence;
  call_target target;
  std::span<const std::byte> payload;  ///< until reply(), or of a notice until next()
  int error = 0;  ///< not 0: the payload's block could not be mapped, or the descriptors had no room here, by this
                  ///< errno. To be answered with an error.
  std::vector<unique_fd> lent = {};  ///< of the shared buffers that the payload refers to
};

class worker_link {
 public:
  /// The descriptors of link::descriptors_for_worker, which it takes. Throws std::system_error.
  explicit worker_link(std::span<const int> descriptors);
  worker_link(const worker_link&) = delete;
  worker_link& operator=(const worker_link&) = delete;
  ~worker_link();

  /// The next request; waits for it. Nothing: a stop, or the parent's end is gone. The one before must be answered.
  [[nodiscard]] std::optional<request> next();
  /// What next() gave was not there yet when it was called.
  [[nodiscard]] bool waited() const noexcept { return waited_; }
  /// As far as was seen, the next one is there and is a call that nobody has taken back.
  [[nodiscard]] bool has_further() const noexcept;

  /// Where a reply's payload may be written: inline_limit bytes of the reply ring. Waits where the ring is full.
  [[nodiscard]] std::span<std::byte> reply_space();
  /// At least that much memory for a result above inline_limit, valid until the reply. Asks the parent and waits.
  /// Throws std::system_error where the parent refuses. What was given before for the same call stays valid.
  [[nodiscard]] std::span<std::byte> block_memory(std::size_t bytes);

  /// Before reply(): sends descriptors of shared buffers that the reply refers to, at most most_shared_buffers. Waits
  /// where the parent has not come to those of earlier replies. Throws std::system_error: then the reply must not
  /// refer to them.
  void lend(std::span<const int> descriptors);
  /// Answers the request. The payload lies at the begin of reply_space() or of block_memory() and is not copied, or
  /// somewhere else and is. Throws only where it must copy into a block and gets none.
  void reply(reply_kind kind, std::uint32_t flags, std::span<const std::byte> payload);
  /// What the next replies say of the memory that this process has, in pages.
  void tell_memory(std::uint32_t own_pages) noexcept { own_pages_ = own_pages; }

  /// Maps what the parent has named so far, so that no descriptor of it is needed any more.
  void map_named() noexcept;
  /// Of shared buffers that have come for requests which next() has not given yet.
  [[nodiscard]] std::vector<int> lent_descriptors_here() const;

  /// Whether the parent asks that call to stop. Any thread.
  [[nodiscard]] bool stop_asked(std::uint64_t sequence) const noexcept;
  /// Waits until another call than `seen` (0 at first) is asked to stop, and gives its number. Nothing: end_waiting
  /// was called, or the parent's end is gone. One thread at a time.
  [[nodiscard]] std::optional<std::uint64_t> wait_for_stop(std::uint64_t seen);
  void end_waiting() noexcept;

  /// Where a crash of this process is written down. Mapped for as long as this lives.
  [[nodiscard]] crash_record& crash() const noexcept { return shared_.crash; }

 private:
  struct known_block {
    std::uint64_t id;
    std::size_t bytes;
    unique_fd descriptor;  // until it is mapped
    shared_memory memory;
  };

  [[nodiscard]] bool closed() const noexcept;
  [[nodiscard]] bool has_request() noexcept;
  [[nodiscard]] bool has_many_requests() noexcept;
  [[nodiscard]] bool wait_for_requests();
  [[nodiscard]] request_header* header_at(std::uint64_t position) const noexcept;
  [[nodiscard]] std::uint64_t behind_filler(std::uint64_t position) const noexcept;
  void pass_notice() noexcept;

  void wait_for_room(std::size_t bytes);
  void answer(reply_kind kind, std::uint32_t flags, std::span<const std::byte> payload, bool in_block);
  void publish(reply_kind kind, std::uint32_t flags, std::uint64_t sequence, std::size_t size, bool in_block);
  void ring_bell() noexcept;

  struct lent_descriptors {
    std::uint64_t sequence;  // of the request that they go with
    std::vector<unique_fd> descriptors;
    std::size_t messages;  // that they came in
    bool lost;             // there was no room here for some of them
  };

  void note_lent(const control_message& message, msghdr& got);
  void find_lent(request& out, std::size_t count);
  void forget_lent(std::uint64_t up_to) noexcept;
  [[nodiscard]] bool receive(control_message& message, int flags);
  [[nodiscard]] bool has_control() const noexcept;
  void drain_control();
  [[nodiscard]] known_block* find(std::uint64_t id) noexcept;
  [[nodiscard]] known_block& named(std::uint64_t id);
  [[nodiscard]] std::span<std::byte> memory_of(known_block& known);
  void find_payload(request& out);
  [[nodiscard]] bool take_spare(std::size_t bytes);
  [[nodiscard]] bool is_mine(std::uint64_t id) const noexcept;
  [[nodiscard]] const known_block* block_at(const std::byte* at) noexcept;

  shared_memory memory_;
  link_memory& shared_;
  unique_fd control_;
  unique_fd bells_[2];

  const ring requests_;
  std::uint64_t seen_ = 0;  // published, as it was read last
  std::uint64_t read_ = 0;  // taken up to here

  const ring replies_;
  std::uint64_t written_ = 0;
  std::uint64_t freed_ = 0;     // as it was read last
  std::byte* space_ = nullptr;  // what reply_space gave; null once it is used

  std::uint64_t current_ = 0;  // the request that is not answered; 0: none
  bool is_notice_ = false;     // it is one, and its memory is free at the next next()
  bool stopped_ = false;       // a stop was taken
  bool waited_ = false;        // in the last next()
  std::uint32_t own_pages_ = 0;
  std::uint64_t received_ = 0;  // control messages
  std::vector<known_block> known_;
  std::vector<std::uint64_t> mine_;     // blocks granted to the current call
  std::uint64_t spare_ = 0;             // a spare one that was taken and not used yet
  std::vector<lent_descriptors> lent_;  // for requests that are still to come
  std::uint32_t lends_ = 0;             // messages sent for the reply to come
  sync::atomic<bool> ended_{false};     // by end_waiting, before it changes the word that the listener sleeps on
};

}  // namespace plait::inline PLAIT_ABI::detail
