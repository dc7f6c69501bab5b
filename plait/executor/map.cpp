#include <plait/executor/executor.hpp>
#include <plait/executor/internal/admission.hpp>

#include <string>

namespace plait::inline PLAIT_ABI::detail {

void check_map_options(const map_options& options) {
  if (options.timeout) static_cast<void>(to_nanoseconds(*options.timeout, "timeout"));
  if (options.chunk_size == 0) throw_invalid_argument("chunk_size", "0", "1 or more");
  if (options.buffer_size && *options.buffer_size == 0) throw_invalid_argument("buffer_size", "0", "1 or more");
}

std::optional<slot> slot_at_once(executor& pool) {
  if (!pool.room_) return slot();
  if (!pool.room_->try_enter(0)) return std::nullopt;
  return slot(pool.room_);
}

slot wait_for_room(executor& pool, time_point deadline, std::size_t taken) {
  if (auto at_once = slot_at_once(pool)) return std::move(*at_once);
  pool.check_may_block();
  auto wanted = pool.acquire_slot();
  return room_in_time(wanted, wanted.handle()->wait_until(deadline), taken);
}

slot room_in_time(future<slot>& wanted, bool in_time, std::size_t taken) {
  if (!in_time) {
    wanted.cancel();
    throw_map_timeout(taken);
  }
  return std::move(wanted).result();
}

void throw_map_timeout(std::size_t taken) {
  throw timeout_error("plait: map: the result after the first " + std::to_string(taken) +
                      " was not there by the timeout");
}

}  // namespace plait::inline PLAIT_ABI::detail
