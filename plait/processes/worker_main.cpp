// A worker process: takes calls off its link, runs them, answers.
//
//    main thread:  next() ─► decode, run, encode ─► reply() ─► next() …
//    listener:     started when the first call asks for its stop_token; sleeps until the parent asks a call to stop
//
// It ends when it is told to, when it has more memory after a call than it should (what was sent ahead to it is the
// parent's to take back), or when the parent's end of the link is gone. It leaves by _exit: no destructor of the
// program's statics runs here, as in every process that did not begin in main.
#include <plait/core/thread_name.hpp>
#include <plait/executor/travel.hpp>
#include <plait/portable/code_address.hpp>
#include <plait/portable/context.hpp>
#include <plait/portable/errors.hpp>
#include <plait/portable/exceptions.hpp>
#include <plait/portable/internal/loaded_modules.hpp>
#include <plait/processes/internal/block_storage.hpp>
#include <plait/processes/internal/crash_record.hpp>
#include <plait/processes/internal/first_words.hpp>
#include <plait/processes/internal/process_figures.hpp>
#include <plait/processes/internal/sandbox_worker.hpp>
#include <plait/processes/internal/shared_pages.hpp>
#include <plait/processes/internal/stopwatch.hpp>
#include <plait/processes/internal/unique_fd.hpp>
#include <plait/processes/internal/worker_link.hpp>
#include <plait/processes/internal/worker_main.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <map>
#include <mutex>
#include <optional>
#include <stop_token>
#include <system_error>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <pthread.h>

namespace plait::inline PLAIT_ABI::detail {
namespace {

constexpr std::size_t link_descriptors = 4;  // as link::descriptors_for_worker gives them

std::atomic<bool> forked_away{false};  // this is a child that a call has forked

class worker_process final : public call_environment {
 public:
  worker_process(std::span<const int> link_ends, sandbox_entrance entrance)
      : link_(link_ends), entrance_(std::move(entrance)) {}
  ~worker_process() {
    report_no_more_crashes();
    link_.end_waiting();
    if (listener_.joinable()) listener_.join();
  }

  void run() {
    report_crashes_to(link_.crash());
    while (auto asked = link_.next()) {
      if (asked->kind == request_kind::notice) {
        learn_module(*asked);
        watch_.restart();
      } else if (const bool well = answer(*asked); !well && asked->kind == request_kind::initialize) {
        return;  // calls may have been sent after it already: none may run here
      }
      if (outgrown_) return;  // likewise
    }
  }

  [[nodiscard]] std::stop_token stop_token() override {
    const std::lock_guard lock(lock_);
    if (!stop_) {
      stop_.emplace();
      if (!listener_.joinable()) listener_ = sync::thread([this] { listen(); });
      if (link_.stop_asked(current_.load(std::memory_order_relaxed))) stop_->request_stop();
    }
    return stop_->get_token();
  }

 private:
  void learn_module(const request& told) {
    byte_reader in(told.payload);
    module_description module;
    module.path = read_text(in);
    module.build_id = read_text(in);
    try {
      modules_.add(told.target.module, module);
    } catch (const std::exception&) {  // whoever refers to it is told
      missing_[told.target.module] = caught_exception();
    }
  }

  // True: with a value.
  bool answer(request& asked) {
    if (stop_) {  // of the call before; else the listener finds nothing here
      const std::lock_guard lock(lock_);
      stop_.reset();
    }
    current_.store(asked.sequence, std::memory_order_release);  // pairs with the listener's look
    if (link_.waited()) watch_.restart();
    worker_block_storage more(link_);
    byte_writer out(link_.reply_space(), more);
    auto kind = reply_kind::value;
    std::exception_ptr thrown;
    try {
      if (asked.error != 0)
        throw std::system_error(asked.error, std::system_category(), "plait: the arguments could not be mapped");
      auto beside = asked.lent.empty() ? freight() : received(std::move(asked.lent));
      byte_reader in(asked.payload, &beside);
      if (asked.kind == request_kind::initialize)
        initialize(asked, in, out);
      else
        call(asked.target, in, out);
      lend(*more.beside());
    } catch (...) {
      thrown = caught_exception();
    }
    if (forked_away)
      std::_Exit(EXIT_SUCCESS);  // what the call forked came back here: the reply is the parent's to give
    if (thrown) {
      kind = reply_kind::error;
      write_error(out, std::move(thrown));
    }
    if (most_pages_ != 0 && asked.kind == request_kind::call) measure();
    link_.reply(kind, watch_.lap(link_.has_further()), out.bytes());
    return kind == reply_kind::value;
  }

  void measure() noexcept {
    const auto pages =
        static_cast<std::uint32_t>(std::min<std::size_t>(own_pages(statm_.get()).value_or(0), UINT32_MAX));
    link_.tell_memory(pages);
    outgrown_ = pages > most_pages_;
  }

