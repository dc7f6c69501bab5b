// What completes because something else completes: one after the other, never one inside the other.
//
//    a call is done ── fires ──► gather is complete ── run ──► publish ── fires ──► outer gather is complete ──
//    queued
//                                     ▲                                                                          │
//                                     └──────────────────────── then ────────────────────────────────────────────┘
//
// Guarantees
// - However deep gathers stand inside one another, the stack of the thread that completes them, or cancels them, does
//   not grow with it.
// - What is relayed runs on this thread, before the outermost relay on it returns.
#pragma once

#include <plait/core/config.hpp>

namespace plait::inline PLAIT_ABI::detail {

struct relayed {
  using run_function = void (*)(relayed&) noexcept;
  explicit relayed(run_function function) noexcept : run(function) {}

  relayed* next = nullptr;
  run_function run;  // may end the life of what is relayed
};

/// Runs it now, or, where another one runs on this thread, after that.
void relay(relayed& what) noexcept;

}  // namespace plait::inline PLAIT_ABI::detail
