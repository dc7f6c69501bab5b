// What program and server say to each other. Both are the same program file, so the structs travel as they are.
#pragma once

#include <plait/core/config.hpp>
#include <plait/processes/internal/server_client.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace plait::inline PLAIT_ABI::detail {

inline constexpr std::size_t longest_process_name = 15;  // of the kernel: TASK_COMM_LEN less the 0 at its end

/// Over the main socket, with one end of a session's socket pair.
struct session_message {
  std::uint32_t magic = expected;
  static constexpr std::uint32_t expected = 0x706c6174;
};

/// From a pool to the server, with the worker's descriptors.
struct request_message {
  enum class kind : std::uint32_t {
    start,
    forget,  // kill the worker, and say nothing of its end: the program could not take its pidfd
  };
  std::uint64_t id = 0;
  kind what = kind::start;
  start_method how = start_method::fork_server;
  std::array<char, longest_process_name + 1> name{};
};

/// From the server to a pool; `started` with the worker's pidfd.
struct event_message {
  std::uint64_t id = 0;
  std::uint32_t what = 0;  // server_event::kind
  std::int32_t pid = 0;
  std::int32_t error = 0;
  std::int32_t code = 0;
  std::uint8_t signaled = 0;
  std::uint8_t core_dumped = 0;
  std::uint16_t threads = 0;  // started: that the server has, where it therefore execs its workers; else 0
  std::array<char, 16> call{};
};

static_assert(std::is_trivially_copyable_v<request_message> && std::is_trivially_copyable_v<event_message>);

}  // namespace plait::inline PLAIT_ABI::detail
