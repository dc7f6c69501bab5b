#include <plait/processes/internal/unique_fd.hpp>

#include <cerrno>
#include <string>
#include <system_error>

#include <fcntl.h>

namespace plait::inline PLAIT_ABI::detail {

void throw_system_error(int error, std::string_view call) {
  throw std::system_error(error, std::system_category(), "plait: " + std::string(call));
}

unique_fd above_stdio(int descriptor, const char* call) {
  if (descriptor < 0) throw_system_error(errno, call);
  unique_fd given(descriptor);
  if (descriptor > STDERR_FILENO) {
    ::fcntl(descriptor, F_SETFD, FD_CLOEXEC);
    return given;
  }
  const int moved = ::fcntl(descriptor, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
  if (moved < 0) throw_system_error(errno, std::string("fcntl after ") + call);
  return unique_fd(moved);
}

}  // namespace plait::inline PLAIT_ABI::detail
