// What all pools make of their options.
#pragma once

#include <plait/executor/internal/admission.hpp>

#include <atomic>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace plait::inline PLAIT_ABI::detail {

/// Throws std::invalid_argument where it is less than 1.
[[nodiscard]] int checked_workers(int wanted);
/// What was wanted; else "<kind>-<n>", counted in `made`.
[[nodiscard]] std::string chosen_prefix(std::string_view wanted, std::string_view kind, std::atomic<unsigned>& made);
/// Null where neither is bounded. Throws std::invalid_argument where a bound is 0.
[[nodiscard]] std::shared_ptr<admission> room_for(const std::optional<std::size_t>& max_pending,
                                                  const std::optional<std::size_t>& max_pending_bytes);

}  // namespace plait::inline PLAIT_ABI::detail
