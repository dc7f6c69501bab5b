// The machinery behind process_pool_executor.
//
//   any thread                       process_pool (one lock)                      worker process n
//   ──────────                       ───────────────────────                      ────────────────
//   submit: encode(item) ─accept─►  a worker is free: into its ring ───────────►  next(): decode, run, encode
//     │                             may be one more: start it, into its ring        │
//     │ a loop's, later ones        quick ones: ahead, into a ring                  │ reply()
//     ▼ of a turn                   else: queue                                     │ rings whoever sleeps
//   inbox, no lock ───────────────► all of it to the queue, and from there likewise │
//   cancel ─withdraw(item)───────►  out of the queue, out of a ring, or ask ──────► │ stop_token
//                                                                                   │
//   the loop that submits ─┐                                                        │
//   the attendant thread  ─┴─ take_replies(): pop under the lock, send the next ◄───┘
//                             call; decode and complete outside it
//   attendant ◄── session ── worker server: started, ended(how)    attendant ◄── pipe ── the worker's stderr
//
// What happens when
// - a worker has run all the calls that it may, or its memory is above its limit: it is told to stop between two
//   calls.
// - a call must stop (its deadline, a cancel that kills): process_pool_stopping.cpp has the ladder. What was sent
//   ahead behind it is taken back before its worker is signalled, so nothing else is lost.
// - a worker dies: the server reaps it and says how. Replies that it had sent are taken; the call that it had begun
//   gets worker_died; those sent ahead go to others. It is replaced when there is work.
// - the server dies: the kernel kills its workers. Each of their calls as above; the next worker is started by a new
//   one.
// - the program dies: the server sees it by a pidfd, kills all workers and ends.
// - this pool ends: workers are told to stop, or are killed; the session's end kills what is left.
//
// Guarantees
// - A call is in the queue, in one worker's ring, or in the hands of one thread that completes it or sends it again:
//   the lock says where. It is completed once. What is in the inbox counts as queued: whoever has the lock and must
//   find a call brings it over first, and sees to it that it is sent.
// - The inbox is the attached loop's: the first calls of a turn go to workers at once, the others some at a time, and
//   what is left at the turn's end. Where the loop does not come to that, since the coroutine computes or blocks, the
//   attendant sends them: it watches the loop while calls are there. (It raises the flag, then looks into the inbox;
//   a submit pushes, then looks at the flag: one of them sees the other.)
// - Whoever comes to a reply first takes it: the loop that submitted first (`attached_`) looks in every turn and
//   before it sleeps. The attendant is on duty too for calls of other threads, and where the loop is away: its thread
//   computes or blocks in a coroutine while calls wait in the queue. A worker rings one bell: of the loop where it
//   sleeps, else of the attendant where it is needed and sleeps, else none. Both set the bell under the lock and then
//   look again, so that no reply waits for ever.
// - Whether calls that were sent ahead are stuck behind a long one, the loop sees while it looks in its turns. Where
//   it sleeps, is away, or others have calls there, the attendant wakes for that.
// - No user code (encoding, decoding, callbacks) runs under the lock. What is plain data (work_item::plain_size) is
//   written and read there, which runs none.
// - The parent reads nothing of a worker's that it does not check; a worker that breaks the protocol is killed.
// - The pool lives until its attendant has let go of it.
#pragma once

#include <plait/core/home.hpp>
#include <plait/core/internal/alarm_clock.hpp>
#include <plait/core/internal/mutex.hpp>
#include <plait/core/promise.hpp>
#include <plait/executor/executor.hpp>
#include <plait/executor/internal/admission.hpp>
#include <plait/executor/internal/call_inbox.hpp>
#include <plait/executor/internal/call_queue.hpp>
#include <plait/executor/internal/process_end.hpp>
#include <plait/executor/portable_call.hpp>
#include <plait/processes/internal/block_cache.hpp>
#include <plait/processes/internal/server_client.hpp>
#include <plait/processes/internal/unique_fd.hpp>
#include <plait/processes/sandbox.hpp>
#include <plait/processes/worker_died.hpp>
#include <plait/processes/worker_usage.hpp>

