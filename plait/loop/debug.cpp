// Debug mode: steps that take too long, tasks that never run, calls from a wrong thread.
#include <plait/core/internal/printable.hpp>
#include <plait/core/report.hpp>
#include <plait/core/thread_name.hpp>
#include <plait/loop/event_loop.hpp>
#include <plait/loop/internal/look_in.hpp>
#include <plait/loop/internal/loop_core.hpp>
#include <plait/portable/exceptions.hpp>
#include <plait/portable/internal/throw_trace.hpp>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace plait::inline PLAIT_ABI {

void event_loop::set_debug(bool on) {
  check_open();
  core_->watch().set_debug(on);
}
bool event_loop::get_debug() const noexcept { return core_->watch().debug(); }
void event_loop::set_slow(nanoseconds duration) noexcept { core_->watch().set_slow(duration); }
nanoseconds event_loop::slow_callback_duration() const noexcept { return core_->watch().slow(); }

void event_loop::check_thread(const char* call) const {
  if (!core_->watch().debug() || !is_running() || detail::home::current() == core_.get()) [[likely]]
    return;
  detail::throw_invalid_state(("plait: " + std::string(call) +
                               " of an event loop that runs on another thread; use call_soon_threadsafe there")
                                  .c_str());
}

namespace detail {
namespace {

std::atomic<int> loops_in_debug_mode{0};

bool environment_says(const char* name) noexcept {
  const char* const value = ::secure_getenv(name);  // a set-uid program does not listen to who starts it
  return value && *value && std::strcmp(value, "0") != 0;
}

std::string milliseconds(nanoseconds took) {
  char text[40];
  std::snprintf(text, sizeof text, "%.1f ms", static_cast<double>(took.count()) / 1e6);
  return text;
}

/// The coroutine that a frame is of; empty where its function has no name in the program's file.
std::string coroutine_of(const void* frame) {
  char* resume = nullptr;  // what every frame begins with
  std::memcpy(&resume, frame, sizeof resume);
  void* const inside[] = {resume + 1};
  auto name = readable_trace(describe_trace(inside), trace_detail::names);
  const auto end = name.find(" in ");
  if (end == std::string::npos) return {};
  name.resize(end);
  name.resize(std::min(name.size(), name.find(" [clone ")));
  // GCC hands the frame to a function of its own; what the user wrote is in that parameter's type.
  if (const auto frame_type = name.rfind(".Frame*)"); frame_type != std::string::npos) {
    name.resize(frame_type);
    if (const auto written = name.rfind("::_Z"); written != std::string::npos)
      name = demangled(name.c_str() + written + 2);
  }
  return name;
}

void report_dropped(const void* frame) noexcept {
  try {
    const auto name = coroutine_of(frame);
    report(severity::warning, "a task " + (name.empty() ? std::string() : "of " + printable(name) + " ") +
                                  "was dropped and has never run: co_await it, or give it to create_task");
  } catch (...) {
    report(severity::warning, "a task was dropped and has never run");
  }
}

}  // namespace

const task_state* task_of(const task_context* context) noexcept { return dynamic_cast<const task_state*>(context); }

std::string shown_task(std::string_view name) {
  return name.empty() ? "a task without a name" : "the task \"" + printable(name) + "\"";
}

std::string shown_place(const std::source_location& where) {
  if (where.line() == 0) return {};
  const std::string_view path = where.file_name();
  const auto slash = path.rfind('/');
  return printable(slash == std::string_view::npos ? path : path.substr(slash + 1)) + ":" +
         std::to_string(where.line());
}

void loop_watch::begin_as_environment_says() {
  static const bool debug_wanted = environment_says("PLAIT_DEBUG");
  if (debug_wanted) set_debug(true);
  static const bool inspection_wanted = [] {
    const bool wanted = environment_says("PLAIT_INSPECT");
    if (wanted) allow_inspection_where_environment_says();
    return wanted;
  }();
  static_cast<void>(inspection_wanted);
}

void loop_watch::set_debug(bool on) {
  const std::lock_guard lock(loop_registry::get().mutex);
  if (debug_.exchange(on) != on) {
    const int loops = loops_in_debug_mode += on ? 1 : -1;
    set_dropped_task_function(loops > 0 ? &report_dropped : nullptr);
  }
  watches_ = inspected_ || on;
}

std::string loop_watch::step_now(std::string& thread) {
  const std::lock_guard lock(step_mutex_);
  thread = thread_;
  if (!in_step_) return {};
  return step_task_ ? "a step of " + shown_task(step_task_->name()) : "a callback";
}

void loop_watch::run(ready& step) noexcept {
  const auto* const task = task_of(step.works_for());
  const auto* const is_callback = dynamic_cast<const callback*>(&step);
  state_keeper keeps;  // the task may end with this step
  if (task) {
    auto* const counted = const_cast<task_state*>(task);
    counted->add_keeper();
    keeps = state_keeper(counted);
  }
  {
    const std::lock_guard lock(step_mutex_);
    if (thread_.empty()) try {
        thread_ = thread_name();
      } catch (const std::bad_alloc&) {
      }
    step_task_ = keeps;
    in_step_ = true;
  }
  const auto begun = sync::now();
  step.run();  // a loop lives longer than its steps
  const auto took = sync::now() - begun;
  {
    const std::lock_guard lock(step_mutex_);
    step_task_ = {};
    in_step_ = false;
  }
  if (!debug() || took < slow_) return;
  try {
    std::string text;
    if (task) {
      text = "a step of " + shown_task(task->name());
      if (const auto place = shown_place(task->origin()); !place.empty())
        text.append(", created at ").append(place).append(" (").append(task->origin().function_name()).append("),");
    } else {
      text = is_callback ? "a callback of the event loop" : "a step of the event loop";
    }
    report(severity::warning, text + " took " + milliseconds(took) +
                                  "; nothing else could run meanwhile: hand what blocks to an executor "
                                  "(run_in_executor, to_thread, to_process)");
  } catch (const std::bad_alloc&) {
    report(severity::warning, "a step of the event loop was slow");
  }
}

}  // namespace detail
}  // namespace plait::inline PLAIT_ABI
