// A worker process: takes calls off its link, runs them, answers.
//
//    main thread:  next() ─► decode, run, encode ─► reply() ─► next() …
//    listener:     started when the first call asks for its stop_token; sleeps until the parent asks a call to stop
//
// It ends when it is told to, or when the parent's end of the link is gone. It leaves by _exit: no destructor of the
// program's statics runs here, as in every process that did not begin in main.
#include <plait/core/thread_name.hpp>
#include <plait/executor/travel.hpp>
#include <plait/portable/code_address.hpp>
#include <plait/portable/context.hpp>
#include <plait/portable/exceptions.hpp>
#include <plait/processes/internal/block_storage.hpp>
#include <plait/processes/internal/first_words.hpp>
#include <plait/processes/internal/unique_fd.hpp>
#include <plait/processes/internal/worker_link.hpp>
#include <plait/processes/internal/worker_main.hpp>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <map>
#include <mutex>
#include <optional>
#include <stop_token>
#include <system_error>

#include <fcntl.h>
#include <pthread.h>

namespace plait::inline PLAIT_ABI::detail {
namespace {

constexpr std::size_t link_descriptors = 4;  // as link::descriptors_for_worker gives them

std::atomic<bool> forked_away{false};  // this is a child that a call has forked

class worker_process final : public call_environment {
 public:
  explicit worker_process(std::span<const int> link_ends) : link_(link_ends) {}
  ~worker_process() {
    link_.end_waiting();
    if (listener_.joinable()) listener_.join();
  }

  void run() {
    while (const auto asked = link_.next()) {
      if (asked->kind == request_kind::notice) {
        learn_module(*asked);
      } else if (const bool well = answer(*asked); !well && asked->kind == request_kind::initialize) {
        return;  // calls may have been sent after it already: none may run here
      }
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
      missing_[told.target.module] = std::current_exception();
    }
  }

  // True: with a value.
  bool answer(const request& asked) {
    if (stop_) {  // of the call before; else the listener finds nothing here
      const std::lock_guard lock(lock_);
      stop_.reset();
    }
    current_.store(asked.sequence, std::memory_order_release);  // pairs with the listener's look
    const auto begin = sync::now();
    worker_block_storage more(link_);
    byte_writer out(link_.reply_space(), more);
    auto kind = reply_kind::value;
    std::exception_ptr thrown;
    try {
      if (asked.error != 0)
        throw std::system_error(asked.error, std::system_category(), "plait: the arguments could not be mapped");
      if (asked.kind == request_kind::initialize)
        initialize(asked, out);
      else
        call(asked.target, asked.payload, out);
    } catch (...) {
      thrown = std::current_exception();
    }
    if (forked_away)
      std::_Exit(EXIT_SUCCESS);  // what the call forked came back here: the reply is the parent's to give
    if (thrown) {
      kind = reply_kind::error;
      out.rewind(0);
      write_error(out, std::move(thrown));
    }
    const auto ran = std::clamp<std::int64_t>((sync::now() - begin).count(), 1, UINT32_MAX);
    link_.reply(kind, static_cast<std::uint32_t>(ran), out.bytes());
    return kind == reply_kind::value;
  }

  // An exception that can't be written, for want of memory: then what stopped it.
  static void write_error(byte_writer& out, std::exception_ptr thrown) {
    try {
      encode_exception(out, thrown);
    } catch (...) {
      out.rewind(0);
      encode_exception(out, std::current_exception());
    }
  }

  void call(const call_target& target, std::span<const std::byte> payload, byte_writer& out) {
    if (const auto missing = missing_.find(target.module); missing != missing_.end())
      std::rethrow_exception(missing->second);
    const auto* const code = modules_.resolve({target.module, target.thunk});
    byte_reader in(payload);
    const reading_modules here(modules_);
    const context_scope inside((target.flags & call_has_context) != 0 ? decode_context(in) : context_copy());
    capture_throws(true);
    reinterpret_cast<arrival>(const_cast<void*>(code))(in, out, *this);
  }

  void initialize(const request& asked, byte_writer& out) {
    byte_reader in(asked.payload);
    const auto words = read_first_words(in);
    set_thread_name(words.thread_name);
    apply_log_settings(words.log);
    if ((asked.target.flags & has_initializer) == 0) return;
    call(asked.target, in.take(in.remaining()), out);
    out.rewind(0);  // what an initializer returns is nobody's
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
  module_map modules_;
  std::map<std::uint32_t, std::exception_ptr> missing_;

  std::atomic<std::uint64_t> current_{0};  // the call that runs
  std::mutex lock_;                        // guards stop_, which the main thread alone changes
  std::optional<std::stop_source> stop_;   // of the current call, once it asked for its token
  sync::thread listener_;                  // started once, joined at the end
};

int work(std::span<const int> descriptors) {
  const auto own = descriptors.subspan(link_descriptors);
  const unique_fd errors(own[static_cast<std::size_t>(worker_descriptor::errors)]);
  // Kept open until the end, for whoever logs while the process ends.
  set_log_descriptor(own[static_cast<std::size_t>(worker_descriptor::log)]);
  if (::dup2(errors.get(), STDERR_FILENO) < 0) throw std::system_error(errno, std::system_category(), "dup2");
  pthread_atfork(nullptr, nullptr, [] { forked_away = true; });
  worker_process(descriptors.first(link_descriptors)).run();
  return EXIT_SUCCESS;
}

}  // namespace

int worker_main(std::span<const int> descriptors) noexcept {
  try {
    return work(descriptors);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "plait: a worker process could not go on: %s\n", error.what());
    return EXIT_FAILURE;
  }
}

}  // namespace plait::inline PLAIT_ABI::detail
