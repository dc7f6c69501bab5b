// The work item: what an executor takes. One object, one allocation: the state of its future, the call itself, and
// behind it what few calls have (a deadline, a priority, retries) and the name.
//
//    ┌ work_item ──────────────┬ call<R, F, Args...> ──────┬ behind the object ────────┐
//    │ state machine, links,   │ result, callable and      │ call_extras, if any; name │
//    │ owner                   │ arguments until it ran    │                           │
//    └─────────────────────────┴───────────────────────────┴───────────────────────────┘
//
// Who may touch it
// - From accept() until it is published it belongs to its executor (its owner). While it waits, the owner's lock says
//   who has it: the worker that takes it or the cancel that withdraws it, never both; that one completes it.
// - A call with a deadline may be completed by the deadline while it runs: only then a claim decides, and the
//   executor has a keeper of its own until its worker has let go.
// - Who comes from a future (cancel) reaches the owner through the gate: an owner passes the gate before it goes, so
//   that a call that is not done always has a living owner. One that a cancel withdrew is as good as done.
#pragma once

#include <plait/core/context.hpp>
#include <plait/core/outcome.hpp>
#include <plait/core/state.hpp>
#include <plait/executor/call_options.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>

namespace plait::inline PLAIT_ABI::detail {

class admission;
class byte_reader;
class byte_writer;
class work_item;

/// What a worker offers to the call that it runs.
class call_environment {
 public:
  /// For a callable that takes one. Made on demand: a call that does not ask pays nothing.
  [[nodiscard]] virtual std::stop_token stop_token() = 0;

 protected:
  ~call_environment() = default;
};

/// Where a call is, for who looks in.
struct call_place {
  std::string executor;  ///< its prefix
  std::string worker;    ///< that runs it, or that it was sent ahead to; empty: it waits for one
  int pid = 0;           ///< of the worker, where that is a process; -1: being started
  bool runs = false;
};

/// An executor's inner side, as its calls see it.
class call_owner {
 public:
  struct withdrawn {
    cancel_outcome outcome;
    std::stop_source ask{std::nostopstate};     // to be asked to stop, where the outcome is `asked`
    std::shared_ptr<admission> room = nullptr;  // to be told that the call has left, where it was counted
    std::size_t bytes = 0;                      // which it took there
  };
  /// A thread is about to block for a call that this owner noted as served by a loop.
  virtual void wanted_by_thread(work_item&) noexcept {}
  /// Says where the call is. Runs no user code.
  virtual void locate(const work_item&, call_place&) {}
  /// Marks a call as running that was sent ahead and has been begun with since.
  virtual void look_again(work_item&) noexcept {}
  /// Takes a call that waits out of the queue, for the caller to complete (dropped), or finds who runs it. Runs no
  /// user code.
  [[nodiscard]] virtual withdrawn withdraw(work_item& item) noexcept = 0;

 protected:
  ~call_owner() = default;
};

/// What few calls have.
struct call_extras {
  time_point deadline = sync::forever;
  int priority = 0;
  int retries_left = 0;
  bool (*retry_on)(const std::exception_ptr&) noexcept = nullptr;
  int deaths = 0;  // of worker processes that ran it
  std::optional<cancel_mode> cancel = std::nullopt;
};

class PLAIT_API work_item : public state {
 public:
  /// What make_work_item put behind the object.
  struct layout {
    std::uint32_t object_size = 0;
    std::uint16_t name_length = 0;
    bool has_extras = false;

    /// Of it all, in bytes.
    [[nodiscard]] std::size_t size() const noexcept {
      return object_size + (has_extras ? sizeof(call_extras) : 0) + name_length;
    }
  };

  cancel_outcome cancel() noexcept final;
  [[nodiscard]] std::string_view name() const noexcept final {
    const auto* const at = behind() + (behind_.has_extras ? sizeof(call_extras) : 0);
    return {reinterpret_cast<const char*>(at), behind_.name_length};
  }
  [[nodiscard]] const call_extras* extras() const noexcept { return const_cast<work_item*>(this)->mutable_extras(); }
  [[nodiscard]] int priority() const noexcept { return behind_.has_extras ? extras()->priority : 0; }
  [[nodiscard]] bool is_owned_by(const call_owner& owner) const noexcept { return owner_ == &owner; }
  [[nodiscard]] bool has_deadline() const noexcept { return has_deadline_; }
  /// Where it is; nothing is filled in where it is done.
  [[nodiscard]] call_place place() const;
  [[nodiscard]] virtual bool takes_stop_token() const noexcept = 0;
  /// About what it and its arguments take in memory.
  [[nodiscard]] virtual std::size_t bytes() const noexcept = 0;

