// How the server makes a worker, and what a worker does before its worker_main.
#pragma once

#include <plait/core/config.hpp>
#include <plait/processes/internal/descriptors.hpp>
#include <plait/processes/internal/server_messages.hpp>

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace plait::inline PLAIT_ABI::detail {

struct made_worker {
  int error = 0;               // errno of `call`; then there is no process
  const char* call = nullptr;  // what failed
  pid_t pid = 0;
  private_fd pidfd;
  std::uint16_t threads = 0;  // how many the server has, where it should have forked but for them
};

/// Makes a worker out of this process, the server, by fork or by exec. In the worker it does not return.
[[nodiscard]] made_worker make_worker(const request_message& request, std::vector<unique_fd> descriptors);

/// What a new process does as a worker, by whatever way it was made: takes the name, runs worker_main, ends.
[[noreturn]] void run_worker(std::string_view name, std::vector<int> descriptors) noexcept;

/// The process's name, for the kernel (15 bytes) and, as far as the room for it goes, in what ps shows.
void set_process_name(std::string_view name) noexcept;
/// Where the kernel reads what ps shows.
void remember_command_line(int argc, char** argv) noexcept;

/// For the server: it ignores SIGTERM, and the kernel must not reap its children. Forked workers get back what static
/// constructors have set.
void set_server_signals() noexcept;

}  // namespace plait::inline PLAIT_ABI::detail
