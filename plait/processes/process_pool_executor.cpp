#include <plait/core/internal/cpus.hpp>
#include <plait/executor/internal/pool_settings.hpp>
#include <plait/executor/internal/process_end.hpp>
#include <plait/processes/internal/process_pool.hpp>
#include <plait/processes/internal/sandbox_policy.hpp>
#include <plait/processes/internal/shared_pages.hpp>
#include <plait/processes/process_pool_executor.hpp>

#include <atomic>
#include <limits>
#include <string>

namespace plait::inline PLAIT_ABI {
namespace {

std::atomic<unsigned> process_pools_made{0};

std::size_t checked_tasks(const std::optional<int>& most) {
  if (!most) return std::numeric_limits<std::size_t>::max();
  if (*most < 1) detail::throw_invalid_argument("max_tasks_per_child", std::to_string(*most), "1 or more");
  return static_cast<std::size_t>(*most);
}

std::size_t checked_memory(const std::optional<std::size_t>& limit) {
  if (limit && *limit == 0) detail::throw_invalid_argument("worker_memory_limit", "0", "1 or more bytes");
  return limit.value_or(0);
}

std::shared_ptr<detail::process_pool> make_pool(const process_pool_options& options) {
  const int workers = options.max_workers ? detail::checked_workers(*options.max_workers)
                                          : detail::usable_cpus();  // which opens files
  auto room = detail::room_for(options.max_pending, options.max_pending_bytes);
  if (options.idle_timeout) static_cast<void>(detail::to_nanoseconds(*options.idle_timeout, "idle_timeout"));
  const auto tasks = checked_tasks(options.max_tasks_per_child);
  const auto memory = checked_memory(options.worker_memory_limit);
  const auto stop_grace = detail::to_nanoseconds(options.stop_grace, "stop_grace");
  const auto term_grace = detail::to_nanoseconds(options.term_grace, "term_grace");
  detail::check_count(options.initializer.beside());
  if (!detail::can_start_workers()) throw broken_executor("plait: " + detail::why_cannot_start_workers());
  auto sandbox = detail::checked_sandbox(options.sandbox);
  auto pool = std::make_shared<detail::process_pool>(detail::process_pool::settings{
      workers, detail::chosen_prefix(options.worker_name_prefix, "ProcessPoolExecutor", process_pools_made),
      options.initializer, options.idle_timeout, std::move(room), options.start, tasks, memory, options.cancel,
      stop_grace, term_grace, std::move(sandbox)});
  detail::register_pool(pool);
  return pool;
}

}  // namespace

process_pool_executor::process_pool_executor() : process_pool_executor(process_pool_options{}) {}
process_pool_executor::process_pool_executor(const process_pool_options& options)
    : process_pool_executor(make_pool(options)) {}
process_pool_executor::process_pool_executor(std::shared_ptr<detail::process_pool> pool)
    : executor(pool->room()), pool_(std::move(pool)) {}

process_pool_executor::~process_pool_executor() {
  if (pool_->is_foreign()) {
    static_cast<void>(new auto(std::move(pool_)));  // the processes that it stands for are the parent's
    return;
  }
  if (!pool_->ended() && (detail::home::current() || pool_->on_own_worker())) {
    pool_->abandon();
    return;
  }
  pool_->begin_shutdown(shutdown_mode::drain, nanoseconds::max()).handle()->wait_until(sync::forever);
  pool_->join();
}

int process_pool_executor::max_workers() const noexcept { return pool_->chosen().max_workers; }
int process_pool_executor::workers() const { return pool_->workers(); }
std::vector<pid_t> process_pool_executor::worker_pids() const { return pool_->pids(); }
std::vector<worker_usage> process_pool_executor::worker_usages() const { return pool_->usages(); }
std::size_t process_pool_executor::pending() const { return pool_->pending(); }

void process_pool_executor::kill_workers() {
  static_cast<void>(pool_->begin_shutdown(shutdown_mode::kill, nanoseconds::zero()));
}
void process_pool_executor::terminate_workers() { pool_->terminate_workers(); }

void process_pool_executor::accept(detail::work_item& item) { pool_->accept(item); }
future<bool> process_pool_executor::begin_shutdown(shutdown_mode mode, nanoseconds deadline) {
  return pool_->begin_shutdown(mode, deadline);
}
bool process_pool_executor::ended() const noexcept { return pool_->ended(); }
bool process_pool_executor::on_own_worker() const noexcept { return pool_->on_own_worker(); }

}  // namespace plait::inline PLAIT_ABI
