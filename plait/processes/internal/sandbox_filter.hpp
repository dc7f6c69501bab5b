// Which system calls a sandboxed worker may make.
#pragma once

#include <plait/core/config.hpp>
#include <plait/processes/internal/unique_fd.hpp>

#include <string>

namespace plait::inline PLAIT_ABI::detail {

/// Why no process can be given a filter here, as far as can be told before; empty: it can.
[[nodiscard]] std::string why_no_filter();

/// Descriptors that a filter knows by their numbers. All are `lowest` or above, and no other ever is.
struct filtered_descriptors {
  static constexpr int lowest = 256;
  int control;    // the parent's messages are received from it
  int bells[2];   // may be written to
  int handover;   // what install_filter gives can be sent over it, until it is closed
  int file = -1;  // may be read by pread; negative: there is none
};

/// For all threads of this process and for good: what is not allowed stops in the kernel until whoever holds the
/// listener, which this returns, has decided (sandbox_watch.hpp). `reads_files`: opening for reading is allowed; what
/// may be read is not the filter's to say. Throws std::system_error naming the call that failed.
[[nodiscard]] unique_fd install_filter(const filtered_descriptors& known, bool reads_files);

}  // namespace plait::inline PLAIT_ABI::detail
