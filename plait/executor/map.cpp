#include <plait/executor/executor.hpp>

#include <string>

namespace plait::inline PLAIT_ABI::detail {

void check_map_options(const map_options& options) {
  if (options.timeout) static_cast<void>(to_nanoseconds(*options.timeout, "timeout"));
  if (options.chunk_size == 0) throw_invalid_argument("chunk_size", "0", "1 or more");
  if (options.buffer_size && *options.buffer_size == 0) throw_invalid_argument("buffer_size", "0", "1 or more");
}

std::optional<slot> slot_at_once(executor& pool) {
  auto room = pool.acquire_slot();
  if (!room.done() && room.cancel() == cancel_outcome::dropped) return std::nullopt;
  return std::move(room).result();
}

void throw_map_timeout(std::size_t taken) {
  throw timeout_error("plait: map: the result after the first " + std::to_string(taken) +
                      " was not there by the timeout");
}

}  // namespace plait::inline PLAIT_ABI::detail
