// A worker process, as its pool sees it; and what passes between the parts of the pool.
#pragma once

#include <plait/processes/internal/link.hpp>
#include <plait/processes/internal/process_pool.hpp>
#include <plait/processes/internal/sandbox_watch.hpp>
#include <plait/processes/internal/stderr_relay.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace plait::inline PLAIT_ABI::detail {

/// A call that a worker was sent and has not answered.
struct process_pool::flight {
  flight(std::uint64_t sequence, std::uint64_t order, work_item* item) noexcept
      : sequence(sequence), order(order), item(item) {}

  std::uint64_t sequence;  // on its link
  std::uint64_t order;     // of sending, over all workers
  work_item* item;         // null: the initializer
  std::size_t bytes = 0;   // that were sent for it
};

/// Flights in the order in which they were sent: a deque whose memory stays, since most live for microseconds.
class process_pool::flights {
 public:
  using iterator = std::vector<flight>::iterator;

  [[nodiscard]] bool empty() const noexcept { return gone_ == all_.size(); }
  [[nodiscard]] std::size_t size() const noexcept { return all_.size() - gone_; }
  [[nodiscard]] iterator begin() noexcept { return all_.begin() + static_cast<std::ptrdiff_t>(gone_); }
  [[nodiscard]] iterator end() noexcept { return all_.end(); }
  [[nodiscard]] flight& front() noexcept { return all_[gone_]; }
  [[nodiscard]] const flight& front() const noexcept { return all_[gone_]; }
  [[nodiscard]] flight& back() noexcept { return all_.back(); }

  /// Made where it lies: who copies what was just written, in larger pieces, waits until it is in the cache.
  flight& add(std::uint64_t sequence, std::uint64_t order, work_item* item) {
    if (all_.size() == all_.capacity()) close_ranks();
    return all_.emplace_back(sequence, order, item);
  }
  void pop_back() noexcept { all_.pop_back(); }
  void pop_front() noexcept {
    if (++gone_ < all_.size()) return;
    all_.clear();
    gone_ = 0;
  }
  iterator erase(iterator which) noexcept { return all_.erase(which); }

 private:
  // Where that makes as much room as moving the rest costs.
  void close_ranks() noexcept {
    if (gone_ < all_.size() - gone_) return;
    all_.erase(all_.begin(), begin());
    gone_ = 0;
  }

  std::vector<flight> all_;
  std::size_t gone_ = 0;  // of them, from the front
};

/// How far a worker that runs a call was pushed for a call that is to stop. Only ever upwards; see
/// process_pool_stopping.cpp.
struct process_pool::ladder {
  enum class rung : std::uint8_t {
    none,
    asked,       // the call was, where its callable takes a stop_token; the worker may yet live on
    terminated,  // SIGTERM was sent, or is as soon as the worker has been started; or it said that it leaves
    killed,      // SIGKILL
  };
  rung at = rung::none;
  time_point next = sync::forever;  // when the next rung is due
  std::uint64_t sequence = 0;       // of the call
  const char* why = "";             // what it will be told to have died of
};

/// Guarded by the pool's lock, except where said.
struct process_pool::worker : std::enable_shared_from_this<worker> {
  /// One that has answered nothing for so long runs a long call: what was sent ahead to it goes to one that is free.
  static constexpr nanoseconds stuck_after{1'000'000};

  worker(process_pool& pool, std::uint64_t id, int number)
      : id(id),
        number(number),
        name(pool.settings_.prefix + "_" + std::to_string(number)),
        most_calls(pool.settings_.max_tasks),
        line(pool.blocks_, pool.loop_bell_.get(), pool.attendant_bell_.get()) {}

