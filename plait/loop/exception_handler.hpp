// What a loop's exception handler is told (see event_loop::set_exception_handler).
#pragma once

#include <plait/core/config.hpp>

#include <exception>
#include <functional>
#include <source_location>
#include <string_view>

namespace plait::inline PLAIT_ABI {

class event_loop;

/// Something went wrong on a loop, and there is nobody to throw it at. It is good for the time of the call.
struct exception_context {
  /// What happened, in words that the exception's own text continues: "a callback of the event loop threw".
  std::string_view message;
  /// Null where there is none.
  std::exception_ptr exception = nullptr;
  /// Of the task that it is about; empty where it is about none, or that has no name.
  std::string_view task_name = {};
  /// Where that task was created; its line is 0 where that is not known.
  std::source_location created_at = {};
};

using exception_handler = std::function<void(event_loop&, const exception_context&)>;

}  // namespace plait::inline PLAIT_ABI