#include <atomic>
#include <exception>
#include <list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

namespace plait::inline PLAIT_ABI::detail {

class link;
struct reply;
struct small_reply;

class process_pool final : public call_owner,
                           public ends_with_program,
                           public news_source,
                           public std::enable_shared_from_this<process_pool> {
 public:
  struct settings {
    int max_workers;
    std::string prefix;
    plait::portable_call initializer;
    std::optional<nanoseconds> idle_timeout;
    std::shared_ptr<admission> room;
    start_method start;
    std::size_t max_tasks;     // calls of a worker, then it is replaced
    std::size_t memory_limit;  // bytes; 0: none
    cancel_mode cancel;
    nanoseconds stop_grace, term_grace;
    plait::sandbox::policy sandbox;
  };

  /// Calls of one turn of the loop that are placed as they are submitted: few ones begin though the coroutine that
  /// submits goes on.
  static constexpr unsigned placed_at_once = 16;

  explicit process_pool(settings chosen);
  ~process_pool();

  void accept(work_item& item);
  [[nodiscard]] withdrawn withdraw(work_item& item) noexcept override {
    return take_out_or_stop(item, stop_for::cancel);
  }
  void locate(const work_item& item, call_place& place) override;
  void wanted_by_thread(work_item& item) noexcept override;
  void look_again(work_item& item) noexcept override;

  future<bool> begin_shutdown(shutdown_mode mode, nanoseconds deadline) override;
  /// Waits for the attendant, where it has let go.
  void join() noexcept override;
  /// Gives up waiting: what waits is cancelled, what runs is killed and named in a warning.
  void abandon() noexcept;
  /// Begins to end as shutdown(kill), by SIGTERM first.
  void terminate_workers();

  [[nodiscard]] const settings& chosen() const noexcept { return settings_; }
  [[nodiscard]] const std::shared_ptr<admission>& room() const noexcept { return settings_.room; }
  [[nodiscard]] bool ended() noexcept;
  [[nodiscard]] bool on_own_worker() const noexcept;
  [[nodiscard]] int workers() noexcept;
  [[nodiscard]] std::vector<pid_t> pids();
  [[nodiscard]] std::vector<worker_usage> usages();
  [[nodiscard]] std::size_t pending() noexcept;
  [[nodiscard]] bool is_foreign() const noexcept override;

  // ── for the loop that it is attached to ──
  [[nodiscard]] bool has_news() const noexcept override;
  void take_news() noexcept override;
  [[nodiscard]] bool before_sleep() noexcept override;
  void after_sleep() noexcept override;
  void home_leaves() noexcept override;
  [[nodiscard]] bool is_over() const noexcept override { return over_.load(std::memory_order_acquire); }
  [[nodiscard]] int bell() const noexcept override { return loop_bell_.get(); }

 private:
  struct worker;
  struct ladder;
  struct flight;
  class flights;
  struct batch;
  class batch_on_loan;
  struct outgoing;
  struct parcel;
  struct arrived;
  struct afterwards;
  enum class phase : std::uint8_t { open, closing, broken };
  enum class stop_for : std::uint8_t { cancel, deadline };

  struct place_of_flight;

  // ── calls: process_pool.cpp ──
  void write_down(const work_item& item, std::span<std::byte> memory, outgoing& what);
  [[nodiscard]] std::unique_ptr<parcel> written_down(const work_item& item);
  void place_now(work_item& item, outgoing* what);
  void refuse_unfit(work_item& item, const std::exception_ptr& why);
  void throw_if_closed() const;
  void attach(home* here) noexcept;
  void count_in(work_item& item) noexcept;
  void leaves(work_item& item) noexcept;
  [[nodiscard]] bool may_wait_in_inbox(const home* here, const work_item& item) noexcept;
  [[nodiscard]] bool put_into_inbox(work_item& item) noexcept;
  void hand_over() noexcept;
  [[nodiscard]] bool bring_over() noexcept;
  [[nodiscard]] bool bring_over_unsent() noexcept;
  void close_inbox() noexcept;
  void to_queue(work_item* newest) noexcept;
  void send_again(std::vector<flight>& taken_back) noexcept;
  void settle(afterwards& later) noexcept;
  void succeed(work_item& item) noexcept;
  void fail(work_item& item, outcome<void> how) noexcept;

  // ── which worker a call goes to: process_pool_placing.cpp ──
  void place(work_item& item, outgoing* what, afterwards& later);
  void pump(afterwards& later) noexcept;
  [[nodiscard]] worker* find_worker(const work_item& item, std::size_t payload, bool lends, afterwards& later);
  [[nodiscard]] worker* find_idle(std::size_t payload, bool lends) noexcept;
  [[nodiscard]] static bool may_go_ahead(const work_item& item, std::size_t payload, bool lends) noexcept;
  [[nodiscard]] std::size_t share_of(const worker& w) const noexcept;
  [[nodiscard]] static bool may_be_sent_ahead(worker& to, std::size_t payload) noexcept;
  [[nodiscard]] std::size_t most_behind(const worker& chosen) const noexcept;
  void send(worker& to, work_item& item, outgoing* what, afterwards& later);
  void send_row(worker& to, afterwards& later) noexcept;
  [[nodiscard]] bool send_behind(worker& to, work_item& item, afterwards& later);
  static void put_written(flight& made, outgoing& what, link& into);
  [[nodiscard]] static bool put_plain(flight& made, link& into);
  void send_from_queue(worker& to, work_item& item, afterwards& later) noexcept;
  void one_waits_behind(worker& at) noexcept;
  static void publish(worker& sent_to, afterwards& later) noexcept;
  void begins(work_item& item, afterwards& later) noexcept;
  void take_back_sent_ahead(afterwards& later);
  static void drop_parcel(work_item& item) noexcept;

  // ── taken out again: process_pool_cancel.cpp ──
  [[nodiscard]] withdrawn take_out_or_stop(work_item& item, stop_for why) noexcept;
  [[nodiscard]] place_of_flight find_flight(const work_item& item) noexcept;

  // ── replies: process_pool_replies.cpp ──
  void take_replies() noexcept;
  [[nodiscard]] bool collect(worker& from, batch& into, afterwards& later) noexcept;
  void take_small(worker& from, const small_reply& one, batch& into, afterwards& later);
  void take_one(worker& from, reply& one, batch& into, afterwards& later);
  [[nodiscard]] static work_item* asked_for(const worker& from, const small_reply& answer);
  static void take_copy(const small_reply& of, work_item* item, batch& into);
  static void copy_into(batch& into, const small_reply& from, arrived& made);
  void is_done(worker& by, work_item* item, const small_reply& answer, afterwards& later);
  void answered(worker& by, std::size_t replies) noexcept;
  void become_idle(worker& idle) noexcept;
  [[nodiscard]] bool some_may_be_stuck() const noexcept;
  void look_for_stuck() noexcept;
  [[nodiscard]] bool stuck_look_is_due() const noexcept;
  void leave_stuck_to_attendant() noexcept;
  void free_the_stuck(afterwards& later) noexcept;
  [[nodiscard]] static outcome<void> read_answer(arrived& what, std::span<const std::byte> bytes);
  void deliver(arrived& what, std::span<const std::byte> bytes) noexcept;
  void deliver_to(work_item& item, outcome<void> how) noexcept;
  void grant_memory(arrived& wish) noexcept;
  [[nodiscard]] bool needed_by_others() const noexcept;
  [[nodiscard]] bool attendant_needed() const noexcept;
  [[nodiscard]] bool loop_looks_out() const noexcept;
  [[nodiscard]] bool attendant_takes_replies() const noexcept;
  [[nodiscard]] bool has_reply() const noexcept;
  [[nodiscard]] bool some_reply_is_there() const noexcept;
  [[nodiscard]] bool some_wait_for_loop() const noexcept;
  void look_after_loop() noexcept;
  void watch_loop_from_now() noexcept;
  void see_whether_loop_looks() noexcept;
  void set_bells() noexcept;
  void begin_duty() noexcept;

  // ── workers: process_pool_workers.cpp ──
  [[nodiscard]] worker& start_worker();
  void no_further_worker(const std::string& why, afterwards& later);
  void send_first_words(worker& to);
  void tell_modules(worker& to);
  [[nodiscard]] static bool knows_modules(const worker& w) noexcept;
  void stop_worker(worker& which) noexcept;
  void kill_worker(worker& which, std::string why) noexcept;
  void start_attendant();
  void attend() noexcept;
  void look_around() noexcept;
  void bury_the_ended() noexcept;
  [[nodiscard]] bool attendant_may_go() noexcept;
  void take_events() noexcept;
  void worker_started(server_event& event) noexcept;
  void worker_ended(std::uint64_t id, const process_end_status* how) noexcept;
  [[nodiscard]] bool last_replies_taken(std::uint64_t id, const process_end_status* how) noexcept;
  void worker_not_started(const server_event& event) noexcept;
  void server_lost() noexcept;
  void no_worker_can_be_had(const std::exception_ptr& why) noexcept;
  void set_idle_alarm(time_point when) noexcept;
  void idle_alarm() noexcept;
  void ring_attendant() noexcept;
  [[nodiscard]] std::shared_ptr<worker> find(std::uint64_t id) noexcept;
  [[nodiscard]] std::shared_ptr<worker> take_out(std::uint64_t id) noexcept;

  // ── stopping: process_pool_stopping.cpp ──
  [[nodiscard]] bool is_killable(const work_item& item) const noexcept;
  void begin_ladder(worker& on, const flight& call, const char* why) noexcept;
  void forget_ladder(worker& of, std::uint64_t answered) noexcept;
  void climb_ladders(afterwards& later) noexcept;
  void terminate(worker& which, std::string why) noexcept;
  [[nodiscard]] static bool take_back_behind(worker& from, std::uint64_t sequence, afterwards& later) noexcept;
  static void signal_worker(const worker& which, int signal) noexcept;
  [[nodiscard]] int until_next_look() noexcept;

  // ── memory: process_pool_memory.cpp ──
  struct measured;
  void watch_memory() noexcept;
  void look_at_memory() noexcept;
  [[nodiscard]] std::vector<measured> measure_busy() noexcept;
  void replace_outgrown(worker& which, std::uint64_t after, afterwards& later) noexcept;
  // ── what a death was: process_pool_deaths.cpp ──
  [[nodiscard]] worker_died::details what_happened(const worker& gone, const process_end_status* how);
  [[nodiscard]] std::string why_killed(const worker& gone);
  [[nodiscard]] static std::vector<std::size_t> argument_sizes(const work_item& item, std::size_t bytes) noexcept;
  // ── sandboxes: process_pool_sandbox.cpp ──
  [[nodiscard]] bool sandboxed() const noexcept;
  [[nodiscard]] private_fd watch_sandbox_of(worker& fresh);
  void look_at_sandbox(std::uint64_t id) noexcept;
  void empty_bell(const unique_fd& bell) const noexcept;
  [[nodiscard]] static outcome<void> death_in_sandbox(worker_died::details details, std::string system_call);

  // ── the end: process_pool_end.cpp ──
  void set_deadline(work_item& item);
  void deadline_came(work_item& item) noexcept;
  void look_at_deadline_again(work_item& item) noexcept;
  void end_deadline_came(const promise<bool>& whose) noexcept;
  void break_with(const std::exception_ptr& cause, const std::string& what) noexcept;
  void empty_queue(std::vector<work_item*>& items);
  void take_back(std::vector<work_item*>& items);
  [[nodiscard]] std::optional<outcome<void>> turned_away() const;
  void stop_idle() noexcept;
  [[nodiscard]] bool nothing_left() const noexcept;

  const settings settings_;
  const unsigned fork_generation_;
  const int owner_pid_;
  const std::size_t processors_beside_loop_;  // at least 1
  const unique_fd loop_bell_;                 // eventfds that workers ring
  const unique_fd attendant_bell_;            // also rung here, to have the attendant look around
  const unique_fd epoll_;                     // the attendant's
  block_cache blocks_;

  mutable mutex mutex_;  // guards all below but the atomics, and the links, `served` and `luggage` of its items
  call_queue queue_;
  std::vector<std::shared_ptr<worker>> workers_;  // that live, are being started, or end
  std::vector<worker*> idle_;                     // the one that became idle last is at the end
  server_session session_;
  bool session_has_worked_ = false;  // a worker was started over it
  std::uint64_t next_worker_ = 1;
  std::uint64_t next_order_ = 1;
  int failed_starts_ = 0;            // workers that died before they were ready, since the last that was
  time_point next_start_{};          // not before: further workers could not be had
  bool start_trouble_told_ = false;  // since the last that was started
  phase phase_ = phase::open;
  std::exception_ptr broken_by_;
  std::string broken_because_;
  bool cancels_pending_ = false;          // it is being shut down, and runs nothing that has not started
  std::list<promise<bool>> end_waiters_;  // who removes one answers it
  int delivering_ = 0;                    // threads that complete calls
  std::size_t by_loop_ = 0;               // calls that were submitted on the loop that was attached then
  bool loop_asleep_ = false;
  bool loop_is_away_ = false;  // it did not look for a while, though it is awake: the attendant takes its replies
  unsigned looks_seen_ = 0;
  nanoseconds loop_check_every_{};
  time_point next_loop_check_ = sync::forever;
  bool attendant_asleep_ = false;
  time_point attendant_until_ = sync::forever;  // unless somebody rings
  bool idle_alarm_set_ = false;
  bool ladders_in_use_ = false;
  bool watching_memory_ = false;   // there is a limit, and calls run
  bool memory_is_hidden_ = false;  // which has been reported
  time_point next_memory_look_{};
  bool look_for_room_ = false;  // a call waits until an idle worker has gone past what was taken back from it
  std::uint64_t memory_kills_told_ = 0;  // those up to this number are told of; the attendant's own, not the lock's
  sync::thread attendant_;

  call_inbox inbox_;
  std::atomic<bool> unsent_{false};                    // some were brought over and not sent; changed under the lock
  std::atomic<bool> loop_is_watched_{false};           // the attendant looks now and then whether the loop still does
  std::atomic<bool> attendant_runs_{false};            // it was started; changed under the lock
  std::atomic<time_point> stuck_look_{sync::forever};  // when calls that were sent ahead may wait behind a long one
  std::atomic<std::size_t> outstanding_{0};      // calls beyond the inbox, not taken out; a hint without the lock
  std::atomic<home*> attached_{nullptr};         // changed by that home's thread only
  mutable std::atomic<unsigned> loop_looks_{0};  // how often that home looked for news; written by its thread only
  std::atomic<std::thread::id> attendant_id_{};
  std::atomic<bool> over_{false};  // the attendant has gone, and nothing is left
  // The attached loop's thread alone:
  mutable unsigned submits_of_turn_ = 0;
  unsigned put_since_hand_over_ = 0;
  alarm_clock alarms_;
};

}  // namespace plait::inline PLAIT_ABI::detail