  const std::uint64_t id;
  const int number;
  const std::string name;
  const std::size_t most_calls;  // then it is replaced
  link line;
  process_pool::flights flights;    // the first one runs, or will at once; those behind it were sent ahead
  std::size_t most_flights = 1;     // more where its calls are quick
  nanoseconds each{};               // what a call has taken there lately; 0: not known
  time_point last_sign{};           // when it answered last, or when a call was first sent ahead to it since
  std::uint32_t known_modules = 1;  // it was told what they are; the program itself it knows
  pid_t pid = 0;                    // 0: not started yet
  unique_fd pidfd;
  bool ready = false;     // it has run its initializer
  bool stopping = false;  // it was told to stop
  bool dead = false;      // its link must not be used any more
  bool held = false;      // somebody reads a reply's block: its replies are not taken meanwhile
  bool killed_on_shutdown = false;
  std::string killed_because;  // not empty: by the pool, which has sent it a signal
  ladder pushed;
  std::size_t calls_done = 0;
  bool ran_out_of_memory = false;               // killed for that
  bool has_ended = false;                       // while it was held: it is buried when its last replies are taken
  std::optional<process_end_status> how_ended;  // nothing: with its server
  sandbox_watch sandbox;
  std::string forbidden_call;  // that it was killed for
  time_point idle_since{};
  std::uint64_t memory_kills_before = 0;  // that the kernel had counted when it was started; the attendant's own
  stderr_relay errors;                    // the attendant's own

  /// Calls that it was sent before it has begun with them.
  [[nodiscard]] std::size_t sent_ahead() const noexcept { return flights.size() > 1 ? flights.size() - 1 : 0; }
  [[nodiscard]] bool takes_calls() const noexcept {
    return !stopping && !dead && !has_ended && killed_because.empty();
  }
  /// That it may be sent.
  [[nodiscard]] std::size_t calls_left() const noexcept {
    const auto had = calls_done + flights.size() - (!flights.empty() && !flights.front().item);
    return had < most_calls ? most_calls - had : 0;
  }
  [[nodiscard]] bool is_spent() const noexcept { return calls_left() == 0; }
};

/// A call that is written down: in this thread's own buffer, or in a block.
struct process_pool::outgoing {
  code_address thunk;
  std::uint16_t flags = 0;
  std::span<const std::byte> bytes;
  block large = {};     // where the bytes lie, unless in the buffer
  freight beside = {};  // shared buffers that they refer to
};

/// A call that is written down and waits, with its bytes behind it unless they lie in a block.
struct process_pool::parcel {
  struct bulk {
    block large;
    freight beside;
  };

  [[nodiscard]] static parcel* make(outgoing& what);
  static void operator delete(parcel* one, std::destroying_delete_t) noexcept;

  [[nodiscard]] bool lends() const noexcept { return more && !more->beside.empty(); }
  /// What was written down, to be sent. The bytes stay here.
  [[nodiscard]] outgoing take() noexcept;

  code_address thunk;
  std::uint16_t flags = 0;
  std::uint32_t inside = 0;    // bytes behind it: as many as `size`, or none
  std::size_t size = 0;        // of what is written down
  std::unique_ptr<bulk> more;  // where it has any

 private:
  [[nodiscard]] std::byte* behind() noexcept { return reinterpret_cast<std::byte*>(this + 1); }
};

/// A reply off its ring, to be delivered.
struct process_pool::arrived {
  enum class kind : std::uint8_t {
    kept,  // a value that its item has already
    value,
    error,
    initializer_failed,
    wants_memory
  };
  struct bulk {
    // Where a block is involved, its own or the one that it wants:
    std::shared_ptr<worker> from;
    std::optional<reply> held;
    // Shared buffers that came with it:
    std::vector<unique_fd> lent;
    bool lent_lost = false;
  };

  [[nodiscard]] static kind kind_of(const small_reply& answer, const work_item* item) noexcept;
  [[nodiscard]] reply* held() const noexcept { return more && more->held ? &*more->held : nullptr; }

  kind what;
  work_item* item = nullptr;
  std::size_t offset = 0, size = 0;  // in the batch's bytes
  std::unique_ptr<bulk> more = {};   // where it has any
};

/// Replies that one thread took at once.
struct process_pool::batch {
  static constexpr std::size_t most = 256;  // then the lock is left for a moment

  std::vector<arrived> replies;
  std::vector<std::byte> bytes;
};

struct process_pool::place_of_flight {
  worker* by = nullptr;
  flights::iterator at{};
};

/// What is to be done once the lock is released.
struct process_pool::afterwards {
  std::vector<std::shared_ptr<worker>> wake;
  std::vector<std::size_t> left;                             // room in the bounded pool, a call each
  std::vector<flight> again;                                 // to be placed anew
  std::vector<std::pair<work_item*, outcome<void>>> failed;  // an empty outcome: cancelled
  std::vector<work_item*> expired;
  std::exception_ptr no_worker;  // why none could be started
  std::string report;
};

}  // namespace plait::inline PLAIT_ABI::detail
