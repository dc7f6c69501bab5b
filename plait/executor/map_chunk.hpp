// What travels as one call of executor::map: some items, and the function for each.
#pragma once

#include <plait/core/outcome.hpp>
#include <plait/executor/call.hpp>

#include <functional>
#include <stop_token>
#include <tuple>
#include <utility>
#include <vector>

namespace plait::inline PLAIT_ABI::detail {

/// What travels as one call.
template <class R, class F, class... Items> struct map_chunk {
  explicit map_chunk(F f) : function(std::move(f)) {}

  std::vector<outcome<R>> operator()(std::stop_token stop) {
    std::vector<outcome<R>> results;
    results.reserve(items.size());
    for (auto& item : items) {
      results.emplace_back();  // cancelled, unless more is known
      if (stop.stop_requested()) continue;
      try {
        results.back() = std::apply(
            [&](Items&... arguments) {
              const auto run = [&]() -> decltype(auto) {
                if constexpr (called_with_token<F, Items...>)
                  return std::invoke(function, stop, std::move(arguments)...);
                else
                  return std::invoke(function, std::move(arguments)...);
              };
              if constexpr (std::is_void_v<R>)
                return run(), outcome<R>(std::monostate());
              else
                return outcome<R>(stored<R>(run()));
            },
            item);
      } catch (const cancelled_error&) {
      } catch (...) {
        results.back() = std::current_exception();
      }
    }
    return results;
  }

  F function;
  std::vector<std::tuple<Items...>> items;
};

template <class R> using chunk_outcomes = std::vector<outcome<R>>;

}  // namespace plait::inline PLAIT_ABI::detail
