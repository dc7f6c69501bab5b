#include <plait/core/internal/cpus.hpp>
#include <plait/executor/internal/pool_settings.hpp>
#include <plait/executor/internal/process_end.hpp>
#include <plait/threads/internal/thread_pool.hpp>
#include <plait/threads/thread_pool_executor.hpp>

#include <algorithm>
#include <atomic>

namespace plait::inline PLAIT_ABI {
namespace {

std::atomic<unsigned> thread_pools_made{0};

std::shared_ptr<detail::thread_pool> make_pool(const thread_pool_options& options) {
  const int workers = options.max_workers ? detail::checked_workers(*options.max_workers)
                                          : std::min(32, detail::usable_cpus() + 4);  // which opens files
  auto room = detail::room_for(options.max_pending, options.max_pending_bytes);
  if (options.idle_timeout) static_cast<void>(detail::to_nanoseconds(*options.idle_timeout, "idle_timeout"));
  auto pool = std::make_shared<detail::thread_pool>(detail::thread_pool::settings{
      workers, detail::chosen_prefix(options.thread_name_prefix, "ThreadPoolExecutor", thread_pools_made),
      options.initializer, options.idle_timeout, std::move(room)});
  detail::register_pool(pool);
  return pool;
}

}  // namespace

thread_pool_executor::thread_pool_executor() : thread_pool_executor(thread_pool_options{}) {}
thread_pool_executor::thread_pool_executor(const thread_pool_options& options)
    : thread_pool_executor(make_pool(options)) {}
thread_pool_executor::thread_pool_executor(std::shared_ptr<detail::thread_pool> pool)
    : executor(pool->room()), pool_(std::move(pool)) {}

thread_pool_executor::~thread_pool_executor() {
  if (pool_->is_foreign()) {
    static_cast<void>(new auto(std::move(pool_)));  // the threads that it stands for are the parent's
    return;
  }
  if (!pool_->ended() && (detail::home::current() || pool_->on_own_worker())) {
    pool_->abandon();
    return;
  }
  pool_->begin_shutdown(shutdown_mode::drain, nanoseconds::max()).handle()->wait_until(sync::forever);
  pool_->join();
}

int thread_pool_executor::max_workers() const noexcept { return pool_->chosen().max_workers; }
int thread_pool_executor::workers() const { return pool_->workers(); }
std::size_t thread_pool_executor::pending() const { return pool_->pending(); }

void thread_pool_executor::accept(detail::work_item& item) { pool_->accept(item); }
future<bool> thread_pool_executor::begin_shutdown(shutdown_mode mode, nanoseconds deadline) {
  return pool_->begin_shutdown(mode, deadline);
}
bool thread_pool_executor::ended() const noexcept { return pool_->ended(); }
bool thread_pool_executor::on_own_worker() const noexcept { return pool_->on_own_worker(); }

}  // namespace plait::inline PLAIT_ABI