  // ── for the executor ──
  /// Before it is queued.
  void set_owner(call_owner& owner) noexcept;
  void mark_running() noexcept { set_status(call_status::running); }
  /// The same where its deadline may complete it at this moment.
  void mark_running_unless_done() noexcept { set_running(); }
  /// Runs the call, with retries. Its result is kept for complete().
  [[nodiscard]] outcome<void> execute(call_environment& environment) noexcept;
  /// Ends it as execute() said, or with an exception, or cancelled (an empty outcome). The executor must not touch it
  /// after this. Where a deadline came first, nothing but the executor's handle goes.
  void complete(outcome<void> how) noexcept;
  /// The same with the value that it has.
  void complete() noexcept;
  /// Its deadline has come while it waited (and was withdrawn) or runs: timeout_error, where it is not done.
  void expire(bool was_waiting) noexcept;
  /// accept() threw: nobody will ever complete it otherwise.
  void refuse() noexcept;

  // ── for an executor that sends it to another process ──
  /// What runs it there, see travel.hpp; null for one that was made for threads.
  [[nodiscard]] virtual const void* thunk() const noexcept { return nullptr; }
  /// Callable and arguments, as the thunk reads them; a mark behind the former and behind each of the latter. Throws
  /// what users' types throw; not_portable.
  virtual void encode(byte_writer& to) const;
  /// Keeps the value that came back, for complete(). Throws what users' types throw; decode_error.
  virtual void decode_result(byte_reader& from);
  /// Not 0: encode() writes so many bytes at most, and takes none of the user's code, no lock and no exception for
  /// it, here and later.
  [[nodiscard]] virtual std::size_t plain_size() const noexcept { return 0; }
  /// Keeps the value that came back, where it is read without any of the user's code. False: it is left to
  /// decode_result.
  [[nodiscard]] virtual bool keep_plain_result(std::span<const std::byte>) noexcept { return false; }
  /// Keeps where an exception that came back was thrown.
  virtual void keep_trace(std::string&&) {}
  /// It will not be encoded again: callable and arguments may go.
  void forget_arguments() noexcept { discard(); }
  /// The context variables of who submitted it.
  [[nodiscard]] const context_copy& variables() const noexcept { return variables_; }
  /// An exception came back, or the process died: true where it is worth another attempt, which is counted.
  [[nodiscard]] bool try_again(const std::exception_ptr& error) noexcept;
  /// The process that ran it died of itself. Not 0: of so many by now, for which it is not run again though that was
  /// asked for.
  [[nodiscard]] int count_death() noexcept;

  // Links in the owner's inbox and queue, guarded by the owner.
  work_item* next = nullptr;
  work_item* prev = nullptr;
  void* luggage = nullptr;  // what the owner needs to send it
  bool queued = false;
  bool counted = false;          // it took room in a bounded executor
  bool to_be_cancelled = false;  // it runs and is being killed: it ends cancelled, whatever comes back

  // The owner's, guarded by it.
  /// Who takes its reply. Elsewhere than under the owner's lock it is only a hint.
  enum class served_by : std::uint8_t {
    no_need,  // it runs in this process, or its reply was taken
    loop,
    anybody,
  };
  std::atomic<served_by> served{served_by::no_need};
  std::uint8_t plain = 0;  // its plain_size(): it is written down when it is sent; 0: it was before

 protected:
  explicit work_item(const layout& behind) noexcept;

  [[nodiscard]] std::size_t size_with_what_is_behind() const noexcept { return behind_.size(); }

  /// Calls the callable and keeps the value. `last`: callable and arguments may be moved from.
  virtual void invoke(call_environment& environment, bool last) = 0;
  /// Destroys the callable and its arguments.
  virtual void discard() noexcept = 0;

  void wanted_by_thread() noexcept final;
  void look_again() const noexcept final;

  bool holds_payload_ = false;  // the callable and its arguments

 private:
  [[nodiscard]] std::byte* behind() const noexcept {
    return reinterpret_cast<std::byte*>(const_cast<work_item*>(this)) + behind_.object_size;
  }
  [[nodiscard]] call_extras* mutable_extras() noexcept {
    return behind_.has_extras ? std::launder(reinterpret_cast<call_extras*>(behind())) : nullptr;
  }

  bool has_deadline_ = false;
  bool withdrawn_ = false;       // by a cancel, which completes it; guarded by the gate
  call_owner* owner_ = nullptr;  // valid while not done, and only inside the gate for who comes from a future
  context_copy variables_ = copy_context();  // goes as callable and arguments do
  layout behind_;
};

[[nodiscard]] inline bool has_extras(const call_options& o) noexcept {
  return o.timeout || o.priority != 0 || o.retries != 0 || o.cancel;
}

/// Memory for an object of `size` bytes with what goes behind it; the layout tells where. std::invalid_argument where
/// an option can't be. `copyable`: so are the callable and its arguments.
[[nodiscard]] PLAIT_API void* allocate_work_item(std::size_t size, bool copyable, const call_options& options,
                                                 work_item::layout& behind);
/// Fills what lies behind a new item, if anything does.
PLAIT_API void fill_behind(void* item, const work_item::layout& behind, const call_options& options) noexcept;

}  // namespace plait::inline PLAIT_ABI::detail
