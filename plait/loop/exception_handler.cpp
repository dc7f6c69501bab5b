// What a loop has to tell and can throw at nobody.
#include <plait/core/report.hpp>
#include <plait/loop/event_loop.hpp>
#include <plait/loop/internal/loop_core.hpp>

#include <mutex>
#include <new>

#include <unistd.h>

namespace plait::inline PLAIT_ABI {

void event_loop::set_exception_handler(exception_handler handler) { core_->watch().set_handler(std::move(handler)); }

void event_loop::call_exception_handler(const exception_context& context) noexcept { core_->watch().tell(context); }

void event_loop::default_exception_handler(const exception_context& context) noexcept {
  try {
    std::string text(context.message);
    if (context.exception) text.append(" ").append(detail::describe(context.exception));
    detail::report(severity::error, text);
  } catch (const std::bad_alloc&) {
    detail::report(severity::error, context.message);
  }
}

namespace detail {

void loop_watch::set_handler(exception_handler handler) {
  handler_ = handler ? std::make_shared<const exception_handler>(std::move(handler)) : nullptr;
}

void loop_watch::tell(const exception_context& context) noexcept {
  const auto handler = handler_;  // it may set another one
  if (!handler) return event_loop::default_exception_handler(context);
  try {
    (*handler)(loop_.facade(), context);
  } catch (...) {
    event_loop::default_exception_handler(context);
    event_loop::default_exception_handler(
        {.message = "the event loop's exception handler threw", .exception = caught_exception()});
  }
}

namespace {

/// On its way to the loop whose task it is about.
class telling_of_unread_error final : public ready {
 public:
  telling_of_unread_error(std::string_view name, const std::source_location& origin, std::exception_ptr error)
      // NOLINTNEXTLINE(bugprone-throw-keyword-missing): it is kept, and told later.
      : name_(name), origin_(origin), error_(std::move(error)) {}
  /// Before it is run or posted.
  void set_loop(loop_core& to) noexcept { loop_ = &to; }

  void run() noexcept override {
    tell([this](const exception_context& context) { loop_->watch().tell(context); });
    delete this;
  }
  void drop() noexcept override { run(); }  // by the loop, while it closes
  void tell_by_default() const noexcept { tell(&event_loop::default_exception_handler); }

 private:
  template <class F> void tell(F to) const noexcept {
    try {
      to({.message = "nobody asked for the result of " + shown_task(name_) + ", which threw",
          .exception = error_,
          .task_name = name_,
          .created_at = origin_});
    } catch (const std::bad_alloc&) {
      report(severity::error, "a task threw, and nobody asked for its result");
    }
  }

  loop_core* loop_ = nullptr;
  const std::string name_;
  const std::source_location origin_;
  const std::exception_ptr error_;
};

}  // namespace

// The last handle has gone, on whatever thread, and the loop may have gone before. A loop that was made in its place
// is told then: as good as any.
void task_state::tell_of_unread_error() noexcept {
  try {
    auto message = std::make_unique<telling_of_unread_error>(name(), origin_, error());
    if (home::current() == &where()) {
      message->set_loop(loop());
      return message.release()->run();
    }
    auto& all = loop_registry::get();
    {
      const std::lock_guard lock(all.mutex);
      for (auto* watch = all.first; watch; watch = watch->next) {
        auto& there = watch->loop();
        if (&there != &where() || there.owner_pid() != getpid()) continue;
        message->set_loop(there);
        if (there.try_post(*message)) return static_cast<void>(message.release());
      }
    }
    message->tell_by_default();
  } catch (const std::bad_alloc&) {
    report(severity::error, "a task threw, and nobody asked for its result");
  }
}

}  // namespace detail
}  // namespace plait::inline PLAIT_ABI