  void lend(const freight& beside) {
    if (beside.empty()) return;
    if (inside_) {
      throw not_portable(
          "plait: a shared_buffer can't be sent back by a sandboxed worker; who passed it to the call "
          "has it still, with what was written to it");
    }
    check_count(beside);
    link_.lend(descriptors_of(beside));
  }

  // An exception that can't be written, for want of memory: then what stopped it.
  void write_error(byte_writer& out, std::exception_ptr thrown) {
    out.rewind(0);
    out.beside()->clear();
    try {
      encode_exception(out, thrown);
      lend(*out.beside());
    } catch (...) {
      out.rewind(0);
      out.beside()->clear();
      encode_exception(out, caught_exception());
    }
  }

  void call(const call_target& target, byte_reader& in, byte_writer& out) {
    if (const auto missing = missing_.find(target.module); missing != missing_.end())
      std::rethrow_exception(missing->second);
    const auto* const code = modules_.resolve({target.module, target.thunk});
    const reading_modules here(modules_);
    const context_scope inside((target.flags & call_has_context) != 0 ? decode_context(in) : context_copy());
    capture_throws(true);
    reinterpret_cast<arrival>(const_cast<void*>(code))(in, out, *this);
  }

  void initialize(const request& asked, byte_reader& in, byte_writer& out) {
    const auto words = read_first_words(in);
    set_thread_name(words.thread_name);
    apply_log_settings(words.log);
    if (words.most_pages != 0) {
      most_pages_ = words.most_pages;
      statm_ = above_stdio(open_statm(0).release(), "open /proc/self/statm, for worker_memory_limit");
      if (entrance_) entrance_.let_read(statm_);
    }
    if ((asked.target.flags & has_initializer) != 0) {
      call(asked.target, in, out);
      out.rewind(0);  // what an initializer returns is nobody's
      out.beside()->clear();
    }
    if (!entrance_) return;
    link_.map_named();
    auto kept = shared_pages::descriptors_here();
    const auto on_their_way = link_.lent_descriptors_here();
    kept.insert(kept.end(), on_their_way.begin(), on_their_way.end());
    entrance_.enter(words.sandbox, std::move(kept));
    inside_ = true;
  }

  void listen() {
    set_thread_name("stop listener");
    std::uint64_t seen = 0;
    while (const auto asked = link_.wait_for_stop(seen)) {
      seen = *asked;
      std::optional<std::stop_source> told;
      {
        const std::lock_guard lock(lock_);
        if (seen == current_.load(std::memory_order_acquire)) told = stop_;
      }
      if (told) told->request_stop();
    }
  }

  worker_link link_;
  sandbox_entrance entrance_;
  module_map modules_;
  std::map<std::uint32_t, std::exception_ptr> missing_;

  bool inside_ = false;  // the sandbox
  stopwatch<time_point (*)()> watch_{&sync::now};

  std::uint64_t most_pages_ = 0;  // 0: no limit
  unique_fd statm_;               // kept open: what a call may open later is not known
  bool outgrown_ = false;

  std::atomic<std::uint64_t> current_{0};  // the call that runs
  std::mutex lock_;                        // guards stop_, which the main thread alone changes
  std::optional<std::stop_source> stop_;   // of the current call, once it asked for its token
  sync::thread listener_;                  // started once, joined at the end
};

int work(std::span<const int> descriptors) {
  const auto own = descriptors.subspan(link_descriptors);
  {
    const unique_fd errors(own[static_cast<std::size_t>(worker_descriptor::errors)]);
    if (::dup2(errors.get(), STDERR_FILENO) < 0) throw_system_error(errno, "dup2");
  }
  // Kept open until the end, for whoever logs while the process ends.
  set_log_descriptor(own[static_cast<std::size_t>(worker_descriptor::log)]);
  std::array<int, link_descriptors> link_ends{};
  std::ranges::copy(descriptors.first(link_descriptors), link_ends.begin());
  sandbox_entrance entrance;
  if (own.size() > worker_descriptors) {
    entrance = sandbox_entrance(link_ends, unique_fd(own[static_cast<std::size_t>(worker_descriptor::handover)]));
    set_log_descriptor(STDERR_FILENO);  // the other one is closed where the sandbox is entered
  }
  pthread_atfork(nullptr, nullptr, [] { forked_away = true; });
  worker_process(link_ends, std::move(entrance)).run();
  return EXIT_SUCCESS;
}

}  // namespace

void prepare_workers() noexcept {
  try {
    prepare_crash_reports();
    capture_throws(true);
    capture_throws(false);
    static_cast<void>(main_module());
    // For what libstdc++ calls in them: the dynamic linker looks for that when it is called first.
    static_cast<void>(thread_name());
    static_cast<void>(sync::now());
  } catch (...) {  // then workers do it, each for itself
  }
}

int worker_main(std::span<const int> descriptors) noexcept {
  try {
    return work(descriptors);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "plait: a worker process could not go on: %s\n", error.what());
    return EXIT_FAILURE;
  }
}

}  // namespace plait::inline PLAIT_ABI::detail
