#include <plait/core/promise.hpp>
#include <plait/core/report.hpp>
#include <plait/loop/event_loop.hpp>
#include <plait/loop/internal/loop_core.hpp>
#include <plait/processes/process_pool_executor.hpp>
#include <plait/threads/thread_pool_executor.hpp>

namespace plait::inline PLAIT_ABI {
namespace {

future<bool> nothing_to_end() {
  promise<bool> ended;
  ended.set_value(true);
  return ended.get_future();
}

}  // namespace

event_loop::event_loop() : core_(std::make_unique<detail::loop_core>(*this)) { core_->open(); }

event_loop::~event_loop() {
  try {
    close();
  } catch (...) {
    detail::report(severity::error, "~event_loop: " + detail::describe(detail::caught_exception()));
    std::terminate();  // destroyed while it runs: its thread would go on in freed memory
  }
}

void event_loop::run_forever() { core_->run_until_stopped(); }
void event_loop::stop() {
  check_thread("stop");
  core_->stop();
  core_->added();
}
bool event_loop::is_running() const noexcept { return core_->is_running(); }
bool event_loop::is_closed() const noexcept { return core_->is_closed(); }
void event_loop::close() { core_->close(); }

void event_loop::run_until_done(const detail::state_handle& awaited) {
  if (!awaited) detail::throw_invalid_state("plait: run_until_complete of a future that holds nothing");

  core_->run_until(*awaited.get());
  if (!awaited->done()) detail::throw_invalid_state("plait: event loop stopped before the task completed");
}

callback_handle event_loop::add_soon(detail::callback* owned) {
  callback_handle handle(owned);
  check_open();
  check_thread("call_soon");
  owned->set_home(*core_);
  owned->hold();
  core_->push(*owned);
  core_->added();
  return handle;
}

callback_handle event_loop::add_threadsafe(detail::callback* owned) {
  callback_handle handle(owned);
  owned->set_home(*core_);
  owned->hold();
  if (core_->try_post(*owned)) return handle;
  owned->release();
  throw loop_closed_error("plait: call_soon_threadsafe on an event loop that is closed");
}

callback_handle event_loop::add_at(time_point when, detail::callback* owned) {
  callback_handle handle(owned);
  check_open();
  check_thread("call_later or call_at");
  owned->set_home(*core_);
  owned->set_when(when);
  core_->start(*owned, when);
  owned->hold();
  core_->added();
  return handle;
}

void event_loop::check_can_run() const { core_->check_can_run(); }

void event_loop::check_open() const {
  if (is_closed()) throw loop_closed_error("plait: the event loop is closed");
}

void event_loop::check_new_task(bool valid) const {
  check_open();
  check_thread("create_task");
  if (!valid) detail::throw_invalid_state("plait: create_task of a task that was moved from, awaited or run before");
}

void event_loop::adopt(detail::task_state& task) noexcept {
  core_->adopt(task);
  core_->added();
}

namespace detail {

loop_core& loop_access::core(event_loop& loop) noexcept { return *loop.core_; }
void loop_access::check_can_run(const event_loop& loop) { loop.check_can_run(); }
// From any thread: not create_task's check of the thread.
void loop_access::check_new_task(const event_loop& loop, bool valid) {
  loop.check_open();
  if (!valid)
    throw_invalid_state("plait: run_coroutine_threadsafe of a task that was moved from, awaited or run before");
}
void loop_access::send(event_loop& loop, task_state& task) { loop.core_->send(task); }

}  // namespace detail

void event_loop::set_default_executor(std::shared_ptr<executor> chosen) {
  if (!chosen) detail::throw_invalid_argument("chosen", "null", "an executor");
  check_open();
  auto former = std::exchange(core_->default_executor, std::move(chosen));
  core_->default_executor_ended = false;
  if (!former || former.use_count() > 1) return;
  former->shutdown(shutdown_mode::drain, nanoseconds::zero());  // only begins
  core_->former_executors.push_back(std::move(former));
}

executor& event_loop::default_executor() {
  check_open();
  if (core_->default_executor_ended) throw shut_down_error("plait: the event loop's default executor was shut down");
  if (!core_->default_executor)
    core_->default_executor =
        std::make_shared<thread_pool_executor>(thread_pool_options{.thread_name_prefix = "plait"});
  return *core_->default_executor;
}

future<bool> event_loop::end_default_executor(nanoseconds timeout) {
  check_open();
  core_->default_executor_ended = true;
  if (core_->default_executor) return core_->default_executor->async_shutdown(shutdown_mode::drain, timeout);
  return nothing_to_end();
}

process_pool_executor& event_loop::default_process_pool() {
  check_open();
  if (core_->default_process_pool_ended)
    throw shut_down_error("plait: the event loop's default process pool was shut down");
  if (!core_->default_process_pool)
    core_->default_process_pool =
        std::make_unique<process_pool_executor>(process_pool_options{.worker_name_prefix = "plait"});
  return *core_->default_process_pool;
}

future<bool> event_loop::end_default_process_pool(nanoseconds timeout) {
  check_open();
  core_->default_process_pool_ended = true;
  if (core_->default_process_pool) return core_->default_process_pool->async_shutdown(shutdown_mode::drain, timeout);
  return nothing_to_end();
}

void event_loop::end_tasks() { core_->end_tasks(); }

std::vector<std::shared_ptr<executor>> event_loop::release_executors() {
  core_->former_executors.reserve(core_->former_executors.size() + 1);  // before something is in nobody's hands
  auto all = std::exchange(core_->former_executors, {});
  if (core_->default_executor) all.push_back(std::exchange(core_->default_executor, nullptr));
  core_->default_executor_ended = true;
  std::erase_if(all, [](const auto& each) { return each.use_count() > 1; });
  return all;
}

void event_loop::kill_default_process_pool() {
  if (core_->default_process_pool) core_->default_process_pool->shutdown(shutdown_mode::kill);
}

event_loop& get_running_loop() {
  if (auto* const here = detail::loop_core::running()) return *here;
  detail::throw_no_running_loop("get_running_loop()");
}

}  // namespace plait::inline PLAIT_ABI
